"""Pages of a list: odd numbers of a page lead to a good one."""

from typing import Any

from django.core.paginator import Page, Paginator


def page_of(found: Any, size: int, asked: str | None) -> Page[Any]:
    """Return the page that an address asks for: page 1 for what is no number above 0, the last one beyond the end."""
    return Paginator(found, size).get_page(page_number(asked))


def page_number(asked: str | None) -> int:
    """Return the number that an address asks for; 1 for what is no number above 0."""
    text = asked or ""
    return max(1, int(text)) if text.isdecimal() and len(text) < 10 else 1
