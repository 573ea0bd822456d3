"""The page of all customers: what needs attention first."""

from datetime import datetime

from django.db.models import Count, QuerySet, Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from customers.attention import NEEDS, reasons
from customers.customer_query import CustomerQuery, in_order, matching
from customers.models import Customer
from licensing_portal.paging import page_of
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right

_PAGE = 100
# What each heading asks for when the list is sorted by something else.
_FIRST = {"name": "name", "attention": "attention", "users": "-users"}


@require_safe
@needs(Right.CUSTOMER_VIEW)
def customer_list(request: StaffRequest) -> HttpResponse:
    """Show the customers of the person's scope; an unknown filter or sort shows all of them, with a sentence."""
    visible = Customer.objects.visible_to(request.user)
    typed = CustomerQuery.read(request.GET)
    unknown = typed.unknown
    # Everybody, so that the list is not a part of the customers by mistake; the controls keep what was typed.
    query = CustomerQuery() if unknown else typed
    now = timezone.now()
    context = {
        "nav": "customers",
        "query": query,
        "typed": typed,
        "unknown": unknown,
        "sorts": {field: _heading(field, query.sort) for field in _FIRST},
        "totals": _totals(visible, now),
    } | _rows(matching(visible, query, now), query, request.GET.get("page", ""), now)
    return render(request, "customers/customers.html", context, status=422 if unknown else 200)


def _heading(field: str, sort: str) -> dict[str, str]:
    """Return how a column is sorted and what its link asks for."""
    states = {field: "ascending", f"-{field}": "descending"}
    turned = {"name": "-name", "users": "-users", "-users": "users"}
    if sort.removeprefix("-") != field:
        return {"state": "none", "next": _FIRST[field]}
    return {"state": states[sort], "next": turned.get(sort, _FIRST[field])}


def _rows(found: QuerySet[Customer], query: CustomerQuery, number: str, now: datetime) -> dict[str, object]:
    """Return one page: sorted by attention in two groups, each with its number on all pages, else in one."""
    page = page_of(in_order(found, query.sort, now), _PAGE, number)
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
