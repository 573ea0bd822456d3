"""All templates compile, keep the strict content security policy and stay short."""

import re
from pathlib import Path

import pytest
from django.template.loader import get_template

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
NAMES = sorted(file.relative_to(TEMPLATES).as_posix() for file in TEMPLATES.rglob("*.html"))
LONGEST = 120
_TAG = re.compile(r"\{%.*?%\}")
# What a browser refuses under our policy, or htmx would hand to the Function constructor.
FORBIDDEN = {
    "inline style": re.compile(r"\sstyle\s*="),
    "inline handler": re.compile(r"\son[a-z]+\s*=", re.IGNORECASE),
    "hx-on": re.compile(r"\bhx-on\b"),
    "evaluated expression": re.compile(r"""["']\s*(?:js|javascript):"""),
    "inline script": re.compile(r"<script(?![^>]*\bsrc=)"),
    "inline stylesheet": re.compile(r"<style\b"),
    "other host": re.compile(r"""(?:src|href)=["']https?://"""),
}
UNESCAPED = re.compile(r"\|\s*safe\b|\{%\s*autoescape off")


def offences(text: str) -> list[str]:
    """Return the rules that a template breaks; the words inside its own tags are no HTML."""
    markup = _TAG.sub("", text)
    found = [rule for rule, pattern in FORBIDDEN.items() if pattern.search(markup)]
    return [*found, "unescaped text"] if UNESCAPED.search(text) else found


@pytest.mark.parametrize("name", NAMES)
def test_template_compiles(name: str) -> None:
    get_template(name)


@pytest.mark.parametrize("name", NAMES)
def test_template_keeps_the_policy(name: str) -> None:
    text = (TEMPLATES / name).read_text(encoding="utf-8")

    assert offences(text) == []


@pytest.mark.parametrize("name", NAMES)
def test_template_is_short(name: str) -> None:
    assert len((TEMPLATES / name).read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize(
    "text",
    [
        '<p style="color: red">',
        '<a href="#" onclick="go()">',
        "<b hx-on:click='go()'>",
        "<script>go()</script>",
        "<style>b {}</style>",
        '<img src="https://example.com/a.png">',
        "{{ name|safe }}",
        """<b hx-vals='js:{a: 1}'>""",
    ],
)
def test_planted_offence_is_found(text: str) -> None:
    assert offences(text) != []
