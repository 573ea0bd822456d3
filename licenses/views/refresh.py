"""Refresh: reads a customer again when somebody asks for it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from customers.models import Customer
from customers.scope import customer_or_404
from licenses import doorbell
from licenses.services.sync import sync_customer
from licensing_portal.gateways.errors import GatewayError
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right

# More users than this are read by a worker: nobody waits in front of a page for them.
READ_IN_REQUEST = 5_000


def _read(customer: Customer) -> bool:
    """Read a customer now; False when Microsoft did not answer."""
    try:
        sync_customer(customer)
    except GatewayError:
        return False
    return True


@require_POST
@needs(Right.LICENSE_VIEW)
def refresh(request: StaffRequest, tenant_id: str) -> HttpResponse:
    """Read the customer's directory now, then go back to the page."""
    customer = customer_or_404(request, tenant_id)
    if customer.user_count > READ_IN_REQUEST:
        doorbell.sync_one_customer.enqueue(customer.pk)
        messages.info(request, _("Microsoft is being asked. Look at this page again in a minute."))
    elif not _read(customer):
        messages.warning(request, _("Microsoft did not answer. The page shows what was read before."))
    place = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(place, {request.get_host()}, require_https=request.is_secure()):
        place = reverse("customers:users", args=[customer.tenant_id])
    return redirect(place)
