"""What a customer owns: products with their seats, who holds them, and where to buy more."""

from django.core.paginator import Paginator
from django.db.models import Min
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from customers import selection as selections
from customers.models import Customer
from customers.scope import customer_or_404
from licenses.models import Entitlement
from licenses.services.figures import FREE_PRODUCT_UNITS
from licenses.services.holders import Holders
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right

_PAGE = 100
POPOVER = 100


@require_safe
@needs(Right.LICENSE_VIEW)
def products(request: StaffRequest, tenant_id: str) -> HttpResponse:
    """Show all products of a customer."""
    customer = customer_or_404(request, tenant_id)
    dates = dict(customer.subscriptions.order_by().values_list("product_id").annotate(at=Min("next_lifecycle_at")))
    rows = [
        {
            "entitlement": entitlement,
            "is_free": entitlement.enabled >= FREE_PRODUCT_UNITS,
            "owned": entitlement.enabled + entitlement.warning,
            "available": entitlement.seats.available,
            "next": dates.get(entitlement.product_id),
        }
        for entitlement in customer.entitlements.select_related("product").order_by("product__display_name")
    ]
    return render(request, "licenses/products.html", {"customer": customer, "nav": "products", "rows": rows})


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
    only_selected = request.GET.get("selected") == "1"
    selection = selections.get(request.user, customer) if only_selected else None
    found = Holders(customer, entitlement.product, selection)
    context = {"customer": customer, "nav": "products", "entitlement": entitlement, "only_selected": only_selected}
    if request.htmx:
        context |= {"holders": found[:POPOVER], "total": found.total}
        return render(request, "licenses/holders.html#list", context)
    page = Paginator(found, _PAGE).get_page(request.GET.get("page"))
    return render(request, "licenses/holders.html", context | {"page": page, "holders": page})


@require_safe
@needs(Right.PRODUCT_BUY)
def buy(request: StaffRequest, tenant_id: str, sku_id: str) -> HttpResponse:
    """Show the subscription of a product and where more licences are bought."""
    customer = customer_or_404(request, tenant_id)
    entitlement = _entitlement_or_404(customer, sku_id)
    subscriptions = customer.subscriptions.filter(product=entitlement.product).order_by("subscription_id")
    context = {"customer": customer, "nav": "products", "entitlement": entitlement, "subscriptions": subscriptions}
    return render(request, "licenses/buy.html", context)
