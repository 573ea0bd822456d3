"""Sync: what we store is what Microsoft says."""

from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers import selection
from customers.models import Customer, DirectoryUser
from customers.sync import store_customers
from licenses.models import Assignment, Entitlement, Holding, LicenseEvent, Product
from licenses.services.directory_rows import store_users
from licenses.services.refresh import refresh_products, refresh_users
from licenses.services.sync import sync_customer, sync_customers
from licensing_portal.gateways.errors import GatewayError
from licensing_portal.gateways.protocol import CustomerRecord
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from licensing_portal.wiring import directory_gateway

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
    licensed = DirectoryUser.objects.filter(customer=story, is_licensed=True)
    assert set(licensed.values_list("object_id", flat=True)) == stored.keys()
    assert DirectoryUser.objects.of(story).count() == len(tenant.users) == 137


def test_who_gains_a_first_licence_or_loses_the_last_is_counted_anew(sandbox: Sandbox, story: Customer) -> None:
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    gains, loses = user_id("joiner", 2), user_id("leaver", 1)
    tenant.users[gains].direct[next(iter(tenant.skus))] = (frozenset(), 1.0)
    tenant.users[loses].direct.clear()
    assert not tenant.held_skus(tenant.users[loses])
    sync_customer(story)
    known = dict(story.users.values_list("object_id", "is_licensed"))
    assert (known[gains], known[loses]) == (True, False)


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


def test_every_path_is_what_microsoft_says(story: Customer) -> None:
    stored: dict[str, set[tuple[object, ...]]] = {}
    for row in Assignment.objects.filter(customer=story).select_related("user", "product", "plan_set"):
        path = (row.product.sku_id, row.via, frozenset(row.plan_set.disabled), row.state, row.error)
        stored.setdefault(row.user.object_id, set()).add(path)
    for page in directory_gateway(story.tenant_id).users():
        for user in page.users:
            told = {(path.sku_id, path.via, path.disabled, path.state, path.error or "") for path in user.paths}
            assert stored.get(user.object_id, set()) == told


def test_a_renamed_user_is_found_by_the_new_name_without_an_event(sandbox: Sandbox, story: Customer) -> None:
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    tenant.users[user_id("joiner", 2)].name = "ＡＢＣ 髙橋"
    sync_customer(story)
    user = DirectoryUser.objects.get(object_id=user_id("joiner", 2))
    assert user.display_name == "ＡＢＣ 髙橋"
    assert "abc高橋" in user.search
    assert not LicenseEvent.objects.exists()


def test_a_location_changed_elsewhere_becomes_one_event(sandbox: Sandbox, story: Customer) -> None:
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    tenant.users[user_id("joiner", 2)].location = "DE"
    sync_customer(story)
    event = LicenseEvent.objects.get()
    assert event.product is None
    assert event.after == {"usageLocation": "DE"}


def test_a_deleted_user_leaves_the_selection(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    leaver = DirectoryUser.objects.get(object_id=user_id("leaver", 1))
    chosen = selection.get(staff, story)
    selection.add(chosen, [leaver.pk])
    chosen.refresh_from_db()
    tenant.delete_user(tenant.users[leaver.object_id])
    sync_customer(story)
    counter = chosen.counter
    chosen.refresh_from_db()
    assert selection.count(chosen) == 0
    assert chosen.counter == counter + 1


def test_twenty_users_are_stored_in_at_most_ten_queries(story: Customer) -> None:
    """As the pump does after each batch, with changed licences."""
    page = next(iter(directory_gateway(story.tenant_id).users())).users
    licensed = [record for record in page if record.paths][:20]
    changed = [replace(record, paths=()) for record in licensed]
    for records in (changed, licensed):
        with CaptureQueriesContext(connection) as queries:
            store_users(story, records, read_at=timezone.now(), first=False)
        asked = [
            query["sql"]
            for query in queries
            if not query["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))
        ]
        assert len(asked) <= 10, asked
    assert LicenseEvent.objects.count() == 2 * sum(len({path.sku_id for path in record.paths}) for record in licensed)


def test_a_product_met_as_a_bare_id_gets_its_part_number_later(story: Customer) -> None:
    owned = Product.objects.filter(entitlements__customer=story)
    bare, named = owned.order_by("sku_id")[:2]
    Product.objects.filter(pk=bare.pk).update(part_number="", display_name=bare.sku_id)
    Product.objects.filter(pk=named.pk).update(part_number="", display_name="A name of its own")
    refresh_products(story)
    assert Product.objects.get(pk=bare.pk).part_number == bare.part_number
    assert Product.objects.get(pk=bare.pk).display_name == bare.display_name
    assert Product.objects.get(pk=named.pk).part_number == named.part_number
    assert Product.objects.get(pk=named.pk).display_name == "A name of its own"


@pytest.mark.one_database
def test_one_failing_customer_does_not_stop_the_others(sandbox: Sandbox, db: None) -> None:
    sync_customers()
    broken = Customer.objects.order_by("sort_key")[0]
    sandbox.faults.add({"match": "GET /graph/v1.0/subscribedSkus", "times": 1, "status": 403})
    output, errors = StringIO(), StringIO()
    with pytest.raises(CommandError, match="1 customers could not be read"):
        call_command("sync", stdout=output, stderr=errors)
    broken.refresh_from_db()
    assert broken.sync_error
    assert broken.synced_at is None
    assert broken.name in errors.getvalue()
    assert Customer.objects.filter(synced_at__isnull=False, sync_error="").count() == 2


def test_a_renamed_customer_is_found_by_the_new_name_and_keeps_the_domains(sandbox: Sandbox, story: Customer) -> None:
    record = CustomerRecord(tenant_id=story.tenant_id, name="新しい名前", relationship_status="active")
    store_customers([record])
    renamed = Customer.objects.get(pk=story.pk)
    assert renamed.name in renamed.search
    assert renamed.default_domain == story.default_domain
    assert story.default_domain in renamed.search


def test_a_read_that_was_asked_before_the_last_one_changes_nothing(story: Customer) -> None:
    """A page of a long sync must not undo what a save has read back meanwhile."""
    page = next(iter(directory_gateway(story.tenant_id).users())).users
    record = next(record for record in page if record.paths)
    held = Holding.objects.filter(user__object_id=record.object_id).count()
    store_users(story, [record], read_at=timezone.now(), first=False)
    stale = replace(record, paths=(), display_name="Stale")
    store_users(story, [stale], read_at=timezone.now() - timedelta(minutes=1), first=False)
    assert DirectoryUser.objects.get(object_id=record.object_id).display_name == record.display_name
    assert Holding.objects.filter(user__object_id=record.object_id).count() == held
    assert not LicenseEvent.objects.exists()
