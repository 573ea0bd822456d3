"""Who holds a product: pages of all holders, and of those among the selected users."""

import re

import factory
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers import selection as selections
from customers.models import Customer, DirectoryUser
from licenses.models import Holding, Product
from licensing_portal.staff.models import StaffUser
from tests.factories import (
    AssignmentFactory,
    CustomerFactory,
    DirectoryUserFactory,
    EntitlementFactory,
    GroupFactory,
    HoldingFactory,
    PlanSetFactory,
    ProductFactory,
)

pytestmark = pytest.mark.django_db

_NAMES = re.compile(r"<bdi>(Holder \d+)</bdi>")
HOLDERS = 250


@pytest.fixture
def product() -> Product:
    """A product."""
    return ProductFactory.create()


@pytest.fixture
def customer(product: Product) -> Customer:
    """Two hundred and fifty holders, not in the order of their rows, one without, and a holder elsewhere."""
    row = CustomerFactory.create()
    EntitlementFactory.create(customer=row, product=product)
    everything = PlanSetFactory.create(product=product)
    names = factory.Iterator(f"Holder {number * 7 % HOLDERS:03}" for number in range(HOLDERS))
    people = DirectoryUserFactory.create_batch(HOLDERS, customer=row, display_name=names)
    Holding.objects.bulk_create(
        [HoldingFactory.build(user=user, product=product, plan_set=everything) for user in people]
    )
    DirectoryUserFactory.create(customer=row, display_name="Holder 999")
    HoldingFactory.create(product=product, plan_set=everything, user__display_name="Holder 888")
    return row


def holders(client: Client, customer: Customer, product: Product, query: str = "", **headers: str) -> list[str]:
    """Return the names shown."""
    answer = client.get(f"/customers/{customer.tenant_id}/licenses/{product.sku_id}/holders/{query}", headers=headers)
    return _NAMES.findall(answer.content.decode())


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [("", 0, 99), ("?page=2", 100, 199), ("?page=3", 200, 249), ("?page=9", 200, 249), ("?page=x", 0, 99)],
)
def test_pages_are_in_the_order_of_the_names(
    staff_client: Client, customer: Customer, product: Product, query: str, first: int, last: int
) -> None:
    expected = [f"Holder {number:03}" for number in range(first, last + 1)]
    assert holders(staff_client, customer, product, query) == expected


def test_those_among_the_selected(staff_client: Client, staff: StaffUser, customer: Customer, product: Product) -> None:
    names = ["Holder 200", "Holder 003", "Holder 999"]
    users = DirectoryUser.objects.filter(display_name__in=names)
    selections.add(selections.get(staff, customer), [user.pk for user in users])
    assert holders(staff_client, customer, product, "?selected=1") == ["Holder 003", "Holder 200"]


def test_the_popover_shows_a_hundred(staff_client: Client, customer: Customer, product: Product) -> None:
    assert len(holders(staff_client, customer, product, **{"hx-request": "true"})) == 100


def test_the_last_page_costs_the_queries_of_the_first(
    staff_client: Client, customer: Customer, product: Product
) -> None:
    numbers = []
    for query in ("", "?page=3"):
        with CaptureQueriesContext(connection) as captured:
            holders(staff_client, customer, product, query)
        numbers.append(len(captured))
    assert numbers[0] == numbers[1] <= 12


def test_nobody_holds_it(staff_client: Client, customer: Customer) -> None:
    other = EntitlementFactory.create(customer=customer, read_at=timezone.now()).product
    assert holders(staff_client, customer, other) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?q=holder 003", ["Holder 003"]),
        ("?q=ｈｏｌｄｅｒ００３", ["Holder 003"]),
        ("?q=holder 999", []),
        ("?q=holder 888", []),
        ("?q=holder&page=3", [f"Holder {number:03}" for number in range(200, 250)]),
    ],
)
def test_holders_are_found_by_name(
    staff_client: Client, customer: Customer, product: Product, query: str, expected: list[str]
) -> None:
    assert holders(staff_client, customer, product, query) == expected


def test_an_unknown_value_is_named_and_filters_nothing(
    staff_client: Client, customer: Customer, product: Product
) -> None:
    address = f"/customers/{customer.tenant_id}/licenses/{product.sku_id}/holders/"
    answer = staff_client.get(f"{address}?selected=yes&q=003")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert len(_NAMES.findall(page)) == 100
    assert "The value of &quot;Selected users only&quot; is not known" in page
    assert 'name="q" data-slash value="003"' in page


def test_groups_are_named_and_the_list_of_users_is_a_click_away(
    staff_client: Client, customer: Customer, product: Product
) -> None:
    user = DirectoryUserFactory.create(customer=customer, display_name="By Group")
    HoldingFactory.create(user=user, product=product, direct=False)
    for name, state in (("全社員", "Active"), ("Sales", "ActiveWithError"), ("Broken", "Error")):
        group = GroupFactory.create(customer=customer, display_name=name)
        AssignmentFactory.create(user=user, product=product, via=group.object_id, state=state)
    address = f"/customers/{customer.tenant_id}/licenses/{product.sku_id}/holders/?q=by group"
    page = staff_client.get(address).content.decode()
    assert "by group Sales, 全社員</span>" in page
    assert f'href="/customers/{customer.tenant_id}/users/?licence={product.sku_id}"' in page
    assert "as of " in page
    popover = staff_client.get(address, headers={"hx-request": "true"}).content.decode()
    assert "by group Sales, 全社員" in popover
