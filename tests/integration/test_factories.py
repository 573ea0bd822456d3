"""The factories make rows that the database accepts and that fit together."""

import pytest

from licenses.models import PlanSet
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def test_holding_by_group_has_no_direct_plan_set() -> None:
    holding = factories.HoldingFactory.create(direct=False)

    assert (holding.by_group, holding.direct_plan_set) == (True, None)


def test_direct_holding_belongs_to_the_users_customer_and_its_product() -> None:
    holding = factories.HoldingFactory.create()

    assert holding.customer == holding.user.customer
    assert holding.plan_set.product == holding.product
    assert holding.direct_plan_set == holding.plan_set


def test_equal_plan_sets_are_one_row() -> None:
    product = factories.ProductFactory.create()
    first = factories.PlanSetFactory.create(product=product, disabled=["b", "a"])
    second = factories.PlanSetFactory.create(product=product, disabled=["a", "b"])

    assert first.pk == second.pk
    assert PlanSet.objects.count() == 1


def test_entitlement_keeps_the_order_of_its_plans() -> None:
    plans = factories.ServicePlanFactory.create_batch(3)
    entitlement = factories.EntitlementFactory.create(plans=plans)

    assert [row.plan for row in entitlement.plan_rows.order_by("position")] == plans


def test_change_and_user_belong_to_one_customer() -> None:
    row = factories.UserChangeFactory.create()

    assert row.user is not None
    assert row.user.customer == row.change.customer


def test_assignment_is_direct_and_active() -> None:
    assignment = factories.AssignmentFactory.create()

    assert (assignment.via, assignment.state) == ("direct", "Active")
