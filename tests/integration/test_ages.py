"""Every page that shows what was read at Microsoft says when that was, and reads it again on demand."""

import html
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from customers.models import Customer, DirectoryUser
from licensing_portal.staff.models import StaffUser
from tests.factories import DirectoryUserFactory, EntitlementFactory, HoldingFactory

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

WHO = "4f8fad5b-d9cb-469f-a165-70867728950e"
SKU = "5f8fad5b-d9cb-469f-a165-70867728950e"
PAGES = ("users/", "users/selected/", f"users/{WHO}/", "licenses/", f"licenses/{SKU}/holders/")


@pytest.fixture
def customer() -> Customer:
    """Read three days ago, with one user who holds one product."""
    user = DirectoryUserFactory.create(object_id=WHO, read_at=timezone.now() - timedelta(days=9))
    user.customer.synced_at = timezone.now() - timedelta(days=3)
    user.customer.save()
    entitlement = EntitlementFactory.create(customer=user.customer, product__sku_id=SKU)
    HoldingFactory.create(user=user, product=entitlement.product)
    return user.customer


def _head(client: Client, customer: Customer, page: str) -> str:
    """Return what stands under the heading."""
    content = client.get(f"/customers/{customer.tenant_id}/{page}").content.decode()
    return content.split("</h1>")[1].split("</form>")[0]


def _words(moment: datetime) -> str:
    local = moment.astimezone(ZoneInfo(settings.TIME_ZONE))
    return f"as of {local.day} {local:%b %Y %H:%M %Z}"


@pytest.mark.parametrize("page", PAGES)
def test_the_head_says_the_age_and_refreshes_to_the_same_page(
    staff_client: Client, customer: Customer, page: str
) -> None:
    head = _head(staff_client, customer, f"{page}?page=1")

    assert customer.synced_at is not None
    assert _words(customer.synced_at) in head
    assert f'action="/customers/{customer.tenant_id}/refresh/"' in head
    assert f'name="next" value="/customers/{customer.tenant_id}/{page}?page=1"' in head
    assert "Refresh" in head


@pytest.mark.parametrize(
    ("page", "words"),
    [("users/selected/", "0 users of"), (f"licenses/{SKU}/holders/", "1 user has it"), (f"users/{WHO}/", "@")],
)
def test_what_stood_in_the_head_stays(staff_client: Client, customer: Customer, page: str, words: str) -> None:
    head = html.unescape(re.sub(r"<[^>]+>", " ", _head(staff_client, customer, page)))

    assert words in head


def test_holders_among_the_selected_are_counted_in_the_head(
    staff_client: Client, staff: StaffUser, customer: Customer
) -> None:
    assert "0 of the selected users have it" in _head(staff_client, customer, f"licenses/{SKU}/holders/?selected=1")


def test_a_user_read_after_the_last_round_is_as_young_as_that(staff_client: Client, customer: Customer) -> None:
    moment = timezone.now() - timedelta(days=1)
    DirectoryUser.objects.filter(object_id=WHO).update(read_at=moment)

    assert _words(moment) in _head(staff_client, customer, f"users/{WHO}/")


@pytest.mark.parametrize("page", ["users/", "users/selected/", "licenses/"])
def test_a_customer_never_read_says_so(staff_client: Client, customer: Customer, page: str) -> None:
    Customer.objects.filter(pk=customer.pk).update(synced_at=None)

    assert "never read" in _head(staff_client, customer, page)
