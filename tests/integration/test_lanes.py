"""Two queues a tenant: a small change waits for no large one, unless they have a user in common."""

from datetime import timedelta
from typing import Any

import pytest
from django_tasks_db.models import DBTaskResult

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange, Throttle, UserChange
from licenses.services import lanes, run, save
from licenses.services.budget import Budget
from licensing_portal.sandbox import Sandbox
from licensing_portal.staff.models import StaffUser
from tests.integration.saving import ALL, draft, pumped, sku, states

pytestmark = pytest.mark.django_db

Lane, Status, State = LicenseChange.Lane, LicenseChange.Status, UserChange.State
PRODUCT = "FLOW_FREE"


@pytest.fixture
def people(story: Customer, sandbox: Sandbox) -> list[str]:
    """Those who lack the free product, in list order."""
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    held = sku(PRODUCT)
    return [key for key, user in tenant.users.items() if held not in tenant.held_skus(user) and user.location]


def _queued(staff: StaffUser, story: Customer, people: list[str]) -> LicenseChange:
    return save.start(draft(staff, story, people, Wish(products={sku(PRODUCT): ALL})))


def _running(change: LicenseChange) -> None:
    """Let a change take its lane and send nothing."""
    run.pump(str(change.pk), seconds=0)
    change.refresh_from_db()
    assert change.status == Status.RUNNING


def _rung() -> set[str]:
    return {result.args_kwargs["args"][0] for result in DBTaskResult.objects.ready()}


def test_a_small_change_ends_while_a_large_one_runs(story: Customer, staff: StaffUser, people: list[str]) -> None:
    large = _queued(staff, story, people[:21])
    _running(large)
    small = _queued(staff, story, people[21:41])
    assert (large.lane, small.lane) == (Lane.MAIN, Lane.SMALL)
    assert pumped(small).status == Status.DONE
    assert set(states(small).values()) == {State.UPDATED}
    assert set(states(large).values()) == {State.PENDING}


def test_each_lane_has_a_queue_of_its_own(story: Customer, staff: StaffUser, people: list[str]) -> None:
    small = _queued(staff, story, people[:1])
    assert DBTaskResult.objects.get().queue_name == "small"
    _queued(staff, story, people[1:30])
    assert sorted(DBTaskResult.objects.values_list("queue_name", flat=True)) == ["changes", "small"]
    assert small.lane == Lane.SMALL


def test_who_is_in_a_large_change_waits_for_its_end(story: Customer, staff: StaffUser, people: list[str]) -> None:
    large = _queued(staff, story, people[:21])
    _running(large)
    second = _queued(staff, story, people[20:22])
    assert second.lane == Lane.MAIN
    run.pump(str(second.pk))
    second.refresh_from_db()
    assert second.status == Status.QUEUED
    DBTaskResult.objects.all().delete()
    assert pumped(large).status == Status.DONE
    assert _rung() == {str(second.pk)}
    assert pumped(second).status == Status.DONE


def test_a_large_change_waits_for_the_small_one_that_was_first(
    story: Customer, staff: StaffUser, people: list[str]
) -> None:
    small = _queued(staff, story, people[:1])
    _running(small)
    large = _queued(staff, story, people[:21])
    run.pump(str(large.pk))
    large.refresh_from_db()
    assert (large.lane, large.status) == (Lane.MAIN, Status.QUEUED)
    DBTaskResult.objects.all().delete()
    assert pumped(small).status == Status.DONE
    assert _rung() == {str(large.pk)}
    assert pumped(large).status == Status.DONE
    # Whoever the small one has updated needed no second call.
    assert set(states(large).values()) == {State.UPDATED}
    assert large.user_changes.get(object_id=people[0]).attempts == 0


def test_a_large_change_is_not_behind_small_ones_of_others(
    story: Customer, staff: StaffUser, people: list[str]
) -> None:
    _running(_queued(staff, story, people[:1]))
    large = _queued(staff, story, people[1:30])
    assert not lanes.ahead_of(large).exists()
    _running(large)


def test_the_large_ones_leave_tokens_to_a_small_one(settings: Any, story: Customer) -> None:
    settings.WRITES_PER_SECOND, settings.WRITE_BURST = 0.001, 25
    large, small = Budget.of(story.tenant_id), Budget.of(story.tenant_id, is_small=True)
    small.reserve(10)
    assert not large.take(20)
    assert large.take(15)
    assert not large.take(1)
    assert small.take(10)
    small.release()
    assert not large.take(1)
    large.give_back(1)
    assert large.take(1)


def test_a_small_change_takes_no_more_than_it_needs(
    settings: Any, story: Customer, staff: StaffUser, people: list[str]
) -> None:
    settings.WRITES_PER_SECOND, settings.WRITE_BURST = 0.001, 25
    Budget.of(story.tenant_id)
    Throttle.objects.update(tokens=1)
    assert pumped(_queued(staff, story, people[:1])).status == Status.DONE
    assert Throttle.objects.get().reserved == 0


def test_seats_of_both_lanes_are_counted(story: Customer, staff: StaffUser, people: list[str]) -> None:
    def consumed() -> int:
        return int(story.entitlements.get(product__sku_id=sku(PRODUCT)).consumed)

    before = consumed()
    large = _queued(staff, story, people[:21])
    _running(large)
    assert pumped(_queued(staff, story, people[21:31])).status == Status.DONE
    assert pumped(_queued(staff, story, people[31:36])).status == Status.DONE
    assert consumed() == before + 15
    assert pumped(large).status == Status.DONE
    assert consumed() == before + 36


def test_what_runs_is_ahead_whatever_the_clocks_say(story: Customer, staff: StaffUser, people: list[str]) -> None:
    small = _queued(staff, story, people[:1])
    _running(small)
    large = _queued(staff, story, people[:21])
    # Queued by a machine whose clock is behind.
    large.queued_at = small.queued_at - timedelta(seconds=3)
    large.save(update_fields=["queued_at"])
    assert list(lanes.ahead_of(large)) == [small]
