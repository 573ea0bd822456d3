"""What may be asked of the list of customers, and who matches: the page and its export ask the same."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db.models import Case, QuerySet, Value, When

from customers.attention import NEEDS, RELATIONSHIPS
from customers.folding import fold
from customers.models import Customer

SORTS = {
    "attention": ("fine", "sort_key", "pk"),
    "name": ("sort_key", "pk"),
    "-name": ("-sort_key", "-pk"),
    "users": ("user_count", "sort_key", "pk"),
    "-users": ("-user_count", "sort_key", "pk"),
}


@dataclass(frozen=True, slots=True)
class CustomerQuery:
    """What is asked of the list; empty text is "any"."""

    q: str = ""
    need: str = ""
    relationship: str = ""
    sort: str = "attention"

    @classmethod
    def read(cls, data: Mapping[str, str]) -> "CustomerQuery":
        """Read a query as it was typed."""
        return cls(
            data.get("q", "").strip()[:200],
            data.get("need", ""),
            data.get("relationship", ""),
            data.get("sort", "") or "attention",
        )

    @property
    def unknown(self) -> set[str]:
        """The fields whose value the list does not know."""
        known = {"need": ("", *NEEDS), "relationship": ("", *RELATIONSHIPS), "sort": tuple(SORTS)}
        return {name for name, values in known.items() if getattr(self, name) not in values}

    @property
    def shown(self) -> dict[str, str]:
        """The parts of this query that an address must name."""
        usual = CustomerQuery()
        return {name: value for name, value in asdict(self).items() if value != getattr(usual, name)}

    @property
    def is_filtered(self) -> bool:
        """Whether the list shows a part of the customers."""
        return bool(self.q or self.need or self.relationship)


def matching(visible: QuerySet[Customer], query: CustomerQuery, now: datetime) -> QuerySet[Customer]:
    """Find by name, any domain or tenant id, among those with a need and a relationship."""
    if folded := fold(query.q):
        visible = visible.filter(search__contains=folded)
    if query.need:
        visible = visible.filter(NEEDS[query.need](now))
    return visible.filter(RELATIONSHIPS[query.relationship](now)) if query.relationship else visible


def in_order(found: QuerySet[Customer], sort: str, now: datetime) -> QuerySet[Customer]:
    """Return customers in the order that a query asks for."""
    fine = Case(When(NEEDS["any"](now), then=Value(False)), default=Value(True))
    return found.annotate(fine=fine).order_by(*SORTS[sort])
