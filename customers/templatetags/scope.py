"""What a member of staff sees, for pages that know nothing of customers."""

from django import template

from customers.models import Customer
from licensing_portal.staff.models import StaffUser

register = template.Library()


@register.filter
def customers_seen(staff: StaffUser) -> int:
    """Return the number of customers in a person's scope."""
    return Customer.objects.visible_to(staff).count()
