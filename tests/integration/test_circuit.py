"""What a tenant's answers do to its budget: waits, a slower pace, and the circuit that stops calling into silence."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange, Throttle, UserChange
from licenses.services import budget as budgets
from licenses.services import readback, run, save
from licenses.services.budget import Budget
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.integration.saving import ALL, draft, sku, states

pytestmark = pytest.mark.django_db

Status, State = LicenseChange.Status, UserChange.State
PEOPLE = [user_id("joiner", number) for number in range(2, 6)]
PART = "POST /graph/v1.0/users/*/assignLicense"
BATCH = "POST /graph/v1.0/$batch"
TENANT = "a" * 36


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(budgets, "time", clock)
    return clock


@pytest.fixture
def bucket(settings: Any, clock: Clock, db: None) -> Budget:
    """Ten writes a second, forty at once."""
    settings.WRITES_PER_SECOND, settings.WRITE_BURST = 10, 40
    return Budget.of(TENANT)


def _silence(bucket: Budget, times: int) -> list[float]:
    return [bucket.heard(0, is_clear=False) for _ in range(times)]


def test_what_was_taken_comes_back_from_the_answer_on(bucket: Budget, clock: Clock) -> None:
    assert bucket.take(40)
    # The answer needs three seconds; only then did Microsoft surely count the last of the writes.
    clock.now += 3
    bucket.heard(40, is_clear=True)
    assert not bucket.take(1)
    clock.now += 2
    assert bucket.take(20)
    assert not bucket.take(1)


def test_other_tokens_come_back_meanwhile(bucket: Budget, clock: Clock) -> None:
    assert bucket.take(20)
    assert bucket.take(20)
    clock.now += 3
    bucket.heard(20, is_clear=True)
    assert bucket.take(20)
    assert not bucket.take(1)


def test_five_silent_calls_in_a_row_open_the_circuit(bucket: Budget, clock: Clock) -> None:
    assert _silence(bucket, 5) == [0, 0, 0, 0, 30]
    clock.now += 29
    assert not bucket.take(1)
    assert bucket.blocked_for() == 1


def test_an_answer_in_between_keeps_it_closed(bucket: Budget) -> None:
    assert _silence(bucket, 4) == [0] * 4
    bucket.heard(1, is_clear=True)
    assert _silence(bucket, 4) == [0] * 4


def test_more_than_half_of_the_last_twenty_open_it(bucket: Budget) -> None:
    opened = []
    for _ in range(10):
        opened += _silence(bucket, 2)
        bucket.heard(1, is_clear=True)
    # Two of three are silent: the eleventh of the last twenty is too many.
    assert [seconds > 0 for seconds in opened].index(True) == 10


def test_one_probe_at_a_time_and_longer_each_time(bucket: Budget, clock: Clock) -> None:
    _silence(bucket, 5)
    waits = []
    for wait in (30, 60, 120, 240, 300, 300):
        assert not bucket.take(1)
        clock.now += wait
        assert bucket.take(1)
        assert not bucket.take(1), "a second probe"
        waits += _silence(bucket, 1)
    assert waits == [60, 120, 240, 300, 300, 300]


def test_a_probe_that_hears_something_closes_it(bucket: Budget, clock: Clock) -> None:
    _silence(bucket, 5)
    clock.now += 30
    assert bucket.take(1)
    bucket.heard(1, is_clear=True)
    assert bucket.take(1)
    assert bucket.take(1)
    assert _silence(bucket, 4) == [0] * 4


def test_calls_that_were_under_way_are_no_probes(bucket: Budget, clock: Clock) -> None:
    _silence(bucket, 5)
    clock.now += 10
    assert _silence(bucket, 3) == [20, 20, 20]


def test_a_probe_that_was_not_needed_leaves_its_turn(bucket: Budget, clock: Clock) -> None:
    _silence(bucket, 5)
    clock.now += 30
    assert bucket.take(5)
    bucket.skip(5)
    assert bucket.take(40)


def test_a_probe_whose_worker_died_is_followed_by_another(bucket: Budget, clock: Clock) -> None:
    _silence(bucket, 5)
    clock.now += 30
    assert bucket.take(1)
    clock.now += 74
    assert not bucket.take(1)
    clock.now += 1
    assert bucket.take(1)


def test_the_circuit_needs_no_limit(settings: Any, clock: Clock) -> None:
    settings.WRITES_PER_SECOND = 0
    bucket = Budget.of(TENANT)
    _silence(bucket, 5)
    assert not bucket.take(20)
    clock.now += 30
    assert bucket.take(20)
    assert not bucket.take(20)


def test_a_refused_call_halves_the_pace_which_recovers(bucket: Budget, clock: Clock) -> None:
    assert bucket.take(40)
    bucket.block(10, slower=True)
    # Others that were refused at the same time say the same once more.
    bucket.block(10, slower=True)
    clock.now += 10
    Throttle.objects.update(tokens=0, at=clock.now)
    clock.now += 60
    assert bucket.wait_for(40) == 0.01
    Throttle.objects.update(tokens=0, at=clock.now)
    assert bucket.wait_for(10) == pytest.approx(10 / (5 + 70 / 60))
    clock.now += 600
    Throttle.objects.update(tokens=0, at=clock.now)
    assert bucket.wait_for(10) == 1


def _started(staff: StaffUser, story: Customer) -> LicenseChange:
    return save.start(draft(staff, story, PEOPLE, Wish(products={sku("SPE_E3"): ALL})))


@pytest.fixture
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.stopping, "wait", lambda seconds: False)
    monkeypatch.setattr(readback, "_PAUSES", (0.0, 0.0))


@pytest.mark.usefixtures("_without_pauses")
def test_a_long_wait_pauses_the_change_and_the_page_says_until_when(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    change = _started(staff, story)
    sandbox.faults.add({"match": BATCH, "status": 429, "headers": {"Retry-After": "900"}})
    run.pump(str(change.pk), seconds=0.3)
    change.refresh_from_db()
    assert change.status == Status.PAUSED
    assert change.waiting_until is not None
    assert timedelta(seconds=880) < change.waiting_until - timezone.now() <= timedelta(seconds=900)
    text = staff_client.get(reverse("licenses:change", args=[change.pk])).content.decode()
    assert "Paused: Microsoft asked to wait until" in text
    assert 'id="stop"' in text
    change.user_changes.update(not_before=None)
    Throttle.objects.update(blocked_until=0)
    run.pump(str(change.pk), seconds=2)
    change.refresh_from_db()
    assert (change.status, change.waiting_until) == (Status.DONE, None)
    assert set(states(change).values()) == {State.UPDATED}


@pytest.mark.usefixtures("_without_pauses")
def test_a_paused_change_can_be_stopped(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    change = _started(staff, story)
    sandbox.faults.add({"match": BATCH, "status": 429, "headers": {"Retry-After": "900"}})
    run.pump(str(change.pk), seconds=0.3)
    staff_client.post(reverse("licenses:change-stop", args=[change.pk]))
    run.pump(str(change.pk), seconds=0.3)
    change.refresh_from_db()
    assert change.status == Status.CANCELLED
    assert set(states(change).values()) == {State.NOT_TRIED}


@pytest.mark.usefixtures("_without_pauses")
def test_silence_stops_the_calls_and_the_change_goes_on_afterwards(
    sandbox: Sandbox, story: Customer, staff: StaffUser
) -> None:
    change = _started(staff, story)
    sandbox.faults.add({"match": PART, "status": 500, "times": 99})
    for _ in range(5):
        change.user_changes.update(not_before=None)
        run.pump(str(change.pk), seconds=0.3)
        change.refresh_from_db()
    assert Throttle.objects.get().open_seconds == 30
    assert change.status == Status.RUNNING
    assert change.waiting_until is not None
    calls = len(sandbox.journal.show()["calls"])
    change.user_changes.update(not_before=None)
    run.pump(str(change.pk), seconds=0.3)
    assert len(sandbox.journal.show()["calls"]) == calls, "the circuit is open"
    sandbox.faults.clear()
    change.user_changes.update(not_before=None)
    Throttle.objects.update(blocked_until=0)
    run.pump(str(change.pk), seconds=2)
    change.refresh_from_db()
    assert set(states(change).values()) == {State.UPDATED}
    assert Throttle.objects.get().open_seconds == 0


@pytest.mark.usefixtures("_without_pauses")
def test_a_request_that_never_left_says_nothing_about_the_limit(
    sandbox: Sandbox, story: Customer, staff: StaffUser, settings: Any
) -> None:
    settings.WRITES_PER_SECOND, settings.WRITE_BURST = 10, 40
    change = _started(staff, story)
    # The kept token is refused, and there is no other.
    sandbox.faults.add({"match": BATCH, "status": 401})
    sandbox.faults.add({"match": "POST /entra/*", "status": 503, "times": 99})
    for _ in range(3):
        change.user_changes.update(not_before=None)
        Throttle.objects.update(blocked_until=0)
        run.pump(str(change.pk), seconds=0.3)
    row = Throttle.objects.get()
    # Not slower, and not answered either.
    assert (row.paced_at, row.unclear > 0) == (0, True)


@pytest.mark.usefixtures("_without_pauses")
def test_a_pause_for_silence_is_not_called_microsofts_wish(
    story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    change = _started(staff, story)
    LicenseChange.objects.filter(pk=change.pk).update(
        status=Status.PAUSED, started_at=timezone.now(), waiting_until=timezone.now() + timedelta(minutes=4)
    )
    Budget.of(story.tenant_id)
    Throttle.objects.update(open_seconds=240)
    text = staff_client.get(reverse("licenses:change", args=[change.pk])).content.decode()
    assert "Paused: Microsoft does not answer, next try at" in text
