"""The message catalogues: extracting, telling what is missing, compiling without GNU gettext."""

from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from django.core.management import CommandError, call_command

from licensing_portal import catalogue


@pytest.fixture
def rooms(tmp_path: Path, settings: Any) -> Path:
    """A tree with one module and one template, and an empty folder for catalogues."""
    (tmp_path / "customers").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "customers/words.py").write_text(
        '_("Save")\nngettext("%(n)s user", "%(n)s users", n)\npgettext("verb", "Open")\n'
    )
    (tmp_path / "templates/page.html").write_text(
        '{% load i18n %}{% translate "Customers" %}'
        "{% blocktranslate count n=n %}{{ n }} product{% plural %}{{ n }} products{% endblocktranslate %}"
    )
    settings.BASE_DIR = tmp_path
    settings.LOCALE_PATHS = [tmp_path / "locale"]
    return tmp_path


def words(catalog: Catalog) -> set[Any]:
    """Return the messages of a catalogue."""
    return {message.id for message in catalog if message.id}


def test_messages_of_code_and_templates_are_found(rooms: Path) -> None:
    assert words(catalogue.extracted()) == {
        "Save",
        ("%(n)s user", "%(n)s users"),
        "Open",
        "Customers",
        ("%(n)s product", "%(n)s products"),
    }


def test_update_keeps_translations_and_drops_what_is_gone(rooms: Path) -> None:
    call_command("extract_messages", verbosity=0)
    file = catalogue.po_file()
    file.write_text(file.read_text().replace('msgid "Save"\nmsgstr ""', 'msgid "Save"\nmsgstr "保存"'))
    (rooms / "templates/page.html").write_text("")
    call_command("extract_messages", verbosity=0)

    assert 'msgstr "保存"' in file.read_text()
    assert "Customers" not in file.read_text()


def test_similar_message_does_not_inherit_a_translation(rooms: Path) -> None:
    call_command("extract_messages", verbosity=0)
    file = catalogue.po_file()
    file.write_text(file.read_text().replace('msgid "Customers"\nmsgstr ""', 'msgid "Customers"\nmsgstr "顧客"'))
    (rooms / "templates/page.html").write_text('{% load i18n %}{% translate "Customer" %}')
    call_command("extract_messages", verbosity=0)

    assert "顧客" not in file.read_text()
    assert "fuzzy" not in file.read_text()


def test_check_refuses_a_message_without_translation(rooms: Path) -> None:
    call_command("extract_messages", verbosity=0)

    with pytest.raises(CommandError, match="not translated"):
        call_command("extract_messages", "--check")


def test_check_refuses_a_catalogue_that_is_not_up_to_date(rooms: Path) -> None:
    call_command("extract_messages", verbosity=0)
    (rooms / "customers/words.py").write_text('_("Something new")\n')

    with pytest.raises(CommandError, match="not up to date"):
        call_command("extract_messages", "--check")


def test_fuzzy_translation_counts_as_missing() -> None:
    catalog = Catalog(locale="ja")
    catalog.add("Save", "保存", flags=["fuzzy"])
    catalog.add("Undo", "元に戻す")

    assert catalogue.untranslated(catalog) == ["Save"]


def test_compiled_catalogue_translates(rooms: Path) -> None:
    call_command("extract_messages", verbosity=0)
    file = catalogue.po_file()
    file.write_text(file.read_text().replace('msgid "Save"\nmsgstr ""', 'msgid "Save"\nmsgstr "保存"'))

    assert catalogue.compile_all() == 1
    assert "保存".encode() in file.with_suffix(".mo").read_bytes()
