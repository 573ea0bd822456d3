"""The page of all customers: what needs attention first."""

from datetime import datetime

from django.core.paginator import Paginator
from django.db.models import Case, Count, QuerySet, Sum, Value, When
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from customers.attention import NEEDS, Reason, reasons
from customers.folding import fold
from customers.models import Customer
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right

_PAGE = 100


@require_safe
@needs(Right.CUSTOMER_VIEW)
def customer_list(request: StaffRequest) -> HttpResponse:
    """Show the customers of the person's scope; an unknown filter shows all of them, with a sentence."""
    visible = Customer.objects.visible_to(request.user)
    q, need = request.GET.get("q", "").strip()[:200], request.GET.get("need", "")
    is_known = need == "" or need in NEEDS
    if not is_known:
        q = need = ""
    now = timezone.now()
    found = _matching(visible, q, need, now)
    context = {
        "nav": "customers",
        "q": q,
        "need": need,
        "totals": _totals(visible, now),
        "bad_need": not is_known,
    } | _rows(found, request.GET.get("page"), now)
    return render(request, "customers/customers.html", context, status=200 if is_known else 422)


def _matching(visible: QuerySet[Customer], q: str, need: str, now: datetime) -> QuerySet[Customer]:
    """Find by name, any domain or tenant id, among those with a need."""
    if folded := fold(q):
        visible = visible.filter(search__contains=folded)
    return visible.filter(NEEDS[need](now)) if need else visible


def _rows(found: QuerySet[Customer], number: str | None, now: datetime) -> dict[str, object]:
    """Return one page in two groups, what needs attention first, each with its number on all pages."""
    needy_first = Case(When(NEEDS["any"](now), then=Value(0)), default=Value(1))
    page = Paginator(found.order_by(needy_first, "sort_key", "pk"), _PAGE).get_page(number)
    rows: list[tuple[Customer, list[Reason]]] = [(customer, reasons(customer, now)) for customer in page]
    needy_total = found.filter(NEEDS["any"](now)).count()
    return {
        "page": page,
        "needy": [row for row in rows if row[1]],
        "needy_total": needy_total,
        "fine": [row for row in rows if not row[1]],
        "fine_total": page.paginator.count - needy_total,
    }


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
