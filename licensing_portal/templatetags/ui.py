"""Small pieces of every page: icons, times with their zone, names in the reader's language."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from customers.models import CustomerFacet
from licenses.countries import country_name
from licenses.product_names import in_words
from licensing_portal.lists import listed

register = template.Library()


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """Print an icon of the sprite; it is decoration, the words beside it carry the meaning."""
    return _icon(name, classes, settings.STATIC_URL)


@cache
def _icon(name: str, classes: str, _base: str) -> SafeString:
    """Write an icon once: lists have hundreds of them. `_base` is where static files are now."""
    return format_html(
        '<svg class="i {}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        classes,
        static("icons.svg"),
        name,
    )


_WRITTEN = "written once"


@register.simple_tag(takes_context=True)
def once(context: template.Context, name: str, **values: object) -> SafeString:
    """Print a template with these values alone; what many rows of a page share is written once."""
    rendered: Any = context.render_context
    written: dict[object, SafeString] = rendered.setdefault(_WRITTEN, {})
    key = (name, *values.values())
    if key not in written:
        assert context.template is not None
        written[key] = context.template.engine.get_template(name).render(context.new(values))
    return written[key]


@register.filter
def clock(moment: datetime | None) -> str:
    """Return "09:41 JST" for a time of today, else with its date; empty for None."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    if local.date() != timezone.localdate():
        return moment_text(local)
    if _is_japanese():
        return f"{local:%H:%M} ({local:%Z})"
    return f"{local:%H:%M %Z}"


@register.filter(name="moment")
def moment_text(moment: datetime | None) -> str:
    """Return "23 Nov 2026 23:44 JST" or 「2026/11/23 23:44 (JST)」; empty for None."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    if _is_japanese():
        return f"{local:%Y/%m/%d %H:%M} ({local:%Z})"
    return f"{local.day} {local:%b %Y %H:%M %Z}"


@register.filter
def day(moment: datetime | None) -> str:
    """Return a date without its time; empty for None."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    return f"{local:%Y/%m/%d}" if _is_japanese() else f"{local.day} {local:%b %Y}"


@register.filter
def percent(part: int, whole: int) -> str:
    """Return "62 %" or 「62%」: a whole number that says 100 only when nothing is left, and 0 for nothing at all."""
    number = part * 100 // whole if whole else 0
    return f"{number}%" if _is_japanese() else f"{number} %"


@register.filter
def iso(moment: datetime | None) -> str:
    """Return a time for the datetime attribute."""
    return moment.isoformat() if moment else ""


@register.filter
def product(name: str) -> str:
    """Return a product or plan name in the reader's language."""
    return in_words(name)


register.filter("listed", listed)


@register.filter
def localized_names(names: Iterable[str]) -> str:
    """Return the names of products or plans, joined, in the reader's language."""
    return listed(product(name) for name in names)


@register.filter
def before_particle(name: str) -> str:
    """Return a name as it stands before a Japanese particle: a space follows Latin letters and digits alone."""
    return f"{name} " if name and _is_japanese() and name[-1].isascii() else name


@register.filter
def country(code: str) -> str:
    """Return a usage location as "Japan (JP)" in the reader's language; the code alone while it has no name."""
    name = country_name(code, get_language() or "en")
    return code if name == code else f"{name} ({code})"


@register.filter
def by_country(facets: Iterable[CustomerFacet]) -> list[CustomerFacet]:
    """Return the entries of a list of usage locations in the order of the countries' names."""
    return sorted(facets, key=lambda facet: country(facet.value))


@register.filter
def initials(name: str) -> str:
    """Return the letters of the person's mark; decoration only."""
    parts = name.split()
    return "".join(part[0] for part in parts[:2]).upper()


def _is_japanese() -> bool:
    return (get_language() or "").startswith("ja")
