"""The live summary of Manage licenses: it says what the save would do, and nothing that will not happen."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.integration.saving import sku
from tests.integration.test_manage import form, product, select

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

WANT_E5 = [user_id("wants-e5", number) for number in range(1, 11)]


def summary(client: Client, customer: Customer, data: dict[str, str]) -> str:
    """Return the text of the fragment."""
    answer = client.post(reverse("licenses:manage-summary", args=[customer.tenant_id]), data)
    assert answer.status_code == 200
    return answer.content.decode()


def pill(text: str, sku_id: str) -> str:
    """Return the words in a product's pill."""
    found = re.search(rf'id="pending-{sku_id}"[^>]*>(.*?)</span>', text, re.DOTALL)
    assert found is not None
    return found[1].strip()


def test_users_who_are_refused_are_not_counted_as_done(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, story, WANT_E5)
    text = summary(staff_client, story, form(staff, story, **{product("SPE_E5"): "all"}))

    assert "7 users will be changed" in text
    assert "3 users cannot be changed" in text
    assert re.search(r"Microsoft 365 E5 · 7 of 10\s*</li>", text)
    assert pill(text, sku("SPE_E5")) == "Assign to 7 of 10"


def test_who_finds_no_seat_loses_nothing_either(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, story, [user_id("sales", number) for number in range(1, 11)])
    wish = {product("SPE_E5"): "all", product("STANDARDPACK"): "none"}
    text = summary(staff_client, story, form(staff, story, **wish))

    assert pill(text, sku("STANDARDPACK")) == "Unassign from 7 of 10"


def test_whoever_is_served_is_counted_plainly(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, story, WANT_E5[:7])
    text = summary(staff_client, story, form(staff, story, **{product("SPE_E5"): "all"}))

    assert re.search(r"Microsoft 365 E5 · 7\s*</li>", text)
    assert pill(text, sku("SPE_E5")) == "Assign to 7 more"


def test_a_foreseen_clash_is_warned_of_before_the_save(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, story, [user_id("mailbox", 1), user_id("mailbox", 2), user_id("joiner", 2)])
    boxes = {f"product-{sku('EXCHANGEENTERPRISE')}": "all"}
    address = reverse("licenses:manage-summary", args=[story.tenant_id])
    text = staff_client.post(address, form(staff, story, **boxes)).content.decode()
    plans = "Exchange Online (Plan 1), Exchange Online (Plan 2)"
    assert f"Conflicting service plans: {plans}, 2 users" in text
    calm = staff_client.post(address, form(staff, story, **{f"product-{sku('FLOW_FREE')}": "all"})).content.decode()
    assert "Conflicting" not in calm
