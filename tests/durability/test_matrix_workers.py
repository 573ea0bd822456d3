"""The fault matrix, rows 27 to 34: databases that are away, and workers, pages and people that stop in the middle."""

import sqlite3
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection, transaction

from licenses.models import LicenseChange, UserChange
from licenses.services import run, save, stopping
from licensing_portal.sandbox.http import Request
from tests.durability import mixture
from tests.durability.invariants import page_violations, violations
from tests.durability.points import KILLED_AFTER, KILLED_BEFORE, LOST_AFTER, LOST_BEFORE, Blow, Killed, Points
from tests.durability.rehearsal import Rehearsal
from tests.durability.watched import writes_of

State, Status = UserChange.State, LicenseChange.Status


def _states(rehearsal: Rehearsal) -> Counter[str]:
    return Counter(rehearsal.change.user_changes.values_list("state", flat=True))


def _untrue(rehearsal: Rehearsal) -> list[str]:
    return violations(rehearsal.world, rehearsal.change) + page_violations(rehearsal.world, rehearsal.change)


def test_f29_without_room_for_an_intent_nobody_is_called(swap: Rehearsal) -> None:
    is_full = [True]

    def blow_at(number: int, name: str) -> Blow | None:
        return LOST_BEFORE if is_full[0] and "userchange" in name else None

    swap.prepare(blow_at)
    for _ in range(3):
        swap.pump()
    assert swap.deaths == 3
    assert not any("$batch" in name for name in swap.points.seen)
    assert _states(swap) == {State.PENDING: 44}
    is_full.clear()
    is_full.append(False)
    swap.work()
    assert _untrue(swap) == []
    assert _states(swap) == {State.UPDATED: 44}


@pytest.mark.parametrize(
    "blow",
    [
        KILLED_BEFORE,
        KILLED_AFTER,
        pytest.param(LOST_BEFORE, marks=pytest.mark.thorough),
        pytest.param(LOST_AFTER, marks=pytest.mark.thorough),
    ],
)
def test_f32_a_save_that_died_made_one_change_or_none_and_its_key_finds_it(swap: Rehearsal, blow: Blow) -> None:
    swap.work()
    world, points = swap.world, Points()
    known = list(world.customer.users.order_by("pk").values_list("pk", flat=True)[:20])

    def press_save(key: str) -> LicenseChange:
        made = save.make_draft(
            staff=world.staff,
            customer=world.customer,
            wish=mixture.WISH,
            user_pks=known,
            key=key,
            content="content",
        )
        return save.start(made, key=key)

    start = transaction.savepoint_create()
    with points.watching():
        press_save("good")
    transaction.savepoint_rollback(start)
    assert len(points.seen) > 1
    for at in range(len(points.seen)):
        key = uuid.uuid4().hex
        points.begin(lambda number, _, at=at: blow if number == at else None)  # type: ignore[misc]
        with pytest.raises((Killed, OperationalError)), points.watching():
            press_save(key)
        transaction.set_rollback(False)
        made = list(LicenseChange.objects.filter(key=key))
        assert len(made) <= 1
        # A draft has all its users: whoever presses Save again goes on from there.
        assert all(change.user_changes.count() == change.total == 20 for change in made)
        again = press_save(key)
        assert LicenseChange.objects.filter(key=key).count() == 1
        assert (again.status, again.user_changes.count()) == (Status.QUEUED, 20)
        transaction.savepoint_rollback(start)


def test_f33_a_worker_that_is_asked_to_end_finishes_its_call_and_the_next_one_goes_on(swap: Rehearsal) -> None:
    calls: list[Request] = []

    def ask_to_end(request: Request) -> None:
        if writes_of(request):
            calls.append(request)
            run.stopping.set()

    swap.sandbox.on_arrival = ask_to_end
    try:
        swap.pump()
    finally:
        run.stopping.clear()
    assert len(calls) == 1
    assert _states(swap) == {State.UPDATED: 20, State.PENDING: 24}
    swap.sandbox.on_arrival = lambda request: None
    swap.work()
    assert _untrue(swap) == []
    assert _states(swap) == {State.UPDATED: 44}


def _stop_at(rehearsal: Rehearsal, number: int) -> None:
    """Press Stop while the call of a number (from 0) is under way."""
    calls: list[Request] = []

    def press(request: Request) -> None:
        if len(calls) == number:
            with rehearsal.points.resting():
                stopping.request_stop(rehearsal.change)
        calls.append(request)

    rehearsal.sandbox.on_arrival = press


@pytest.mark.one_database
@pytest.mark.parametrize(
    "blow", [None, *(pytest.param(blow, marks=pytest.mark.thorough) for blow in ("504 after", KILLED_AFTER))]
)
def test_f34_stop_at_any_call_records_who_was_there_and_tries_nobody_else(
    rehearsal: Rehearsal, blow: Blow | None
) -> None:
    for number in range(4):
        # The call that is under way when somebody presses Stop goes wrong, too.
        turns = iter(range(100))

        def blow_at(_: int, name: str, number: int = number, turns: Iterator[int] = turns) -> Blow | None:
            return blow if name.startswith("call") and next(turns) == number else None

        with rehearsal.take(blow_at, before=lambda number=number: _stop_at(rehearsal, number)):  # type: ignore[misc]
            assert violations(rehearsal.world, rehearsal.change) == []
            assert rehearsal.change.status == Status.CANCELLED
            states = _states(rehearsal)
            assert states[State.NOT_TRIED] > 0
            assert states[State.UNKNOWN] == 0
            called = {user for method, user in rehearsal.sandbox.applied if method == "POST"}
            updated = rehearsal.change.user_changes.filter(state=State.UPDATED, attempts__gte=1)
            assert called == set(updated.values_list("object_id", flat=True))


@pytest.mark.django_db(transaction=True)
@pytest.mark.sqlite
def test_f27_a_locked_database_is_waited_for(small_swap: Rehearsal) -> None:
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, check_same_thread=False)
    released: list[float] = []

    def release() -> None:
        time.sleep(0.5)
        other.execute("COMMIT")
        released.append(time.monotonic())

    def lock(request: Request) -> None:
        if writes_of(request) and not released:
            other.execute("BEGIN IMMEDIATE")
            threading.Thread(target=release).start()

    small_swap.sandbox.on_arrival = lock
    start = time.monotonic()
    small_swap.pump()
    other.close()
    assert released
    assert start < released[0] < time.monotonic()
    small_swap.change.refresh_from_db()
    assert small_swap.change.status == Status.DONE
    assert _untrue(small_swap) == []
    assert _states(small_swap) == {State.UPDATED: 20}
