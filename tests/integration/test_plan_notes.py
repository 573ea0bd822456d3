"""Beside each service plan of a changed product the summary says for whom it will be on or off."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer, DirectoryUser
from licenses.models import Entitlement, EntitlementPlan, Product
from licensing_portal.staff.models import StaffUser
from tests.factories import (
    AssignmentFactory,
    CustomerFactory,
    CustomerGrantFactory,
    DirectoryUserFactory,
    EntitlementFactory,
    HoldingFactory,
    PlanSetFactory,
    ServicePlanFactory,
)
from tests.integration.test_manage_sixty import select

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def customer(staff: StaffUser) -> Customer:
    return CustomerGrantFactory.create(staff=staff, customer=CustomerFactory.create()).customer  # type: ignore[no-any-return]


def ids(entitlement: Entitlement) -> list[str]:
    """Return the plans' ids in their order."""
    return list(
        EntitlementPlan.objects.filter(entitlement=entitlement)
        .order_by("position")
        .values_list("plan__plan_id", flat=True)
    )


def held_by(
    customer: Customer, chosen: list[DirectoryUser], *, without_first_plan: int, via: str = "direct"
) -> Product:
    """Let these users hold a product of two plans; some have its first plan off."""
    entitlement = EntitlementFactory.create(customer=customer, enabled=20, plans=ServicePlanFactory.create_batch(2))
    first = ids(entitlement)[0]
    for number, user in enumerate(chosen):
        disabled = [first] if number < without_first_plan else []
        plans = PlanSetFactory.create(product=entitlement.product, disabled=disabled)
        HoldingFactory.create(user=user, product=entitlement.product, plan_set=plans, direct=via == "direct")
        AssignmentFactory.create(user=user, product=entitlement.product, plan_set=plans, via=via)
    return entitlement.product  # type: ignore[no-any-return]


def notes(client: Client, customer: Customer, product: Product, box: str, first: str) -> list[tuple[str, str, str]]:
    """Return class, what was said before and what is said now of each plan of the product."""
    plans = ids(Entitlement.objects.get(product=product))
    data = {f"product-{product.sku_id}": box, f"plan-{product.sku_id}-{plans[0]}": first}
    answer = client.post(reverse("licenses:manage-summary", args=[customer.tenant_id]), data).content.decode()
    found = [
        re.search(rf'<span class="([^"]*)" id="n-{product.sku_id}-{plan}" data-was="([^"]*)"[^>]*>([^<]*)<', answer)
        for plan in plans
    ]
    return [(one[1], one[2], one[3]) for one in found if one]


@pytest.mark.parametrize(
    ("box", "first", "expected"),
    [
        ("keep", "keep", []),
        ("keep", "none", [("n off", "off for 7"), ("n", "on for 7 of 7")]),
        ("keep", "all", [("n on", "on for 7 of 7"), ("n", "on for 7 of 7")]),
        ("all", "keep", [("n", "on for 5 of 7 + 2 new"), ("n", "on for 7 of 7 + 2 new")]),
        ("all", "none", [("n off", "off for 7 + 2 new"), ("n", "on for 7 of 7 + 2 new")]),
        ("all", "all", [("n on", "on for 7 + 2 new"), ("n", "on for 7 of 7 + 2 new")]),
        ("none", "keep", [("n", "on for 5 of 7"), ("n", "on for 7 of 7")]),
    ],
)
def test_holders_and_new_ones_are_told_apart(
    customer: Customer, staff: StaffUser, staff_client: Client, box: str, first: str, expected: list[tuple[str, str]]
) -> None:
    chosen = DirectoryUserFactory.create_batch(9, customer=customer)
    select(staff, customer, chosen)
    product = held_by(customer, chosen[:7], without_first_plan=2)
    found = notes(staff_client, customer, product, box, first)

    assert [(kind, now) for kind, _was, now in found] == expected
    # What the script says again when the row is reset.
    assert {was for _kind, was, _now in found} <= {"on for 5 of 7", "on for 7 of 7"}


@pytest.mark.parametrize(
    ("first", "kind", "words"), [("keep", "n", "on for 3 new"), ("none", "n off", "off for 3 new")]
)
def test_without_holders_only_new_ones_are_told(
    customer: Customer, staff: StaffUser, staff_client: Client, first: str, kind: str, words: str
) -> None:
    select(staff, customer, DirectoryUserFactory.create_batch(3, customer=customer))
    product = held_by(customer, [], without_first_plan=0)

    assert notes(staff_client, customer, product, "all", first)[0] == (kind, "", words)


def test_who_is_refused_gets_no_plan(customer: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, customer, DirectoryUserFactory.create_batch(3, customer=customer))
    product = held_by(customer, [], without_first_plan=0)
    Entitlement.objects.filter(product=product).update(enabled=1)

    assert notes(staff_client, customer, product, "all", "keep")[0] == ("n", "", "on for 1 new")


def test_a_plan_that_a_group_keeps_on_is_not_called_off(
    customer: Customer, staff: StaffUser, staff_client: Client
) -> None:
    chosen = DirectoryUserFactory.create_batch(2, customer=customer)
    select(staff, customer, chosen)
    product = held_by(customer, chosen, without_first_plan=0, via="a-group")

    assert notes(staff_client, customer, product, "keep", "none")[0] == ("n off", "on for 2 of 2", "off for 0 of 2")
