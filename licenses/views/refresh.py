"""Refresh: reads a customer again when somebody asks for it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from customers.scope import customer_or_404
from licenses import doorbell
from licenses.services.sync import note_failure, refresh_customer
from licensing_portal.gateways.errors import GatewayError
from licensing_portal.site_views import safe_next
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right


@require_POST
@needs(Right.LICENSE_VIEW)
def refresh(request: StaffRequest, tenant_id: str) -> HttpResponse:
    """Read the customer's directory now, then go back to the page."""
    customer = customer_or_404(request, tenant_id)
    try:
        if not refresh_customer(customer):
            doorbell.sync_one_customer.enqueue(customer.pk)
            messages.info(request, _("Microsoft is being asked. Look at this page again in a minute."))
    except GatewayError as error:
        note_failure(customer, error)
        messages.warning(request, _("Microsoft did not answer. The page shows what was read before."))
    otherwise = reverse("customers:users", args=[customer.tenant_id])
    return redirect(safe_next(request, request.POST.get("next"), otherwise))
