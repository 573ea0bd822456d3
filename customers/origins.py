"""Where the users of a selection came from, in words."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl

from django.utils.functional import Promise

from customers.models import Selection, Source
from customers.user_query import LABELS, STATUSES, Facets


@dataclass(frozen=True, slots=True)
class FilterWord:
    """One filter of a list: its name, what it asks for, and how that is printed (product, country, or as it is)."""

    label: str | Promise
    value: str | Promise
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a user came from; `detail` and `words` belong to the source."""

    source: str
    detail: str
    words: tuple[FilterWord, ...] = ()


def origins_of(selection: Selection, user_pks: Collection[int]) -> dict[int, Origin]:
    """Return by row id where selected users came from."""
    rows = list(selection.rows.filter(user_id__in=user_pks).values_list("user_id", "source", "source_detail"))
    asked = {detail for _pk, source, detail in rows if source == Source.MATCHING}
    facets = Facets(selection.customer) if any(asked) else None
    words = {detail: tuple(_words(detail, facets)) for detail in asked if facets}
    return {pk: Origin(source, detail, words.get(detail, ())) for pk, source, detail in rows}


def _words(filters: str, facets: Facets) -> Iterator[FilterWord]:
    """Yield the filters of a list in words; values that are no longer known stay as they are."""
    for name, value in parse_qsl(filters):
        if name == "status" and value in STATUSES:
            yield FilterWord(LABELS[name], STATUSES[value][1])
        elif name in LABELS:
            yield FilterWord(LABELS[name], *_named(name, value, facets))


def _named(name: str, value: str, facets: Facets) -> tuple[str, str]:
    """Return a filter's value as people know it, and how it is printed."""
    if value in ("any", "none") or name in ("q", "errors"):
        return value, name
    labels = {facet.value: facet.label for facet in facets.entries("product" if name == "licence" else name)}
    return labels.get(value) or value, name
