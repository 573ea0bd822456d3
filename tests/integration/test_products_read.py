"""Products as read again by a page: what is new is written, and nothing else."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.models import Customer
from licenses.models import Entitlement, EntitlementPlan
from licenses.services.refresh import refresh_products
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.model import Plan, Sku, Tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant(sandbox: Sandbox, story: Customer) -> Tenant:
    """The story's tenant at Microsoft."""
    found = sandbox.tenant(story.tenant_id)
    assert found is not None
    return found


def stored(customer: Customer) -> dict[str, tuple[int, list[str]]]:
    """Return by SKU the seats and the service plans in their order."""
    return {
        row.product.sku_id: (
            row.enabled,
            list(row.plan_rows.order_by("position").values_list("plan__plan_id", flat=True)),
        )
        for row in customer.entitlements.all()
    }


def at_microsoft(tenant: Tenant) -> dict[str, tuple[int, list[str]]]:
    """Return the same as Microsoft has it."""
    return {sku.sku_id: (sku.enabled, [plan.plan_id for plan in sku.plans]) for sku in tenant.skus.values()}


def _more_seats(sku: Sku, tenant: Tenant) -> None:
    sku.enabled += 5


def _another_order(sku: Sku, tenant: Tenant) -> None:
    sku.plans = sku.plans[::-1]


def _a_plan_less(sku: Sku, tenant: Tenant) -> None:
    sku.plans = sku.plans[1:]


def _a_plan_more(sku: Sku, tenant: Tenant) -> None:
    sku.plans = (*sku.plans, Plan("00000000-0000-4000-8000-000000000001", "NEW_PLAN"))


def _gone(sku: Sku, tenant: Tenant) -> None:
    del tenant.skus[sku.sku_id]


def _another_product(sku: Sku, tenant: Tenant) -> None:
    other = "00000000-0000-4000-8000-000000000002"
    tenant.skus[other] = Sku(other, "NEW_PRODUCT", sku.plans, enabled=3, subscription_id="new")


@pytest.mark.parametrize(
    "change",
    [_more_seats, _another_order, _a_plan_less, _a_plan_more, _gone, _another_product],
    ids=lambda act: act.__name__,
)
def test_what_changed_at_microsoft_is_stored(
    change: Callable[[Sku, Tenant], None], story: Customer, tenant: Tenant
) -> None:
    # A free product is held by nobody in particular and may go.
    change(next(sku for sku in tenant.skus.values() if sku.part_number == "FLOW_FREE"), tenant)
    refresh_products(story)
    assert stored(story) == at_microsoft(tenant)


def test_rows_keep_their_ids(story: Customer, tenant: Tenant) -> None:
    before = dict(story.entitlements.values_list("product_id", "pk"))
    for sku in tenant.skus.values():
        sku.enabled += 1
    refresh_products(story)
    assert dict(story.entitlements.values_list("product_id", "pk")) == before


def test_nothing_is_written_when_nothing_changed(story: Customer) -> None:
    with CaptureQueriesContext(connection) as captured:
        refresh_products(story)
    assert {entry["sql"].split()[0] for entry in captured.captured_queries} == {"SELECT"}
    assert len(captured) == 2


def test_any_number_of_changed_products_costs_the_same_queries(story: Customer, tenant: Tenant) -> None:
    numbers = []
    for skus in (list(tenant.skus.values())[:1], list(tenant.skus.values())):
        for sku in skus:
            sku.enabled += 1
            sku.plans = sku.plans[::-1]
        with CaptureQueriesContext(connection) as captured:
            refresh_products(story)
        numbers.append(len(captured))
    assert numbers[0] == numbers[1]


def test_our_own_count_stands_until_microsofts_has_settled(story: Customer) -> None:
    row = Entitlement.objects.filter(customer=story).first()
    assert row is not None
    truth, soon = row.consumed, timezone.now() + timezone.timedelta(minutes=1)  # type: ignore[attr-defined]
    Entitlement.objects.filter(pk=row.pk).update(consumed=truth + 7, settling_until=soon)
    refresh_products(story)
    row.refresh_from_db()
    assert (row.consumed, row.settling_until) == (truth + 7, soon)
    Entitlement.objects.filter(pk=row.pk).update(settling_until=timezone.now())
    refresh_products(story)
    row.refresh_from_db()
    assert (row.consumed, row.settling_until) == (truth, None)


def test_another_customers_products_stay(story: Customer, tenant: Tenant) -> None:
    other = Customer.objects.exclude(pk=story.pk).first()
    assert other is not None
    refresh_products(other)
    number = EntitlementPlan.objects.filter(entitlement__customer=other).count()
    _gone(next(iter(tenant.skus.values())), tenant)
    refresh_products(story)
    assert number
    assert EntitlementPlan.objects.filter(entitlement__customer=other).count() == number
