"""Change history: who changed what, when and for which ticket."""

from dataclasses import dataclass

from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from customers.folding import one_line
from customers.models import Customer
from customers.scope import customer_or_404
from licenses.core.diff import Choice
from licenses.models import LicenseChange, Product, UserChange
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right

_PAGE = 50


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A change with what it was about."""

    change: LicenseChange
    added: tuple[str, ...]
    removed: tuple[str, ...]
    plans: int
    location: str | None


@require_safe
@needs(Right.LICENSE_VIEW)
def customer_changes(request: StaffRequest, tenant_id: str) -> HttpResponse:
    """Show one customer's changes."""
    customer = customer_or_404(request, tenant_id)
    return _page(request, LicenseChange.objects.filter(customer=customer), customer)


@require_safe
@needs(Right.LICENSE_VIEW)
def all_changes(request: StaffRequest) -> HttpResponse:
    """Show the changes of every customer in the person's scope."""
    return _page(request, LicenseChange.objects.filter(customer__in=Customer.objects.visible_to(request.user)), None)


def _page(request: StaffRequest, found: QuerySet[LicenseChange], customer: Customer | None) -> HttpResponse:
    q = one_line(request.GET.get("q", ""))[:200]
    found = found.exclude(status=LicenseChange.Status.DRAFT)
    if q:
        found = found.filter(
            Q(reference__icontains=q) | Q(staff__display_name__icontains=q) | Q(customer__name__icontains=q)
        )
    states = UserChange.State
    counted = found.select_related("customer", "staff").order_by("-created_at", "pk")
    page = Paginator(counted, _PAGE).get_page(request.GET.get("page"))
    changes = list(page)
    figures = {
        row["change_id"]: row
        for row in UserChange.objects.filter(change__in=changes)
        .order_by()
        .values("change_id")
        .annotate(
            updated=Count("pk", filter=Q(state=states.UPDATED)),
            action=Count("pk", filter=Q(state__in=[states.FAILED, states.UNKNOWN, states.NOT_TRIED])),
        )
    }
    context = {
        "customer": customer,
        "nav": "changes" if customer else "all-changes",
        "q": q,
        "page": page,
        "rows": [(row, figures.get(row.change.pk)) for row in _rows(changes)],
    }
    return render(request, "licenses/history.html", context)


def _rows(changes: list[LicenseChange]) -> list[HistoryRow]:
    """Return what each change was about, with product names from one query."""
    skus = {sku_id for change in changes for sku_id in change.wish.get("products", {})}
    names = dict(Product.objects.filter(sku_id__in=skus).values_list("sku_id", "display_name"))
    rows = []
    for change in changes:
        products = change.wish.get("products", {}).items()
        rows.append(
            HistoryRow(
                change,
                tuple(names.get(sku_id, sku_id) for sku_id, choice in products if choice == Choice.ALL),
                tuple(names.get(sku_id, sku_id) for sku_id, choice in products if choice == Choice.NONE),
                len(change.wish.get("plans", {})),
                change.wish.get("location"),
            )
        )
    return rows
