"""One user: facts, products by path, errors and history."""

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods

from customers import selection as selections
from customers.models import DirectoryUser, Source
from customers.scope import customer_or_404
from customers.views.gone import say_gone
from customers.views.set_aside import tell_set_aside
from licenses.countries import named_code
from licenses.services.user_page import read_page
from licenses.ticket_text import ticket_text
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.LICENSE_VIEW)
def user_page(request: StaffRequest, tenant_id: str, object_id: str) -> HttpResponse:
    """Show a user, or select this user alone and manage their licences."""
    customer = customer_or_404(request, tenant_id)
    user = DirectoryUser.objects.filter(customer=customer, object_id=object_id).first()
    if user is None:
        raise Http404
    if request.method == "POST" and user.deleted_at is not None:
        say_gone(request, [user.display_name])
        return redirect("customers:user", tenant_id=customer.tenant_id, object_id=object_id)
    if request.method == "POST":
        selection = selections.get(request.user, customer)
        tell_set_aside(request, customer, selections.replace(selection, [user.pk], Source.PAGE))
        return redirect("licenses:manage", tenant_id=customer.tenant_id)
    user.customer = customer
    found = read_page(user)
    # A round that tells nothing of a user says that nothing has changed.
    as_of = max(user.read_at, customer.synced_at or user.read_at)
    context = {
        "customer": customer,
        "nav": "users",
        "person": user,
        "as_of": as_of,
        "location": named_code(user.usage_location, get_language() or "en"),
        "paths": found.paths,
        "errors": found.broken,
        "lines": found.lines,
        "is_cut": found.is_cut,
        "shown": len(found.lines),
        "ticket": ticket_text(user, found, as_of),
    }
    return render(request, "customers/user.html", context)
