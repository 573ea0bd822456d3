"""Selected users: only those, removable one by one."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from customers import selection as selections
from customers.scope import customer_or_404
from customers.views.users import Row
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right

_PAGE = 200


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.LICENSE_VIEW)
def selected_users(request: StaffRequest, tenant_id: str) -> HttpResponse:
    """Show the selection, or take users out of it."""
    customer = customer_or_404(request, tenant_id)
    selection = selections.get(request.user, customer)
    if request.method == "POST":
        if request.POST.get("go") == "clear":
            selections.clear(selection)
        elif object_id := request.POST.get("remove", "").lower():
            selections.remove(selection, [object_id])
        return redirect("customers:selected", tenant_id=customer.tenant_id)
    found = selections.users(selection).prefetch_related("holdings__product", "assignments__product")
    page = Paginator(found, _PAGE).get_page(request.GET.get("page"))
    rows: list[Row] = [Row(user, True) for user in page]
    context = {
        "customer": customer,
        "nav": "users",
        "page": page,
        "rows": rows,
        "selected": page.paginator.count,
    }
    return render(request, "customers/selected.html", context)
