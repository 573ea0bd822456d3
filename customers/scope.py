"""The customers that a member of staff may see; outside the scope a customer does not exist."""

from django.http import Http404

from customers.models import Customer
from licensing_portal.staff.guards import StaffRequest


def customer_or_404(request: StaffRequest, tenant_id: str) -> Customer:
    """Return a customer of the person's scope; the same 404 for one outside it and one that is not there."""
    customer = Customer.objects.visible_to(request.user).filter(tenant_id=tenant_id).first()
    if customer is None:
        raise Http404
    return customer
