"""Heartbeat and sweeper: nothing that a dead worker held stays where it was."""

from datetime import timedelta

import pytest
from django.tasks import TaskResultStatus
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange, UserChange, WorkerBeat
from licenses.services import run, save, send, sweep
from licenses.services.claims import claim, free_leases
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.integration.saving import ALL, draft, pumped, sku, states

pytestmark = pytest.mark.django_db

PEOPLE = [user_id("joiner", number) for number in (2, 3)]


@pytest.fixture
def change(sandbox: Sandbox, story: Customer, staff: StaffUser) -> LicenseChange:
    """A queued change."""
    return save.start(draft(staff, story, PEOPLE, Wish(products={sku("SPE_E3"): ALL})))


def _rings() -> int:
    return DBTaskResult.objects.filter(status=TaskResultStatus.READY).count()


def _age(change: LicenseChange) -> None:
    LicenseChange.objects.filter(pk=change.pk).update(sliced_at=timezone.now() - timedelta(minutes=1))


def test_a_lost_ring_is_rung_again_once(change: LicenseChange) -> None:
    DBTaskResult.objects.all().delete()
    sweep.sweep()
    assert _rings() == 0, "a fresh change is not quiet yet"
    _age(change)
    sweep.sweep()
    sweep.sweep()
    assert _rings() == 1


def test_a_ring_that_waits_is_enough(change: LicenseChange) -> None:
    _age(change)
    sweep.sweep()
    assert _rings() == 1


def test_a_dead_workers_users_go_on_at_once(change: LicenseChange) -> None:
    # No process has this number: the kernel's largest is 4,194,304.
    dead = "host:4999999:boot"
    beat = WorkerBeat.objects.create(worker_id=dead, host=sweep.socket.gethostname(), pid=4_999_999, at=timezone.now())
    claim(change, 20, token=f"{dead}:1")
    DBTaskResult.objects.update(status=TaskResultStatus.RUNNING, worker_ids=[dead])
    sweep.sweep()
    assert not WorkerBeat.objects.filter(pk=beat.pk).exists()
    # The dead worker's task is over, and somebody else is rung for at once.
    statuses = DBTaskResult.objects.order_by("enqueued_at").values_list("status", flat=True)
    assert list(statuses) == [TaskResultStatus.FAILED, TaskResultStatus.READY]
    assert not change.user_changes.filter(lease_until__gte=timezone.now()).exists()
    assert set(states(pumped(change)).values()) == {UserChange.State.UPDATED}


def test_workers_that_die_use_up_nobodys_attempts(
    change: LicenseChange, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run.stopping, "wait", lambda seconds: False)
    monkeypatch.setattr(send, "_READS_LAG", 0.0)
    monkeypatch.setattr(send, "_backoff", lambda attempts: 0.0)
    for number in range(send.MAX_ATTEMPTS + 2):
        claim(change, 20, token=f"dead:{number}:1")
        free_leases(f"dead:{number}")
    # The call that comes after them all is one whose answer says nothing: still nobody ends as unknown.
    sandbox.faults.add({"match": "POST /graph/v1.0/$batch", "status": 504})
    sandbox.faults.add({"match": "POST /graph/v1.0/$batch", "status": 504, "skip": 1})
    assert set(states(pumped(change)).values()) == {UserChange.State.UPDATED}


def test_what_a_living_worker_no_longer_runs_is_rung_for_again(change: LicenseChange) -> None:
    # It lost the database in the middle of this task, and could not write down that the task failed.
    sweep.beat()
    lost = DBTaskResult.objects.get()
    DBTaskResult.objects.update(status=TaskResultStatus.RUNNING, worker_ids=[sweep.process_name()])
    _age(change)
    sweep.sweep()
    assert _rings() == 0, "it may be at work"
    assert sweep.end_tasks(sweep.process_name(), but=[lost.pk]) == 0
    assert sweep.end_tasks("other:1:x") == 0
    assert sweep.end_tasks(sweep.process_name()) == 1
    sweep.sweep()
    assert _rings() == 1


def test_a_living_worker_is_left_alone(change: LicenseChange) -> None:
    sweep.beat()
    sweep.sweep()
    assert WorkerBeat.objects.count() == 1
    sweep.retire()
    assert WorkerBeat.objects.count() == 0


def test_a_silent_worker_elsewhere_is_taken_for_dead(change: LicenseChange) -> None:
    WorkerBeat.objects.create(worker_id="other:1:x", host="other", pid=1, at=timezone.now() - timedelta(minutes=2))
    sweep.sweep()
    assert not WorkerBeat.objects.exists()


@pytest.mark.parametrize(("silent", "rings"), [(5, 0), (15, 1)])
def test_users_of_a_change_wait_no_minute_for_a_worker_elsewhere_that_went_silent(
    change: LicenseChange, silent: int, rings: int
) -> None:
    at = timezone.now() - timedelta(seconds=silent)
    WorkerBeat.objects.create(worker_id="other:1:x", host="other", pid=1, at=at)
    DBTaskResult.objects.update(status=TaskResultStatus.RUNNING, worker_ids=["other:1:x"])
    _age(change)
    sweep.sweep()
    assert _rings() == rings
    # It is not taken for dead yet: its own users stay with it.
    assert WorkerBeat.objects.count() == 1


def test_a_queued_change_behind_a_running_one_is_not_rung(
    change: LicenseChange, story: Customer, staff: StaffUser
) -> None:
    LicenseChange.objects.filter(pk=change.pk).update(status=LicenseChange.Status.RUNNING)
    second = save.start(draft(staff, story, [user_id("joiner", 4)], Wish(products={sku("SPE_E3"): ALL})))
    DBTaskResult.objects.all().delete()
    _age(second)
    sweep.sweep()
    assert _rings() == 0


def test_drafts_older_than_a_day_go(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    wish = Wish(products={sku("SPE_E3"): ALL})
    old, young = draft(staff, story, PEOPLE, wish), draft(staff, story, PEOPLE, wish)
    LicenseChange.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(hours=25))
    sweep.sweep()
    assert set(LicenseChange.objects.values_list("pk", flat=True)) == {young.pk}


def test_what_the_engine_finished_long_ago_goes(change: LicenseChange) -> None:
    old = DBTaskResult.objects.get()
    DBTaskResult.objects.filter(pk=old.pk).update(
        status=TaskResultStatus.SUCCESSFUL, finished_at=timezone.now() - timedelta(hours=23)
    )
    sweep.sweep()
    assert DBTaskResult.objects.filter(pk=old.pk).exists()
    DBTaskResult.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(hours=25))
    sweep.sweep()
    assert not DBTaskResult.objects.filter(pk=old.pk).exists()
