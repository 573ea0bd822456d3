"""Refresh: a round of changes shows what happened behind the portal's back (graph-api.md 2.3)."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from customers.models import Customer, DirectoryUser
from licenses.models import Holding, LicenseEvent
from licenses.services.sync import refresh_customer, sync_customer, sync_customers
from licensing_portal.gateways.errors import GatewayError, Rejected
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from tests import sandbox_session, story_rows
from tests.environment import SANDBOX

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(sandbox: Sandbox, db: None) -> Customer:
    """コントソ商事 as this sandbox told it: the next round goes on from there."""
    return story_rows.read(sandbox.story_tenant_id)


def behind_our_back(method: str, customer: Customer, rest: str, body: dict[str, Any] | None = None) -> Any:
    """Change something at Microsoft without the portal."""
    url = f"{SANDBOX}/_control/tenants/{customer.tenant_id}/{rest}"
    answer = sandbox_session.new_session().request(method, url, json=body)
    assert answer.ok, answer.text
    return answer.json() if answer.content else None


def refreshed(client: Client, customer: Customer) -> str:
    """Press Refresh on the list of users, and return the page that follows."""
    client.post(f"/customers/{customer.tenant_id}/refresh/")
    return client.get(f"/customers/{customer.tenant_id}/users/?size=200").content.decode()


def asked(sandbox: Sandbox) -> dict[str, int]:
    """Return how often each address was called."""
    counts: dict[str, int] = sandbox.journal.show()["counts"]
    return counts


def test_refresh_shows_who_came_who_left_and_who_changed(
    sandbox: Sandbox, story: Customer, staff_client: Client
) -> None:
    new = behind_our_back(
        "POST", story, "users", {"displayName": "新しい 社員", "userPrincipalName": f"new@{story.default_domain}"}
    )
    behind_our_back(
        "PATCH", story, f"users/{user_id('joiner', 2)}", {"displayName": "改名 済み", "accountEnabled": False}
    )
    behind_our_back("DELETE", story, f"users/{user_id('leaver', 1)}")
    leaver = story.users.get(object_id=user_id("leaver", 1))
    sandbox.journal.clear()
    page = refreshed(staff_client, story)
    assert "新しい 社員" in page
    assert "改名 済み" in page
    assert leaver.display_name not in page
    assert not DirectoryUser.objects.get(object_id=user_id("joiner", 2)).enabled
    assert not Holding.objects.filter(user=leaver).exists()
    # Selectable at once, like anybody else.
    assert re.search(rf'name="sel" value="{new["id"]}"', page)
    # A round, not a whole read: nobody asked for the list of users.
    assert asked(sandbox)["GET /graph/v1.0/users/delta"] == 1
    assert not [
        call for call in sandbox.journal.show()["calls"] if call["path"].endswith("/users") and not call["batch"]
    ]


def test_a_licence_changed_elsewhere_is_seen_and_not_ours(
    sandbox: Sandbox, story: Customer, staff_client: Client
) -> None:
    user = story.users.get(object_id=user_id("joiner", 2))
    free = story.entitlements.get(product__part_number="FLOW_FREE").product
    behind_our_back(
        "PATCH", story, f"users/{user.object_id}", {"assignedLicenses": [{"skuId": free.sku_id, "disabledPlans": []}]}
    )
    refreshed(staff_client, story)
    event = LicenseEvent.objects.get(user=user, product=free)
    assert event.change is None
    assert Holding.objects.filter(user=user, product=free).exists()


@pytest.mark.one_database
def test_seats_and_filter_lists_follow_a_round(sandbox: Sandbox, story: Customer, staff_client: Client) -> None:
    entitlement = story.entitlements.get(product__part_number="SPE_E5")
    behind_our_back(
        "PATCH", story, f"skus/{entitlement.product.sku_id}", {"prepaidUnits": {"enabled": entitlement.enabled + 5}}
    )
    behind_our_back("PATCH", story, f"users/{user_id('joiner', 2)}", {"department": "新部署"})
    page = refreshed(staff_client, story)
    before = entitlement.enabled
    entitlement.refresh_from_db()
    assert entitlement.enabled == before + 5
    assert "新部署 (1)" in page


def test_a_round_is_replayed_without_harm(sandbox: Sandbox, story: Customer) -> None:
    link = story.delta_link
    behind_our_back("PATCH", story, f"users/{user_id('joiner', 2)}", {"usageLocation": "DE"})
    sync_customer(story, whole=False)
    Customer.objects.filter(pk=story.pk).update(delta_link=link)
    again = Customer.objects.get(pk=story.pk)
    report = sync_customer(again, whole=False)
    assert report.users == 1
    assert LicenseEvent.objects.count() == 1
    assert again.delta_link != link


def test_a_restored_user_comes_back(sandbox: Sandbox, story: Customer) -> None:
    joiner = story.users.get(object_id=user_id("joiner", 2))
    DirectoryUser.objects.filter(pk=joiner.pk).update(deleted_at=timezone.now())
    behind_our_back("PATCH", story, f"users/{joiner.object_id}", {"department": "Back"})
    sync_customer(story, whole=False)
    joiner.refresh_from_db()
    assert joiner.deleted_at is None


@pytest.mark.one_database
def test_a_link_that_microsoft_forgot_leads_to_a_whole_read(
    sandbox: Sandbox, story: Customer, staff_client: Client
) -> None:
    sandbox.faults.add(
        {
            "match": "GET /graph/v1.0/users/delta*",
            "times": 1,
            "status": 410,
            "body": {"error": {"code": "syncStateNotFound", "message": "gone"}},
        }
    )
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    # Changed without a trace in any round.
    tenant.users[user_id("joiner", 2)].department = "Silent"
    refreshed(staff_client, story)
    assert DirectoryUser.objects.get(object_id=user_id("joiner", 2)).department == "Silent"
    story.refresh_from_db()
    assert story.delta_link


@pytest.mark.one_database
def test_a_failed_refresh_is_said_and_keeps_link_and_list(
    sandbox: Sandbox, story: Customer, staff_client: Client
) -> None:
    link = story.delta_link
    sandbox.faults.add({"match": "GET /graph/v1.0/subscribedSkus", "times": 9, "status": 403})
    page = refreshed(staff_client, story)
    assert "Microsoft did not answer" in page
    story.refresh_from_db()
    assert story.sync_error
    assert story.delta_link == link
    sandbox.faults.clear()
    assert "Microsoft did not answer" not in refreshed(staff_client, story)
    story.refresh_from_db()
    assert story.sync_error == ""


@pytest.mark.one_database
def test_a_service_without_delta_is_read_whole(make_sandbox: Any, staff_client: Client) -> None:
    sandbox = make_sandbox()
    sandbox.faults.add({"match": "GET /graph/v1.0/users/delta*", "times": 999, "status": 404})
    sync_customers()
    customer = Customer.objects.get(tenant_id=sandbox.story_tenant_id)
    sync_customer(customer)
    assert customer.delta_link == ""
    behind_our_back("PATCH", customer, f"users/{user_id('joiner', 2)}", {"displayName": "Renamed"})
    assert "Renamed" in refreshed(staff_client, customer)


@pytest.mark.one_database
def test_users_whom_the_list_missed_are_asked_for_by_id(sandbox: Sandbox, story: Customer) -> None:
    """A user who moves between pages while we read may be on none of them."""
    before = timezone.now() - timedelta(days=1)
    story.users.update(read_at=before)
    stays = story.users.get(object_id=user_id("joiner", 2))
    ghost = DirectoryUser.objects.get(object_id=user_id("joiner", 3))
    DirectoryUser.objects.filter(pk=ghost.pk).update(object_id=str(uuid.uuid4()))
    report = sync_customer(story)
    ghost.refresh_from_db()
    stays.refresh_from_db()
    assert report.deleted == 1
    assert ghost.deleted_at is not None
    assert stays.deleted_at is None


def test_a_large_customer_is_read_in_slices_that_go_on(make_sandbox: Any, db: None) -> None:
    sandbox = make_sandbox(users=2_500)
    sync_customers()
    customer = Customer.objects.get(tenant_id=sandbox.tenants[1])
    slices = []
    while not slices or not slices[-1].is_finished:
        # As another worker finds it.
        slices.append(sync_customer(Customer.objects.get(pk=customer.pk), pause=lambda: True))
    assert [report.users for report in slices] == [999, 999, 502]
    customer.refresh_from_db()
    assert customer.users.count() == 2_500
    assert customer.synced_at is not None
    assert customer.reading_since is None
    assert not LicenseEvent.objects.exists()
    assert asked(sandbox)["GET /graph/v1.0/subscribedSkus"] == 1


@pytest.mark.one_database
def test_a_slice_whose_page_link_expired_begins_anew(make_sandbox: Any, db: None) -> None:
    sandbox = make_sandbox(users=1_500)
    sync_customers()
    customer = Customer.objects.get(tenant_id=sandbox.tenants[1])
    sync_customer(customer, pause=lambda: True)
    Customer.objects.filter(pk=customer.pk).update(reading_next=f"{customer.reading_next}x")
    report = sync_customer(Customer.objects.get(pk=customer.pk), pause=lambda: False)
    assert report.is_finished
    assert customer.users.count() == 1_500


@pytest.mark.parametrize("status", [400, 410])
@pytest.mark.one_database
def test_a_list_whose_page_vanishes_is_read_anew_once(make_sandbox: Any, db: None, status: int) -> None:
    sandbox = make_sandbox(users=1_500)
    sync_customers()
    customer = Customer.objects.get(tenant_id=sandbox.tenants[1])
    gone = {"error": {"code": "Directory_ExpiredPageToken", "message": "expired"}}
    second_page = {"match": "GET /graph/v1.0/users", "skip": 1, "status": status, "body": gone}
    sandbox.faults.add({**second_page, "times": 1})
    sync_customer(customer)
    assert customer.users.count() == 1_500
    assert asked(sandbox)["GET /graph/v1.0/users"] == 4
    sandbox.faults.add({**second_page, "times": 99})
    with pytest.raises(Rejected):
        sync_customer(customer)
    customer.refresh_from_db()
    assert customer.sync_error
    assert not customer.users.exclude(deleted_at=None).exists()


@pytest.mark.one_database
def test_a_whole_read_is_asked_for_once_a_day(story: Customer, sandbox: Sandbox) -> None:
    assert not sync_customer(story, whole=False).is_whole
    Customer.objects.filter(pk=story.pk).update(read_whole_at=timezone.now() - timedelta(hours=25))
    story.refresh_from_db()
    assert sync_customer(story, whole=False).is_whole


@pytest.mark.one_database
def test_an_unreachable_service_ends_a_refresh_soon(sandbox: Sandbox, story: Customer) -> None:
    sandbox.faults.add({"match": "* /graph/*", "times": 99, "status": 503, "headers": {"Retry-After": "60"}})
    sandbox.journal.clear()
    with pytest.raises(GatewayError):
        refresh_customer(story)
    # No wait of a minute in front of a page: the first answer was the last one.
    assert asked(sandbox) == {"GET /graph/v1.0/users/delta": 1}
