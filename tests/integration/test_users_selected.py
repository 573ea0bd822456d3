"""Selected users: only those, removable one by one."""

import re
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers import selection as selections
from customers.models import Customer, DirectoryUser, Selection
from licensing_portal.staff.models import StaffUser
from tests.factories import CustomerFactory, DirectoryUserFactory, HoldingFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer() -> Customer:
    return CustomerFactory.create()


@pytest.fixture
def people(customer: Customer) -> list[DirectoryUser]:
    return [DirectoryUserFactory.create(customer=customer, display_name=name) for name in ("Aiko", "Bruno", "Chloé")]


@pytest.fixture
def selection(staff: StaffUser, customer: Customer, people: list[DirectoryUser]) -> Selection:
    """Chloé, then Aiko."""
    selection = selections.get(staff, customer)
    selections.add(selection, [people[2].pk, people[0].pk])
    return selection


def _address(customer: Customer) -> str:
    return f"/customers/{customer.tenant_id}/users/selected/"


def _names(client: Client, customer: Customer, query: str = "") -> list[str]:
    page = client.get(_address(customer) + query).content.decode()
    return re.findall(r'<th scope="row">.*?<bdi>([^<]+)</bdi>', page)


def test_only_the_selected_are_shown_in_list_order(
    staff_client: Client, customer: Customer, selection: Selection
) -> None:
    assert _names(staff_client, customer) == ["Aiko", "Chloé"]


def test_one_is_removed_by_a_button_that_names_the_user(
    staff_client: Client, customer: Customer, selection: Selection, people: list[DirectoryUser]
) -> None:
    page = staff_client.get(_address(customer)).content.decode()
    assert f'value="{people[0].object_id}">Remove<span class="vh"> Aiko</span>' in page

    response = staff_client.post(f"{_address(customer)}?page=1", {"remove": people[0].object_id.upper()})

    assert (response.status_code, response["Location"]) == (303, f"{_address(customer)}?page=1")
    assert _names(staff_client, customer) == ["Chloé"]


def test_removing_somebody_twice_is_no_mistake(
    staff_client: Client, customer: Customer, selection: Selection, people: list[DirectoryUser]
) -> None:
    for _time in range(2):
        assert staff_client.post(_address(customer), {"remove": people[0].object_id}).status_code == 303

    assert _names(staff_client, customer) == ["Chloé"]


@pytest.mark.parametrize("wrong", ["another customer's", "nobody's", "no id", "NUL"])
def test_an_id_that_is_not_this_customers_changes_nothing(
    staff_client: Client, customer: Customer, selection: Selection, wrong: str
) -> None:
    stranger = DirectoryUserFactory.create()
    theirs = selections.get(selection.staff, stranger.customer)
    selections.add(theirs, [stranger.pk])
    bad = {"another customer's": stranger.object_id, "nobody's": str(uuid.uuid4()), "no id": "1", "NUL": "\0"}[wrong]

    assert staff_client.post(_address(customer), {"remove": bad}).status_code == 404
    assert _names(staff_client, customer) == ["Aiko", "Chloé"]
    assert selections.count(theirs) == 1


def test_clear_leaves_a_page_that_says_how_to_go_on(
    staff_client: Client, customer: Customer, selection: Selection
) -> None:
    page = staff_client.post(_address(customer), {"go": "clear"}, follow=True).content.decode()

    assert "Nobody is selected." in page
    assert "Manage licenses" not in page


def test_two_hundred_are_a_page_and_cost_the_same_queries(
    staff_client: Client, customer: Customer, selection: Selection
) -> None:
    for user in DirectoryUserFactory.create_batch(205, customer=customer):
        HoldingFactory.create(user=user)
    selections.add_matching(selection, DirectoryUser.objects.of(customer))

    assert len(_names(staff_client, customer)) == 200
    assert len(_names(staff_client, customer, "?page=99")) == 8
    with CaptureQueriesContext(connection) as captured:
        staff_client.get(_address(customer))
    assert len(captured) == 9
