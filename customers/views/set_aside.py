"""Says that a selection took the place of another one, and where that one is brought back."""

from django.contrib import messages
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers.models import Customer
from licensing_portal.staff.guards import StaffRequest


def tell_set_aside(request: StaffRequest, customer: Customer, number: int) -> None:
    """Leave a message about the users who are no longer selected; none when nobody is."""
    if not number:
        return
    text = ngettext(
        "%(n)s user who was selected before is set aside.",
        "%(n)s users who were selected before are set aside.",
        number,
    ) % {"n": f"{number:,}"}
    address = reverse("customers:selected", args=[customer.tenant_id])
    link = format_html('<a href="{}">{}</a>', address, _("Restore the earlier selection"))
    messages.info(request, format_html("{} {}", text, link))
