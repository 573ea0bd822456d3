"""The Japanese catalogue is whole, and its sentences keep the placeholders and words that were agreed on."""

import re

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.checkers import python_format
from babel.messages.pofile import read_po
from django.utils.translation import ngettext, override

from licensing_portal.catalogue import po_file, to_text, untranslated, updated

_PLACEHOLDER = re.compile(r"%\(\w+\)[ds]|\{\w+\}")
# Words that say something else to Japanese readers (docs/terms.md, section 1).
_TRAPS = ("取り消", "失効", "お客様", "使用場所", "シート", "！")


@pytest.fixture(scope="module")
def stored() -> Catalog:
    """The Japanese catalogue as it is committed."""
    with po_file().open("rb") as file:
        return read_po(file, locale="ja")


def sentences(catalog: Catalog) -> list[tuple[Message, str, str]]:
    """Return message, English sentence and Japanese sentence."""
    rows = []
    for message in catalog:
        english = message.id if isinstance(message.id, str) else message.id[-1]
        japanese = message.string if isinstance(message.string, str) else message.string[0]
        if english:
            rows.append((message, english, japanese))
    return rows


def test_catalogue_holds_the_messages_of_the_code() -> None:
    assert po_file().read_text(encoding="utf-8") == to_text(updated())


def test_every_message_is_translated(stored: Catalog) -> None:
    assert untranslated(stored) == []


def test_translations_keep_their_placeholders(stored: Catalog) -> None:
    wrong = [
        english
        for _message, english, japanese in sentences(stored)
        if japanese and not set(_PLACEHOLDER.findall(japanese)) <= set(_PLACEHOLDER.findall(english))
    ]

    assert wrong == []


def test_translations_format_like_their_messages(stored: Catalog) -> None:
    for message, _english, japanese in sentences(stored):
        if japanese:
            python_format(stored, message)


def test_words_with_a_second_meaning_are_not_used(stored: Catalog) -> None:
    assert [
        japanese for _message, _english, japanese in sentences(stored) if any(trap in japanese for trap in _TRAPS)
    ] == []


def test_japanese_has_one_plural_form(stored: Catalog) -> None:
    assert stored.num_plurals == 1
    with override("ja"):
        assert ngettext("%(n)s customer", "%(n)s customers", 1) == ngettext("%(n)s customer", "%(n)s customers", 2)
