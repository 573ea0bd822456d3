"""Selected users: only those, removable one by one."""

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from customers import selection as selections
from customers.models import Customer, Selection
from customers.origins import origins_of
from customers.scope import customer_or_404
from customers.user_list import rows_of
from licensing_portal.paging import page_of
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right

_PAGE = 100


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.LICENSE_VIEW)
def selected_users(request: StaffRequest, tenant_id: str) -> HttpResponse:
    """Show the selection in list order, or take users out of it."""
    customer = customer_or_404(request, tenant_id)
    selection = selections.get(request.user, customer)
    if request.method == "POST":
        _take_out(customer, selection, request.POST)
        return redirect(request.get_full_path())
    page = page_of(selections.users(selection), _PAGE, request.GET.get("page"))
    origins = origins_of(selection, [user.pk for user in page])
    context = {
        "customer": customer,
        "nav": "users",
        "page": page,
        "rows": [(row, origins.get(row.user.pk)) for row in rows_of(page, ())],
        "selection": selection,
        "selected": page.paginator.count,
        "earlier": selections.earlier_count(selection, timezone.now()),
        "is_stale": bool(page.paginator.count) and selections.is_stale(selection, timezone.now()),
    }
    return render(request, "customers/selected.html", context)


def _take_out(customer: Customer, selection: Selection, data: QueryDict) -> None:
    """Keep, empty or exchange the selection, or remove one user; 404 for an id that is not this customer's."""
    if data.get("go") == "clear":
        selections.clear(selection)
    elif data.get("go") == "keep":
        selections.keep(selection)
    elif data.get("go") == "restore":
        selections.restore(selection)
    elif object_id := data.get("remove", "").lower():
        if "\0" in object_id or not customer.users.filter(object_id=object_id).exists():
            raise Http404
        selections.remove(selection, [object_id])
