"""One user: facts, products by path, errors and history."""

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from customers import selection as selections
from customers.models import DirectoryUser
from customers.scope import customer_or_404
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right

_HISTORY = 50


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.LICENSE_VIEW)
def user_page(request: StaffRequest, tenant_id: str, object_id: str) -> HttpResponse:
    """Show a user, or select this user alone and manage their licences."""
    customer = customer_or_404(request, tenant_id)
    user = DirectoryUser.objects.filter(customer=customer, object_id=object_id).first()
    if user is None:
        raise Http404
    if request.method == "POST":
        selection = selections.get(request.user, customer)
        selections.clear(selection)
        selections.add(selection, [user.pk])
        return redirect("licenses:manage", tenant_id=customer.tenant_id)
    groups = dict(customer.groups.values_list("object_id", "display_name"))
    assignments = user.assignments.select_related("product", "plan_set").order_by("product__display_name", "via")  # type: ignore[attr-defined]
    events = user.license_events.select_related("product", "change__staff").order_by("-seen_at", "-pk")  # type: ignore[attr-defined]
    context = {
        "customer": customer,
        "nav": "users",
        "person": user,
        "paths": [(assignment, groups.get(assignment.via, "")) for assignment in assignments],
        "events": events[:_HISTORY],
    }
    return render(request, "customers/user.html", context)
