"""The page of all customers: what needs attention first."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db.models import Case, Count, QuerySet, Sum, Value, When
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from customers.attention import NEEDS, RELATIONSHIPS, reasons
from customers.folding import fold
from customers.models import Customer
from licensing_portal.paging import page_of
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right

_PAGE = 100
_SORTS = {
    "attention": ("fine", "sort_key", "pk"),
    "name": ("sort_key", "pk"),
    "-name": ("-sort_key", "-pk"),
    "users": ("user_count", "sort_key", "pk"),
    "-users": ("-user_count", "sort_key", "pk"),
}
# What each heading asks for when the list is sorted by something else.
_FIRST = {"name": "name", "attention": "attention", "users": "-users"}


@dataclass(frozen=True, slots=True)
class _Query:
    """What is asked of the list; empty text is "any"."""

    q: str = ""
    need: str = ""
    relationship: str = ""
    sort: str = "attention"

    @classmethod
    def read(cls, data: Mapping[str, str]) -> "_Query":
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
        known = {"need": ("", *NEEDS), "relationship": ("", *RELATIONSHIPS), "sort": tuple(_SORTS)}
        return {name for name, values in known.items() if getattr(self, name) not in values}

    @property
    def shown(self) -> dict[str, str]:
        """The parts of this query that an address must name."""
        usual = _Query()
        return {name: value for name, value in asdict(self).items() if value != getattr(usual, name)}

    @property
    def is_filtered(self) -> bool:
        """Whether the list shows a part of the customers."""
        return bool(self.q or self.need or self.relationship)


@require_safe
@needs(Right.CUSTOMER_VIEW)
def customer_list(request: StaffRequest) -> HttpResponse:
    """Show the customers of the person's scope; an unknown filter or sort shows all of them, with a sentence."""
    visible = Customer.objects.visible_to(request.user)
    typed = _Query.read(request.GET)
    unknown = typed.unknown
    # Everybody, so that the list is not a part of the customers by mistake; the controls keep what was typed.
    query = _Query() if unknown else typed
    now = timezone.now()
    context = {
        "nav": "customers",
        "query": query,
        "typed": typed,
        "unknown": unknown,
        "sorts": {field: _heading(field, query.sort) for field in _FIRST},
        "totals": _totals(visible, now),
    } | _rows(_matching(visible, query, now), query, request.GET.get("page", ""), now)
    return render(request, "customers/customers.html", context, status=422 if unknown else 200)


def _heading(field: str, sort: str) -> dict[str, str]:
    """Return how a column is sorted and what its link asks for."""
    states = {field: "ascending", f"-{field}": "descending"}
    turned = {"name": "-name", "users": "-users", "-users": "users"}
    if sort.removeprefix("-") != field:
        return {"state": "none", "next": _FIRST[field]}
    return {"state": states[sort], "next": turned.get(sort, _FIRST[field])}


def _matching(visible: QuerySet[Customer], query: _Query, now: datetime) -> QuerySet[Customer]:
    """Find by name, any domain or tenant id, among those with a need and a relationship."""
    if folded := fold(query.q):
        visible = visible.filter(search__contains=folded)
    if query.need:
        visible = visible.filter(NEEDS[query.need](now))
    return visible.filter(RELATIONSHIPS[query.relationship](now)) if query.relationship else visible


def _rows(found: QuerySet[Customer], query: _Query, number: str, now: datetime) -> dict[str, object]:
    """Return one page: sorted by attention in two groups, each with its number on all pages, else in one."""
    fine = Case(When(NEEDS["any"](now), then=Value(False)), default=Value(True))
    page = page_of(found.annotate(fine=fine).order_by(*_SORTS[query.sort]), _PAGE, number)
    rows = [(customer, reasons(customer, now)) for customer in page]
    if query.sort != "attention":
        return {"page": page, "groups": [{"rows": rows}]}
    needy_total = found.filter(NEEDS["any"](now)).count()
    groups = [
        {"is_needy": True, "total": needy_total, "rows": [row for row in rows if row[1]]},
        {"is_needy": False, "total": page.paginator.count - needy_total, "rows": [row for row in rows if not row[1]]},
    ]
    return {"page": page, "groups": [group for group in groups if group["rows"]]}


def _totals(visible: QuerySet[Customer], now: datetime) -> dict[str, int]:
    """Return the five figures that filter the list."""
    counted = visible.aggregate(
        total=Count("pk"),
        any=Count("pk", filter=NEEDS["any"](now)),
        errors=Sum("error_users"),
        short=Sum("short_products"),
        over=Sum("over_licenses"),
        access=Count("pk", filter=NEEDS["access"](now)),
    )
    return {name: value or 0 for name, value in counted.items()}
