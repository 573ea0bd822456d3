"""Products: numbers, bars and reasons of each product, what needs attention first."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.models import Customer, CustomerGrant
from licenses.models import Subscription
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests.factories import CustomerFactory, EntitlementFactory, ProductFactory, StaffUserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def customer() -> Customer:
    return CustomerFactory.create()


def _own(customer: Customer, name: str, **numbers: object) -> None:
    EntitlementFactory.create(customer=customer, product=ProductFactory.create(display_name=name), **numbers)


def _page(client: Client, customer: Customer, query: str = "") -> str:
    answer = client.get(f"/customers/{customer.tenant_id}/licenses/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def _names(page: str) -> list[str]:
    return re.findall(r'<div class="person"><a[^>]*>(.*?)</a>', page)


def _why(page: str) -> list[str]:
    return re.findall(r'<span class="(?:bad|warn)">([^<]*[a-z][^<]*)</span>', page.split("<tbody>")[1])


SOON = timedelta(days=3)


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        ({"consumed": 4}, []),
        ({"consumed": 10}, ["no free license"]),
        ({"consumed": 10, "applies_to": "Company"}, ["no free license"]),
        ({"consumed": 12}, ["2 licenses over-assigned"]),
        ({"warning": 3, "consumed": 4}, ["3 licenses in their grace period"]),
        ({"suspended": 1}, ["1 license suspended"]),
        (
            {"enabled": 0, "suspended": 10, "consumed": 4, "capability_status": "Suspended"},
            ["Suspended: cannot be assigned to anybody"],
        ),
        ({"enabled": 0, "capability_status": "Deleted"}, ["Deleted: cannot be assigned to anybody"]),
        ({"enabled": 10_000, "consumed": 10_000}, []),
    ],
)
def test_reasons(staff_client: Client, customer: Customer, numbers: dict[str, object], why: list[str]) -> None:
    _own(customer, "Product A", **numbers)
    assert _why(_page(staff_client, customer)) == why


@pytest.mark.parametrize(
    ("numbers", "parts"),
    [
        ({"enabled": 10, "consumed": 4}, ["used 0.00 40.00", "free 40.00 60.00"]),
        ({"enabled": 10, "consumed": 10}, ["used 0.00 100.00"]),
        ({"enabled": 6, "consumed": 8}, ["used 0.00 75.00", "over 75.00 25.00"]),
        (
            {"enabled": 5, "warning": 5, "suspended": 10, "consumed": 5},
            ["used 0.00 50.00", "free 50.00 50.00", "bought 0.00 25.00", "grace 25.00 25.00", "off 50.00 50.00"],
        ),
        ({"enabled": 0, "suspended": 10, "consumed": 4, "capability_status": "Suspended"}, ["off 0.00 100.00"]),
        ({"enabled": 0}, []),
        ({"enabled": 1_000_000}, []),
    ],
)
def test_bars(staff_client: Client, customer: Customer, numbers: dict[str, object], parts: list[str]) -> None:
    _own(customer, "Product A", **numbers)
    found = re.findall(r'<rect class="(\w+)" x="([\d.]+)%" width="([\d.]+)%"', _page(staff_client, customer))
    assert [" ".join(part) for part in found] == parts


def test_a_suspended_product_without_bought_licenses_says_why(staff_client: Client, customer: Customer) -> None:
    _own(customer, "Product A", enabled=0, suspended=10, capability_status="Suspended")
    page = _page(staff_client, customer)
    assert "all 10 suspended" in page
    assert '<span class="tag error">Suspended</span>' in page


def test_what_needs_attention_comes_first(staff_client: Client, customer: Customer) -> None:
    _own(customer, "Calm A", consumed=1)
    _own(customer, "Short B", consumed=10)
    _own(customer, "Over C", consumed=11)
    page = _page(staff_client, customer)
    assert _names(page) == ["Over C", "Short B", "Calm A"]
    assert "Needs attention (2)" in page
    assert "Nothing to do (1)" in page


@pytest.mark.parametrize(
    ("query", "names"), [("?q=ｅ３", ["Microsoft 365 E3"]), ("?q=spe_", ["Microsoft 365 E3"]), ("?q=zz", [])]
)
def test_filter_by_name(staff_client: Client, customer: Customer, query: str, names: list[str]) -> None:
    product = ProductFactory.create(display_name="Microsoft 365 E3", part_number="SPE_E3")
    EntitlementFactory.create(customer=customer, product=product)
    _own(customer, "Visio")
    page = _page(staff_client, customer, query)
    assert _names(page) == names
    assert ("No product matches." in page) is not names


def test_next_date_and_trial_come_from_the_subscriptions(staff_client: Client, customer: Customer) -> None:
    product = ProductFactory.create()
    EntitlementFactory.create(customer=customer, product=product)
    for number, days in enumerate((400, 3)):
        Subscription.objects.create(
            customer=customer,
            product=product,
            subscription_id=str(number),
            quantity=5,
            status="Enabled",
            is_trial=days == 3,
            next_lifecycle_at=timezone.now() + timedelta(days=days),
        )
    page = _page(staff_client, customer)
    day = timezone.localtime(timezone.now() + SOON)
    assert f"{day.day} {day:%b %Y}</time>" in page
    assert '<span class="tag">Trial</span>' in page
    assert _why(page) == ["next date within 30 days"]


@pytest.mark.parametrize(("role", "may"), [(Role.SALES_AGENT, True), (Role.HELPDESK_AGENT, False)])
def test_buy_more_is_for_those_who_may(
    sign_in: Callable[[StaffUser], Client], customer: Customer, role: Role, may: bool
) -> None:
    _own(customer, "Product A")
    person = StaffUserFactory.create(roles=[role.value])
    CustomerGrant.objects.create(customer=customer, staff=person)
    assert ("Buy more" in _page(sign_in(person), customer)) is may


def test_any_number_of_products_costs_the_same_queries(staff_client: Client, customer: Customer) -> None:
    numbers = []
    for _round in range(2):
        for number in range(20):
            _own(customer, f"Product {number}")
        with CaptureQueriesContext(connection) as captured:
            _page(staff_client, customer)
        numbers.append(len(captured))
    assert numbers[0] == numbers[1] <= 12
