"""The page of all customers: what needs attention first."""

from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet, Sum
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
    """Show the customers of the person's scope."""
    visible = Customer.objects.visible_to(request.user)
    q, need = request.GET.get("q", "").strip()[:200], request.GET.get("need", "")
    now = timezone.now()
    found = _search(visible, q)
    is_known_need = need == "" or need in NEEDS
    if need in NEEDS:
        found = found.filter(NEEDS[need](now))
    attention = NEEDS["any"](now)
    found = found.annotate(needy=Count("pk", filter=attention)).order_by("-needy", "sort_key", "pk")
    page = Paginator(found, _PAGE).get_page(request.GET.get("page"))
    rows: list[tuple[Customer, list[Reason]]] = [(customer, reasons(customer, now)) for customer in page]
    context = {
        "nav": "customers",
        "q": q,
        "need": need if is_known_need else "",
        "page": page,
        "needy": [row for row in rows if row[1]],
        "fine": [row for row in rows if not row[1]],
        "totals": _totals(visible, now),
        "bad_need": not is_known_need,
    }
    return render(request, "customers/customers.html", context, status=200 if is_known_need else 422)


def _search(visible: QuerySet[Customer], q: str) -> QuerySet[Customer]:
    """Find by name, any domain, or tenant id."""
    folded = fold(q)
    return visible.filter(Q(search__contains=folded) | Q(tenant_id=q.lower())) if folded else visible


def _totals(visible: QuerySet[Customer], now: object) -> dict[str, int]:
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
