"""Check again: whoever's result is unknown is read once more, and the page then says what became of them."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange, LicenseEvent, UserChange
from licenses.services import again
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests.factories import StaffUserFactory
from tests.integration.saving import ALL, at_microsoft, row, saved, sku, writes

pytestmark = pytest.mark.django_db

State = UserChange.State
DONE, UNTOUCHED, THIRD, GONE = PEOPLE = [user_id("joiner", number) for number in range(2, 6)]
NOWHERE = user_id("joiner", 1)


@pytest.fixture
def change(sandbox: Sandbox, story: Customer, staff: StaffUser) -> LicenseChange:
    """A change of four users of whom nobody knows what became; each has met another fate."""
    change = saved(staff, story, PEOPLE, Wish(products={sku("SPE_E3"): ALL}))
    _forget(change)
    LicenseChange.objects.filter(pk=change.pk).update(finished_at=timezone.now() - timedelta(minutes=5))
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    e3 = sku("SPE_E3")
    at_microsoft(sandbox, story, UNTOUCHED).direct.pop(e3)
    plan = tenant.skus[e3].plans[0].plan_id
    at_microsoft(sandbox, story, THIRD).direct[e3] = (frozenset({plan}), 1.0)
    tenant.delete_user(tenant.users[GONE])
    sandbox.journal.clear()
    return change


def _forget(change: LicenseChange) -> None:
    change.user_changes.update(state=State.UNKNOWN, failure_kind="unreadable", uncertain=True, verified=False)


def _press(client: Client, change: LicenseChange) -> str:
    answer = client.post(reverse("licenses:change", args=[change.pk]), {"go": "check"}, follow=True)
    return str(answer.content.decode())


def test_everybody_is_judged_by_what_they_have_now(
    change: LicenseChange, sandbox: Sandbox, staff_client: Client
) -> None:
    text = _press(staff_client, change)
    found = {one.object_id: (one.state, one.failure_kind) for one in change.user_changes.all()}
    assert found == {
        DONE: (State.UPDATED, ""),
        UNTOUCHED: (State.FAILED, "not_done"),
        THIRD: (State.FAILED, "changed_elsewhere"),
        GONE: (State.FAILED, "not_found"),
    }
    assert writes(sandbox) == []
    assert "4 users were settled." in text
    assert "Not done by Microsoft" in text
    assert ">Check again<" not in text
    assert all(one.verified and one.after is not None for one in change.user_changes.all())
    assert not change.customer.users.get(object_id=UNTOUCHED).holdings.filter(product__part_number="SPE_E3").exists()


def test_the_button_is_there_while_somebody_is_unknown(change: LicenseChange, staff_client: Client) -> None:
    address = reverse("licenses:change", args=[change.pk])
    assert "Check again" in staff_client.get(address).content.decode()
    change.user_changes.update(state=State.FAILED)
    assert "Check again" not in staff_client.get(address).content.decode()


def test_a_location_that_was_set_is_not_called_somebody_elses(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    change = saved(staff, story, [NOWHERE], Wish(products={sku("SPE_E3"): ALL}, location="JP"))
    _forget(change)
    change.user_changes.update(step=UserChange.Step.LOCATION)
    LicenseChange.objects.filter(pk=change.pk).update(finished_at=timezone.now() - timedelta(minutes=5))
    at_microsoft(sandbox, story, NOWHERE).direct.pop(sku("SPE_E3"))
    text = _press(staff_client, change)
    assert (row(change, NOWHERE).failure_kind, row(change, NOWHERE).is_located) == ("not_done", True)
    assert "Their usage location had been set before." in text


def test_who_looks_untouched_a_moment_after_stays_unknown(change: LicenseChange, staff_client: Client) -> None:
    LicenseChange.objects.filter(pk=change.pk).update(finished_at=timezone.now() - timedelta(seconds=30))
    text = _press(staff_client, change)
    assert "3 users were settled." in text
    assert row(change, UNTOUCHED).state == State.UNKNOWN
    assert row(change, DONE).state == State.UPDATED


def test_what_is_seen_now_is_the_changes_own_and_can_be_undone(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    e3 = sku("SPE_E3")
    change = saved(staff, story, [DONE], Wish(products={e3: ALL}))
    _forget(change)
    # Our copy of the user is from before the change: its write was seen by nobody yet.
    user = story.users.get(object_id=DONE)
    user.holdings.filter(product__sku_id=e3).delete()
    user.assignments.filter(product__sku_id=e3).delete()
    LicenseEvent.objects.all().delete()
    _press(staff_client, change)
    event = LicenseEvent.objects.get(product__sku_id=e3)
    assert event.change_id == change.pk
    assert change.products.get(sku_id=e3).assigned == 1
    undo = again.undo(change, staff, key="u" * 8)
    assert set(undo.user_changes.values_list("state", flat=True)) == {State.PENDING}


def test_silence_leaves_them_unknown(change: LicenseChange, sandbox: Sandbox, staff_client: Client) -> None:
    sandbox.faults.add({"match": "POST /graph/v1.0/$batch", "status": 403, "times": 99})
    text = _press(staff_client, change)
    assert "Microsoft did not answer. Check again later." in text
    assert set(change.user_changes.values_list("state", flat=True)) == {State.UNKNOWN}


def test_pressed_twice_it_settles_once(change: LicenseChange, staff_client: Client) -> None:
    _press(staff_client, change)
    assert "settled" not in _press(staff_client, change)


def test_other_peoples_changes_are_not_there(
    change: LicenseChange, client: Client, sign_in: Callable[[StaffUser], Client]
) -> None:
    address = reverse("licenses:change", args=[change.pk])
    stranger = StaffUserFactory.create(roles=[Role.HELPDESK_AGENT.value])
    assert sign_in(stranger).post(address, {"go": "check"}).status_code == 404
    assert client.post(address, {"go": "check"}).status_code == 302
    assert set(change.user_changes.values_list("state", flat=True)) == {State.UNKNOWN}


def test_who_may_only_look_may_check(change: LicenseChange, sign_in: Callable[[StaffUser], Client]) -> None:
    reader = StaffUserFactory.create(roles=[Role.SALES_AGENT.value])
    change.customer.grants.create(staff=reader)
    _press(sign_in(reader), change)
    assert row(change, DONE).state == State.UPDATED
