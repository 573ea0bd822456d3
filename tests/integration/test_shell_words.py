"""The template tags of every page, and the contrast of the colors that they are printed in."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.template import engines
from django.utils import timezone
from django.utils.translation import override

pytestmark = pytest.mark.one_database

LATE = datetime(2026, 11, 23, 14, 44, tzinfo=UTC)
TOKENS = (Path(settings.BASE_DIR) / "static/css/tokens.css").read_text(encoding="utf-8")
COLORS = dict(re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]+), (?:#[0-9a-f]+)\)", TOKENS))
DARK_COLORS = dict(re.findall(r"--([\w-]+): light-dark\((?:#[0-9a-f]+), (#[0-9a-f]+)\)", TOKENS))
# Text on what it is printed on: at least 4.5 to 1 (WCAG 2.2, 1.4.3); edges of controls: 3 to 1 (1.4.11).
TEXT, EDGE = 4.5, 3.0
PAIRS = [
    *((text, place, TEXT) for text in ("fg", "fg-2", "fg-3") for place in ("bg", "card", "alt", "sunken", "hover")),
    *(("fg-3", place, TEXT) for place in ("picked", "changed")),
    *(("link", place, TEXT) for place in ("bg", "card", "alt", "picked", "changed")),
    *((tone, f"{tone}-bg", TEXT) for tone in ("good", "warn", "bad")),
    *((tone, "card", TEXT) for tone in ("good", "warn", "bad")),
    *(("control", place, EDGE) for place in ("card", "alt", "picked")),
    ("brand", "card", EDGE),
    ("check", "brand", EDGE),
    *(("focus", place, EDGE) for place in ("bg", "card", "picked")),
]


def printed(template: str, **context: object) -> str:
    """Return what a template prints."""
    return engines["django"].from_string("{% load ui %}" + template).render(context)


def test_icon_is_decoration_from_the_sprite() -> None:
    assert printed("{% icon name 's' %}", name='x"><b>') == (
        '<svg class="i s" aria-hidden="true" focusable="false">'
        '<use href="/static/icons.svg#x&quot;&gt;&lt;b&gt;"/></svg>'
    )


@pytest.mark.parametrize(
    ("language", "filtered", "text"),
    [
        ("en", "moment", "23 Nov 2026 23:44 JST"),
        ("ja", "moment", "2026/11/23 23:44 (JST)"),
        ("en", "clock", "23 Nov 2026 23:44 JST"),
        ("ja", "clock", "2026/11/23 23:44 (JST)"),
        ("en", "day", "23 Nov 2026"),
        ("ja", "day", "2026/11/23"),
        ("en", "iso", "2026-11-23T14:44:00+00:00"),
    ],
)
def test_times_print_their_zone_in_the_readers_language(language: str, filtered: str, text: str) -> None:
    # A year on, so that no day of this test is the day itself.
    late = LATE if timezone.localdate() != timezone.localtime(LATE).date() else LATE + timedelta(days=365)
    with override(language):
        assert printed(f"{{{{ at|{filtered} }}}}", at=late) == text.replace("2026", str(late.year))


@pytest.mark.parametrize(("language", "text"), [("en", "09:41 JST"), ("ja", "09:41 (JST)")])
def test_time_of_today_is_a_clock(language: str, text: str) -> None:
    with override(language):
        assert printed("{{ at|clock }}", at=timezone.localtime().replace(hour=9, minute=41)) == text


@pytest.mark.parametrize("filtered", ["clock", "moment", "day", "iso"])
def test_no_time_prints_nothing(filtered: str) -> None:
    assert printed(f"{{{{ at|{filtered} }}}}", at=None) == ""


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 0, "0 %"), (0, 7, "0 %"), (1, 3, "33 %"), (1999, 2000, "99 %"), (2000, 2000, "100 %")],
)
def test_per_cent_never_promises_the_end(part: int, whole: int, text: str) -> None:
    with override("en"):
        assert printed("{{ part|percent:whole }}", part=part, whole=whole) == text
    with override("ja"):
        assert printed("{{ part|percent:whole }}", part=part, whole=whole) == text.replace(" ", "")


@pytest.mark.parametrize(("name", "letters"), [("Mika Mori", "MM"), ("田中 恵", "田恵"), ("Cher", "C"), ("", "")])
def test_mark_of_a_person(name: str, letters: str) -> None:
    assert printed("{{ name|initials }}", name=name) == letters


def luminance(color: str) -> float:
    """Return the relative luminance of #rgb or #rrggbb, as WCAG defines it."""
    digits = color[1:] if len(color) == 7 else "".join(digit * 2 for digit in color[1:])
    channels = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colors, 1 to 21."""
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def test_contrast_is_measured_as_wcag_does() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#fff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("colors", [COLORS, DARK_COLORS], ids=["light", "dark"])
def test_colors_can_be_told_apart(colors: dict[str, str]) -> None:
    weak = {
        f"{front} on {back}": round(contrast(colors[front], colors[back]), 2)
        for front, back, least in PAIRS
        if contrast(colors[front], colors[back]) < least
    }
    assert weak == {}


@pytest.mark.parametrize("colors", [COLORS, DARK_COLORS], ids=["light", "dark"])
def test_white_words_stand_out_on_the_bar_and_on_buttons(colors: dict[str, str]) -> None:
    for place in ("bar", "bar-2", "fill", "fill-2"):
        assert contrast("#fff", colors[place]) >= TEXT
