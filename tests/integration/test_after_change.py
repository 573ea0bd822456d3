"""What the lists and figures say right after a change, without waiting for the next sync."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, CustomerFacet
from licenses.core.diff import Wish
from licenses.services.figures import write_after_change, write_all_facets, write_figures
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.factories import CustomerFactory, EntitlementFactory, ProductFactory
from tests.integration.saving import ALL, saved, sku

pytestmark = pytest.mark.django_db

# Nobody of the story holds it.
UNHELD = "Microsoft_Teams_Enterprise_New"
PEOPLE = [user_id("joiner", 1), user_id("joiner", 2)]
FIGURES = ("user_count", "error_users", "free_licenses", "short_products", "over_licenses")


def _counted(customer: Customer) -> tuple[list[tuple[str, str, int]], list[int]]:
    """Return the filter lists and the figures of a customer as they are stored."""
    customer.refresh_from_db()
    facets = customer.facets.order_by("kind", "value").values_list("kind", "value", "number")
    return list(facets), [getattr(customer, name) for name in FIGURES]


@pytest.mark.one_database
def test_a_product_that_nobody_held_is_a_filter_at_once(
    staff: StaffUser, staff_client: Client, story: Customer
) -> None:
    address = f"/customers/{story.tenant_id}/users/?licence={sku(UNHELD)}"
    empty = staff_client.get(address)
    assert empty.status_code == 200
    assert f'<option value="{sku(UNHELD)}" selected>' in empty.content.decode()

    saved(staff, story, PEOPLE, Wish(products={sku(UNHELD): ALL}, location="JP"))

    page = staff_client.get(address).content.decode()
    assert page.count('name="shown"') == 2
    assert story.facets.get(kind="product", value=sku(UNHELD)).number == 2


def test_lists_and_figures_are_those_of_a_sync(staff: StaffUser, story: Customer) -> None:
    before = _counted(story)
    saved(staff, story, PEOPLE, Wish(products={sku(UNHELD): ALL}, location="JP"))
    after = _counted(story)
    write_all_facets(story)
    write_figures(story)
    assert after == _counted(story) != before


@pytest.mark.parametrize("licence", ["zz", "00000000-0000-4000-8000-000000000000", "foreign", "\0"])
@pytest.mark.one_database
def test_a_product_that_the_customer_does_not_own_stays_unknown(
    staff_client: Client, story: Customer, licence: str
) -> None:
    foreign = EntitlementFactory.create(customer=CustomerFactory.create()).product.sku_id
    value = foreign if licence == "foreign" else licence
    assert staff_client.get(f"/customers/{story.tenant_id}/users/", {"licence": value}).status_code == 422


@pytest.mark.one_database
def test_counting_costs_the_same_queries_for_any_number_of_products(story: Customer) -> None:
    numbers = []
    for more in (0, 30):
        for product in ProductFactory.create_batch(more):
            EntitlementFactory.create(customer=story, product=product)
        with CaptureQueriesContext(connection) as captured:
            write_after_change(story)
        numbers.append(len(captured))
    assert numbers[0] == numbers[1]


@pytest.mark.one_database
def test_a_list_written_by_somebody_else_meanwhile_is_written_over(story: Customer) -> None:
    CustomerFacet.objects.filter(customer=story, kind="product").update(number=0)
    write_after_change(story)
    assert not story.facets.filter(kind="product", number=0).exists()
