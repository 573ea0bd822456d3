"""Back from Review: the form holds what was chosen, and only one's own draft of this customer fills it."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import Entitlement, LicenseChange
from licenses.services import save
from licenses.services.states import load_catalog
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests.factories import StaffUserFactory
from tests.integration.saving import ALL, NONE, draft, sku
from tests.integration.test_manage import form, page_of, product, select

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

PEOPLE = [user_id("joiner", number) for number in range(2, 6)]


@pytest.fixture
def wish(story: Customer) -> Wish:
    """A product for all, one of its plans off, another product away, and a location."""
    plan = load_catalog(story).skus[sku("SPE_E3")].user_plans[0].plan_id
    return Wish(
        products={sku("SPE_E3"): ALL, sku("STANDARDPACK"): NONE},
        plans={(sku("SPE_E3"), plan): NONE},
        location="DE",
        overwrite_location=True,
    )


def chosen(page: str, name: str) -> str:
    """Return the value that a list of choices stands at."""
    field = re.search(rf'name="{name}".*?</select>', page, re.DOTALL)
    assert field is not None
    marked = re.search(r'<option value="(\w+)" selected', field[0])
    return marked[1] if marked else ""


def unfolded(page: str, part_number: str) -> bool:
    """Tell whether a row shows its service plans without being asked."""
    row = re.search(rf'<tr id="row-{sku(part_number)}".*?<details( open)?>', page, re.DOTALL)
    assert row is not None
    return row[1] is not None


def test_back_fills_the_form_from_the_draft(
    story: Customer, staff: StaffUser, staff_client: Client, wish: Wish
) -> None:
    change = draft(staff, story, PEOPLE, wish, reference="INC-31")
    review = staff_client.get(reverse("licenses:review", args=[story.tenant_id]), {"change": str(change.pk)})
    back = f"{page_of(story)}?change={change.pk}"
    assert review.content.decode().count(f'href="{back}"') == 2

    page = staff_client.get(back).content.decode()

    assert (chosen(page, product("SPE_E3")), chosen(page, product("STANDARDPACK"))) == ("all", "none")
    ((sku_id, plan_id),) = wish.plans
    assert chosen(page, f"plan-{sku_id}-{plan_id}") == "none"
    assert chosen(page, product("SPE_E5")) == "keep"
    assert unfolded(page, "SPE_E3")
    assert not unfolded(page, "STANDARDPACK")
    assert chosen(page, "location") == "DE"
    assert re.search(r'name="overwrite_location" value="1" checked', page)
    assert 'value="INC-31"' in page


def test_the_form_that_comes_back_makes_a_change_of_its_own(
    story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, PEOPLE)
    first = form(staff, story, **{product("SPE_E3"): "all"}) | {"go": "review"}
    change_id = staff_client.post(page_of(story), first)["Location"].rpartition("=")[2]
    page = staff_client.get(f"{page_of(story)}?change={change_id}").content.decode()
    key = re.search(r'name="key" value="(\w+)"', page)
    assert key is not None
    assert key[1] != first["key"]
    second = form(staff, story, **{product("SPE_E5"): "all"}) | {"go": "review", "key": key[1]}
    assert staff_client.post(page_of(story), second).status_code == 303
    assert LicenseChange.objects.count() == 2


def test_what_the_customer_no_longer_owns_is_left_out(
    story: Customer, staff: StaffUser, staff_client: Client, wish: Wish, sandbox: object
) -> None:
    change = draft(staff, story, PEOPLE, wish)
    Entitlement.objects.filter(customer=story, product__part_number="STANDARDPACK").update(applies_to="Company")
    sandbox.faults.add({"match": "* /graph/*", "status": 403, "times": 99})  # type: ignore[attr-defined]
    answer = staff_client.get(f"{page_of(story)}?change={change.pk}")
    assert answer.status_code == 200
    assert chosen(answer.content.decode(), product("SPE_E3")) == "all"


def test_only_ones_own_draft_of_this_customer_opens(
    story: Customer, staff: StaffUser, staff_client: Client, sign_in: object, wish: Wish
) -> None:
    change = draft(staff, story, PEOPLE, wish)
    colleague = StaffUserFactory.create(roles=[Role.GLOBAL_ADMIN.value])
    select(colleague, story, PEOPLE)
    other = Customer.objects.exclude(pk=story.pk)[0]
    assert sign_in(colleague).get(f"{page_of(story)}?change={change.pk}").status_code == 404  # type: ignore[operator]
    assert staff_client.get(f"{page_of(other)}?change={change.pk}").status_code == 404
    for odd in ("", "x", "00000000-0000-4000-8000-000000000000"):
        assert staff_client.get(f"{page_of(story)}?change={odd}").status_code == 404
    save.start(change)
    assert staff_client.get(f"{page_of(story)}?change={change.pk}").status_code == 404
