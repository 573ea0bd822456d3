"""Pages of a list: odd numbers of a page lead to a good one."""

from typing import Any

from django.core.paginator import Page, Paginator


def page_of(found: Any, size: int, asked: str | None) -> Page[Any]:
    """Return the page that an address asks for: page 1 for what is no number above 0, the last one beyond the end."""
    text = asked or ""
    number = int(text) if text.isdecimal() and len(text) < 10 else 1
    return Paginator(found, size).get_page(max(1, number))
