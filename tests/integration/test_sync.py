"""Sync: what we store is what Microsoft says."""

import pytest

from customers.models import Customer, DirectoryUser
from licenses.models import Assignment, Entitlement, Holding, LicenseEvent
from licenses.services.sync import refresh_users, sync_customer, sync_customers
from licensing_portal.gateways.errors import GatewayError
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id

pytestmark = pytest.mark.django_db


def test_every_user_holds_what_microsoft_says(sandbox: Sandbox, story: Customer) -> None:
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    stored: dict[str, dict[str, set[str]]] = {}
    for holding in Holding.objects.filter(customer=story).select_related("user", "product", "plan_set"):
        stored.setdefault(holding.user.object_id, {})[holding.product.sku_id] = set(holding.plan_set.disabled)
    for user in tenant.users.values():
        expected = {sku: set(disabled) for sku, disabled in tenant.held_skus(user).items()}
        assert stored.get(user.user_id, {}) == expected
    assert DirectoryUser.objects.of(story).count() == len(tenant.users) == 137


def test_a_path_in_error_is_kept_but_holds_nothing(story: Customer) -> None:
    broken = Assignment.objects.get(customer=story, error="CountViolation")
    assert broken.state == "Error"
    assert broken.user.has_errors
    holding = Holding.objects.get(user=broken.user, product=broken.product)
    assert holding.direct
    assert not holding.by_group


def test_the_second_sync_writes_no_event_when_nothing_changed(story: Customer) -> None:
    sync_customer(story)
    assert not LicenseEvent.objects.exists()


def test_a_change_behind_the_portals_back_becomes_one_event(sandbox: Sandbox, story: Customer) -> None:
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    user = tenant.users[user_id("joiner", 2)]
    free = next(sku for sku in tenant.skus.values() if sku.part_number == "FLOW_FREE")
    user.direct[free.sku_id] = (frozenset(), 1_775_001_600.0)
    sync_customer(story)
    event = LicenseEvent.objects.get()
    assert event.object_id == user.user_id
    assert event.before is None
    assert event.after == {"paths": {"direct": {"disabled": [], "state": "Active"}}}
    assert event.change is None


def test_a_deleted_user_leaves_the_list_and_holds_nothing(sandbox: Sandbox, story: Customer) -> None:
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    tenant.delete_user(tenant.users[user_id("leaver", 1)])
    report = sync_customer(story)
    assert report.deleted == 1
    user = DirectoryUser.objects.get(object_id=user_id("leaver", 1))
    assert user.deleted_at is not None
    assert not Holding.objects.filter(user=user).exists()


def test_an_interrupted_sync_is_repeated_from_the_start(sandbox: Sandbox, db: None) -> None:
    sync_customers()
    customer = Customer.objects.get(tenant_id=sandbox.tenants[1])
    sandbox.faults.add({"match": "GET /graph/v1.0/users", "skip": 1, "times": 99, "status": 403})
    with pytest.raises(GatewayError):
        sync_customer(customer)
    customer.refresh_from_db()
    assert customer.synced_at is None
    assert customer.sync_error
    assert 0 < customer.users.count() < 2000
    sandbox.faults.clear()
    sync_customer(customer)
    assert customer.users.count() == 2000
    assert not LicenseEvent.objects.exists()


def test_refresh_reads_some_users_in_a_fixed_number_of_queries(
    sandbox: Sandbox, story: Customer, django_assert_max_num_queries: object
) -> None:
    ids = list(story.users.values_list("object_id", flat=True)[:100])
    with django_assert_max_num_queries(14):  # type: ignore[operator]
        refresh_users(story, ids)


def test_refresh_marks_a_user_who_is_gone(sandbox: Sandbox, story: Customer) -> None:
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    tenant.delete_user(tenant.users[user_id("joiner", 3)])
    refresh_users(story, [user_id("joiner", 3), user_id("joiner", 4)])
    assert DirectoryUser.objects.get(object_id=user_id("joiner", 3)).deleted_at is not None
    assert DirectoryUser.objects.get(object_id=user_id("joiner", 4)).deleted_at is None


def test_seats_are_what_microsoft_says(sandbox: Sandbox, story: Customer) -> None:
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    for entitlement in Entitlement.objects.filter(customer=story).select_related("product"):
        sku = tenant.skus[entitlement.product.sku_id]
        assert (entitlement.enabled, entitlement.consumed) == (sku.enabled, sku.consumed)
        assert entitlement.seats.available == max(0, sku.free)


def test_a_customer_who_left_the_list_is_marked_as_ended(sandbox: Sandbox, db: None) -> None:
    sync_customers()
    gone = Customer.objects.create(tenant_id="11111111-1111-4111-8111-111111111111", name="Gone", sort_key="gone")
    sync_customers()
    gone.refresh_from_db()
    assert gone.relationship == "ended"
    assert not gone.is_reachable
