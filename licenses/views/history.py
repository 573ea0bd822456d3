"""Change history: who changed what, when and for which ticket."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from customers.models import Customer, DirectoryUser
from customers.scope import customer_or_404
from licenses.services.change_list import ChangeList, rows_of
from licensing_portal.paging import page_of
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right

_PAGE = 50


@require_safe
@needs(Right.LICENSE_VIEW)
def customer_changes(request: StaffRequest, tenant_id: str) -> HttpResponse:
    """Show one customer's changes."""
    return _page(request, customer_or_404(request, tenant_id))


@require_safe
@needs(Right.LICENSE_VIEW)
def all_changes(request: StaffRequest) -> HttpResponse:
    """Show the changes of every customer in the person's scope."""
    return _page(request, None)


def _page(request: StaffRequest, customer: Customer | None) -> HttpResponse:
    found = ChangeList(Customer.objects.visible_to(request.user), customer)
    products = found.offered_products(request.GET.get("product", "").strip())
    query = found.parse(request.GET, products)
    page = page_of(found.matching(query), _PAGE, request.GET.get("page"))
    context = {
        "customer": customer,
        "nav": "changes" if customer else "all-changes",
        "query": query,
        "typed": query.typed,
        "people": found.people,
        "customers": [] if customer else found.offered_customers(),
        "products": products,
        "about": _about(customer, query.object_id),
        "page": page,
        "rows": rows_of(list(page)),
    }
    return render(request, "licenses/history.html", context, status=422 if query.errors else 200)


def _about(customer: Customer | None, object_id: str) -> DirectoryUser | None:
    """Return the one user whose changes are asked for, to be named instead of an id."""
    if customer is None or not object_id:
        return None
    return customer.users.filter(object_id=object_id).first()
