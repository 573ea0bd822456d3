"""What a customer owns: products with their seats, who holds them, and where to buy more."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from customers import selection as selections
from customers.folding import fold
from customers.models import Customer
from customers.scope import customer_or_404
from licenses.models import Entitlement
from licenses.services.holders import Holders
from licenses.services.product_list import STATUSES, product_rows
from licensing_portal.paging import page_of
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right

_PAGE = 100
POPOVER = 100
_UNKNOWN = gettext_lazy('The value of "%(field)s" is not known; the list shows all holders.')


@require_safe
@needs(Right.LICENSE_VIEW)
def products(request: StaffRequest, tenant_id: str) -> HttpResponse:
    """Show the products of a customer, what needs attention first."""
    customer = customer_or_404(request, tenant_id)
    q = request.GET.get("q", "").strip()[:200]
    rows = product_rows(customer, q, now=timezone.now())
    context = {
        "customer": customer,
        "nav": "products",
        "q": q,
        "total": len(rows),
        "needy": [row for row in rows if row.reasons],
        "fine": [row for row in rows if not row.reasons],
        "may_buy": request.user.may(Right.PRODUCT_BUY),
    }
    return render(request, "licenses/products.html", context)


def _entitlement_or_404(customer: Customer, sku_id: str) -> Entitlement:
    found = Entitlement.objects.filter(customer=customer, product__sku_id=sku_id).select_related("product").first()
    if found is None:
        raise Http404
    return found


@require_safe
@needs(Right.LICENSE_VIEW)
def holders(request: StaffRequest, tenant_id: str, sku_id: str) -> HttpResponse:
    """Show who holds a product: all holders, or (`selected=1`) those among the selected users."""
    customer = customer_or_404(request, tenant_id)
    entitlement = _entitlement_or_404(customer, sku_id)
    selected, q = request.GET.get("selected", "").strip(), request.GET.get("q", "").strip()[:200]
    is_known = selected in ("", "1")
    # What is not known filters nothing: the list is whole, and says so.
    selection = selections.get(request.user, customer) if selected == "1" else None
    found = Holders(customer, entitlement.product, selection, fold(q) if is_known else "")
    context = {
        "customer": customer,
        "nav": "products",
        "entitlement": entitlement,
        "only_selected": selected == "1",
        "q": q,
        "is_filtered": bool(q or selected),
        "problem": "" if is_known else _UNKNOWN % {"field": _("Selected users only")},
    }
    status = 200 if is_known else 422
    if request.htmx:
        some = found[:POPOVER]
        context |= {"holders": found.with_groups(some), "total": found.total}
        return render(request, "licenses/holders.html#list", context, status=status)
    page = page_of(found, _PAGE, request.GET.get("page"))
    context |= {"page": page, "holders": found.with_groups(list(page))}
    return render(request, "licenses/holders.html", context, status=status)


@require_safe
@needs(Right.PRODUCT_BUY)
def buy(request: StaffRequest, tenant_id: str, sku_id: str) -> HttpResponse:
    """Show the subscription of a product and where more licences are bought."""
    customer = customer_or_404(request, tenant_id)
    entitlement = _entitlement_or_404(customer, sku_id)
    subscriptions = customer.subscriptions.filter(product=entitlement.product).order_by("subscription_id")
    context = {
        "customer": customer,
        "nav": "products",
        "entitlement": entitlement,
        "subscriptions": [(one, STATUSES.get(one.status, one.status)) for one in subscriptions],
    }
    return render(request, "licenses/buy.html", context)
