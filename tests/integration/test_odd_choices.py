"""Odd forms of Manage licenses and Review: refused in a sentence at the field, or not found; nothing is stored."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import Entitlement, LicenseChange
from licenses.services.states import load_catalog
from licensing_portal.staff.models import StaffUser
from tests.factories import CustomerFactory, StaffUserFactory
from tests.integration.saving import ALL, draft, sku
from tests.integration.test_manage import JOINERS, form, post, product, select

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

UNKNOWN = "This choice is not known. Choose again."
TWICE = "This choice came twice. Choose again."


def _plan(customer: Customer) -> str:
    found = load_catalog(customer).skus[sku("SPE_E3")]
    return f"plan-{found.sku_id}-{found.user_plans[0].plan_id}"


def _shout(name: str) -> str:
    kind, rest = name.split("-", 1)
    return f"{kind}-{rest.upper()}"


BOXES: dict[str, Callable[[Customer], str]] = {"product": lambda customer: product("SPE_E3"), "plan": _plan}


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("spelling", [str, _shout])
@pytest.mark.parametrize(("first", "second"), [("all", "none"), ("none", "all"), ("all", "all"), ("all", "keep")])
def test_a_box_named_twice_is_refused_at_its_field(
    box: str,
    spelling: Callable[[str], str],
    first: str,
    second: str,
    story: Customer,
    staff: StaffUser,
    staff_client: Client,
) -> None:
    select(staff, story, JOINERS)
    name = BOXES[box](story)
    data: dict[str, object] = dict(form(staff, story))
    data |= {name: [first, second]} if spelling is str else {name: first, spelling(name): second}

    answer = post(staff_client, story, data)

    assert answer.status_code == 422
    page = answer.content.decode()
    assert f'<a href="#f-{name}">' in page
    assert TWICE in page
    assert not LicenseChange.objects.exists()


@pytest.mark.parametrize("box", BOXES)
def test_a_box_in_capital_letters_is_the_same_box(
    box: str, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS)
    post(staff_client, story, form(staff, story, **{_shout(BOXES[box](story)): "all"}))
    stored = LicenseChange.objects.get().wish
    plan = _plan(story).removeprefix(f"plan-{sku('SPE_E3')}-")
    wished = {"product": sku("SPE_E3"), "plan": f"{sku('SPE_E3')}/{plan}"}
    assert stored[f"{box}s"] == {wished[box]: "all"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"go": "delete"}, "This button is not known."),
        ({"go": ""}, "This button is not known."),
        ({"key": "short"}, "This form is too old."),
        ({"key": "k" * 65}, "This form is too old."),
        ({"key": "k" * 20 + " "}, "This form is too old."),
        ({"key": "k" * 20 + "\n"}, "This form is too old."),
        ({"key": "キ" * 20}, "This form is too old."),
    ],
)
def test_an_odd_button_or_key_is_refused(
    fields: dict[str, str], words: str, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS)
    data = form(staff, story, **{product("SPE_E3"): "all", "reference": "INC-7", **fields})
    answer = post(staff_client, story, data)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert 'value="INC-7"' in answer.content.decode()
    assert not LicenseChange.objects.exists()


def test_without_a_button_it_is_only_reviewed(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, story, JOINERS)
    data = form(staff, story, **{product("SPE_E3"): "all"})
    del data["go"]
    assert "/licenses/review/" in post(staff_client, story, data)["Location"]
    assert LicenseChange.objects.get().status == LicenseChange.Status.DRAFT


@pytest.mark.parametrize("box", BOXES)
def test_a_product_that_the_customer_gave_up_meanwhile_is_not_found(
    box: str, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS)
    data = form(staff, story, **{BOXES[box](story): "all"})
    Entitlement.objects.filter(customer=story, product__part_number="SPE_E3").delete()
    assert post(staff_client, story, data).status_code == 404
    assert not LicenseChange.objects.exists()


def test_a_form_that_was_saved_answers_the_same_when_the_product_is_gone(
    story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS)
    data = form(staff, story, **{product("SPE_E3"): "all"})
    first = post(staff_client, story, data)
    Entitlement.objects.filter(customer=story, product__part_number="SPE_E3").delete()
    assert post(staff_client, story, data)["Location"] == first["Location"]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("odd", ["", "x", "00000000-0000-4000-8000-000000000000", "elsewhere", "somebody"])
def test_review_shows_and_starts_only_one_s_own_change_here(
    method: str, odd: str, story: Customer, staff: StaffUser, sign_in: Callable[[StaffUser], Client]
) -> None:
    change = draft(staff, story, JOINERS, Wish(products={sku("SPE_E3"): ALL}))
    place = CustomerFactory.create() if odd == "elsewhere" else story
    person = StaffUserFactory.create(roles=staff.roles) if odd == "somebody" else staff
    asked = str(change.pk) if odd in ("elsewhere", "somebody") else odd
    address = reverse("licenses:review", args=[place.tenant_id])

    answer = getattr(sign_in(person), method)(address, {"change": asked, "key": "k" * 32})

    assert answer.status_code == 404
    change.refresh_from_db()
    assert change.status == LicenseChange.Status.DRAFT
