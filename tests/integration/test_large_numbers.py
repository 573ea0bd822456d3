"""Numbers from 1,000 on: printed for people with a comma, sent by forms without one."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer, Selection
from licenses.models import LicenseChange
from licensing_portal.staff.models import StaffUser
from tests.factories import CustomerFactory
from tests.integration.test_manage import JOINERS, form, page_of, product, select

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def long_list() -> Customer:
    """A customer whose list has more than 1,000 pages of 25."""
    customer = CustomerFactory.create()
    model, now = customer.users.model, timezone.now()
    model.objects.bulk_create(
        model(
            customer=customer, object_id=f"00000000-0000-4000-8000-{number:012}", sort_key=f"{number:06}", read_at=now
        )
        for number in range(25_100)
    )
    return customer  # type: ignore[no-any-return]


@pytest.mark.thorough
def test_next_and_previous_go_on_from_page_one_thousand(staff_client: Client, long_list: Customer) -> None:
    address = reverse("customers:users", args=[long_list.tenant_id])
    for language in ("en", "ja"):
        page = staff_client.get(f"{address}?size=25&page=1000", headers={"accept-language": language}).content.decode()
        (number,) = re.findall(r'name="page" value="([^"]*)"', page)
        answer = staff_client.post(address, {"page": number, "size": "25", "go": "next"})

        assert number == "1000"
        assert "page=1001" in answer["Location"]


def test_a_save_starts_also_when_the_selection_has_changed_a_thousand_times(
    story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS)
    Selection.objects.update(counter=1_234)
    page = staff_client.get(page_of(story)).content.decode()
    (counter,) = re.findall(r'name="selection" value="([^"]*)"', page)
    chosen = form(staff, story, **{product("SPE_E3"): "all"}, location="JP")
    staff_client.post(page_of(story), chosen | {"selection": counter, "go": "save"})

    assert counter == "1234"
    assert LicenseChange.objects.get().causes == []
