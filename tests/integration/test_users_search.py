"""Pages of a search: one look into the names tells the page and the number of all."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import selection as selections
from customers.folding import fold
from customers.models import Customer, DirectoryUser
from customers.user_list import matching, read_page
from customers.user_query import UserQuery
from licensing_portal.staff.models import StaffUser
from tests.factories import CustomerFactory, DirectoryUserFactory, HoldingFactory, ProductFactory

pytestmark = pytest.mark.django_db

FOUND = 60


@pytest.fixture
def customer() -> Customer:
    """Sixty of Tanaka, whose names are not in the order of their rows, and one of somebody else."""
    row = CustomerFactory.create()
    for number in range(FOUND):
        DirectoryUserFactory.create(customer=row, display_name=f"田中 {number * 7 % FOUND:02}")
    DirectoryUserFactory.create(customer=row, display_name="佐藤")
    return row


@pytest.mark.parametrize("sort", ["name", "-name", "location", "-status"])
@pytest.mark.parametrize(("asked", "number"), [(1, 1), (2, 2), (3, 3), (4, 3), (999_999_999, 3)])
def test_every_page_of_a_search_has_its_rows(
    customer: Customer, staff: StaffUser, sort: str, asked: int, number: int
) -> None:
    query = UserQuery(q="田中", sort=sort, page=asked, size=25)
    page = read_page(matching(customer, query), query, selections.get(staff, customer))
    everybody = list(DirectoryUser.objects.of(customer).filter(search__contains=fold("田中")).order_by("sort_key"))
    expected = everybody[::-1] if sort.startswith("-") else everybody
    assert (page.number, page.pages, page.total) == (number, 3, FOUND)
    assert page.rows == expected[(number - 1) * 25 : number * 25]


@pytest.mark.parametrize("asked", [1, 5])
def test_a_search_without_a_hit_has_one_empty_page(customer: Customer, staff: StaffUser, asked: int) -> None:
    query = UserQuery(q="鈴木", page=asked)
    page = read_page(matching(customer, query), query, selections.get(staff, customer))
    assert (page.rows, page.number, page.pages, page.total) == ([], 1, 1, 0)


def test_a_full_last_page_is_found_from_beyond_the_end(customer: Customer, staff: StaffUser) -> None:
    query = UserQuery(q="田中", page=9, size=25)
    DirectoryUser.objects.filter(display_name__in=[f"田中 {number:02}" for number in range(10)]).delete()
    page = read_page(matching(customer, query), query, selections.get(staff, customer))
    assert (page.number, page.total, len(page.rows)) == (2, 50, 25)


def test_a_search_looks_into_the_names_once(customer: Customer, staff: StaffUser) -> None:
    query = UserQuery(q="田中", page=2, size=25)
    selection = selections.get(staff, customer)
    with CaptureQueriesContext(connection) as captured:
        read_page(matching(customer, query), query, selection)
    assert sum("LIKE" in entry["sql"].upper() for entry in captured.captured_queries) == 1


def test_a_product_that_nobody_knows_is_held_by_nobody(customer: Customer, staff: StaffUser) -> None:
    HoldingFactory.create(user=customer.users.first())
    query = UserQuery(licence=ProductFactory.build().sku_id)
    assert not matching(customer, query).exists()
