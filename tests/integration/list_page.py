"""The page Select from a list, as several tests read and fill it."""

import html
import re
from collections.abc import Callable

from django.http import HttpResponse

from customers import selection as selections
from customers.models import Customer, DirectoryUser
from licensing_portal.staff.models import StaffUser
from tests.factories import DirectoryUserFactory


def address_of(customer: Customer) -> str:
    """Return where the page is."""
    return f"/customers/{customer.tenant_id}/users/list/"


def new_user(customer: Customer, name: str, **fields: object) -> DirectoryUser:
    """Make a user who is called by one name."""
    upn = f"{name.lower()}@contoso.example"
    return DirectoryUserFactory.create(
        **{"customer": customer, "display_name": name, "user_principal_name": upn, "mail": upn, **fields}
    )


def page_of(response: HttpResponse) -> str:
    """Return a page's text."""
    return html.unescape(response.content.decode())


def box_of(response: HttpResponse) -> list[str]:
    """Return the lines in the text area; a browser drops the first line end."""
    found = re.search(r"<textarea[^>]*>\n?(.*?)</textarea>", response.content.decode(), re.DOTALL)
    assert found is not None
    return html.unescape(found.group(1)).splitlines()


def arrivals(staff: StaffUser, customer: Customer, field: str = "display_name") -> Callable[[], list[str]]:
    """Return what tells the selected users by a field, in their order of arrival."""
    return lambda: list(selections.get(staff, customer).rows.values_list(f"user__{field}", flat=True))
