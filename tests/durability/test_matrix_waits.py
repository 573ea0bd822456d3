"""The fault matrix, rows 1 to 4, 8, 11 and 26: Microsoft asks to wait, is silent, slow or says too much."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
from django.test import Client
from django.urls import reverse

from licenses.models import LicenseChange, Throttle, UserChange
from licenses.services.budget import Budget
from licensing_portal.sandbox.http import Request
from tests.durability.invariants import page_violations, violations
from tests.durability.rehearsal import Rehearsal
from tests.durability.watched import BATCH, PART, writes_of

pytestmark = pytest.mark.one_database

State, Status = UserChange.State, LicenseChange.Status


def _states(rehearsal: Rehearsal) -> Counter[str]:
    return Counter(rehearsal.change.user_changes.values_list("state", flat=True))


def _truth(rehearsal: Rehearsal) -> list[str]:
    """Return what is untrue once the change is worked on to its end."""
    rehearsal.work()
    return violations(rehearsal.world, rehearsal.change) + page_violations(rehearsal.world, rehearsal.change)


def _page(rehearsal: Rehearsal) -> str:
    client = Client()
    client.force_login(rehearsal.world.staff)
    return client.get(reverse("licenses:change", args=[rehearsal.change.pk])).content.decode()


def _note_calls(rehearsal: Rehearsal) -> list[float]:
    """Return a list that the moments of the calls with writes go into: what was stepped and what really passed."""
    moments: list[float] = []

    def note(request: Request) -> None:
        if writes_of(request):
            moments.append(rehearsal.elapsed + time.monotonic())

    rehearsal.sandbox.on_arrival = note
    return moments


def test_f1_a_named_wait_is_kept_said_on_the_page_and_holds_up_nobody_else(swap: Rehearsal) -> None:
    swap.sandbox.faults.add({"match": BATCH, "status": 429, "headers": {"Retry-After": "7"}})
    moments = _note_calls(swap)
    swap.pump()
    assert len(moments) == 1
    assert "waiting for Microsoft until" in _page(swap)
    assert not Budget.of(swap.world.customer.tenant_id).take(1)
    assert Budget.of("b" * 36).take(1)
    assert _truth(swap) == []
    assert moments[1] - moments[0] >= 6.9
    assert _states(swap) == {State.UPDATED: 44}


@pytest.mark.parametrize(
    ("headers", "shortest", "longest"),
    [({}, 1.9, 60), ({"Retry-After": "date"}, 28, 31), ({"Retry-After": "900"}, 899, 902)],
    ids=["no header", "a date", "900 s"],
)
def test_f2_every_kind_of_wait_is_kept(
    small_swap: Rehearsal, headers: dict[str, str], shortest: float, longest: float
) -> None:
    if headers.get("Retry-After") == "date":
        headers = {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)}
    small_swap.sandbox.faults.add({"match": BATCH, "status": 429, "headers": headers})
    moments = _note_calls(small_swap)
    small_swap.pump()
    small_swap.change.refresh_from_db()
    if shortest > 120:
        assert small_swap.change.status == Status.PAUSED
        assert "Paused: Microsoft asked to wait until" in _page(small_swap)
    assert _truth(small_swap) == []
    assert shortest <= moments[1] - moments[0] <= longest
    assert _states(small_swap) == {State.UPDATED: 20}


def test_f3_of_a_batch_only_those_put_off_are_repeated_after_the_longest_wait(small_swap: Rehearsal) -> None:
    sandbox = small_swap.sandbox
    sandbox.faults.add({"match": PART, "status": 429, "headers": {"Retry-After": "2"}, "times": 6})
    sandbox.faults.add({"match": PART, "status": 429, "headers": {"Retry-After": "9"}})
    moments = _note_calls(small_swap)
    small_swap.pump()
    assert _states(small_swap) == {State.UPDATED: 13, State.PENDING: 7}
    assert _truth(small_swap) == []
    assert len(moments) == 2
    assert moments[1] - moments[0] >= 8.9
    calls = [call for call in sandbox.journal.show()["calls"] if call["batch"] and call["method"] == "POST"]
    assert len(calls) == 27


def test_f4_ten_503_in_a_row_that_name_a_time_are_waited_out(small_swap: Rehearsal) -> None:
    fault = {"match": BATCH, "status": 503, "headers": {"Retry-After": "20"}, "times": 10}
    small_swap.sandbox.faults.add(fault)
    moments = _note_calls(small_swap)
    assert _truth(small_swap) == []
    assert all(later - earlier >= 19.9 for earlier, later in pairwise(moments))
    assert _states(small_swap) == {State.UPDATED: 20}


# The circuit is open after five; whoever tries if Microsoft is back does so at the cost of one of their six attempts.
_SILENT_CALLS = 8


def test_f4_silence_opens_the_circuit_and_the_change_goes_on_after_it(swap: Rehearsal) -> None:
    moments = _note_calls(swap)
    note = swap.sandbox.on_arrival

    def stay_silent(request: Request) -> None:
        note(request)
        if writes_of(request) and len(moments) <= _SILENT_CALLS:
            swap.sandbox.faults.add({"match": BATCH, "status": 503})

    swap.sandbox.on_arrival = stay_silent
    swap.pump()
    assert len(moments) == 5
    assert Throttle.objects.get(key=swap.world.customer.tenant_id).open_seconds == 30
    swap.pump()
    assert len(moments) == 5, "the circuit is open"
    assert "waiting for Microsoft until" in _page(swap)
    assert _truth(swap) == []
    assert moments[5] - moments[4] >= 29.9
    assert _states(swap) == {State.UPDATED: 44}
    assert Throttle.objects.get(key=swap.world.customer.tenant_id).open_seconds == 0


def test_f8_an_answer_of_thirty_megabytes_is_cut_off_and_read_back(small_swap: Rehearsal) -> None:
    praise = [{"id": str(number), "status": 200, "body": {}} for number in range(1, 21)]
    answer = {"responses": praise, "rest": " " * 30 * 1024 * 1024}
    small_swap.sandbox.faults.add({"match": BATCH, "body": answer, "after_commit": True})
    assert _truth(small_swap) == []
    assert _states(small_swap) == {State.UPDATED: 20}
    assert len(small_swap.sandbox.applied) == 20
    # Nobody has taken it at its word.
    assert set(small_swap.change.user_changes.values_list("attempts", flat=True)) == {2}


@pytest.mark.parametrize(("seconds", "attempts"), [(25, 1), (61, 2)], ids=["slow", "longer than a call may take"])
def test_f11_a_slow_answer_is_waited_for_and_one_that_is_too_slow_read_back(
    small_swap: Rehearsal, seconds: float, attempts: int
) -> None:
    moments = _note_calls(small_swap)
    note = small_swap.sandbox.on_arrival

    def dawdle(request: Request) -> None:
        note(request)
        if writes_of(request):
            small_swap.step(seconds)

    small_swap.sandbox.on_arrival = dawdle
    assert _truth(small_swap) == []
    assert len(moments) == 1
    assert _states(small_swap) == {State.UPDATED: 20}
    # The second attempt is one that looks.
    assert set(small_swap.change.user_changes.values_list("attempts", flat=True)) == {attempts}


@pytest.mark.parametrize(
    "seconds", [pytest.param(600, id="forwards"), pytest.param(-600, id="backwards", marks=pytest.mark.thorough)]
)
def test_f26_a_clock_that_jumps_ten_minutes_loses_and_repeats_nobody(swap: Rehearsal, seconds: float) -> None:
    swap.sandbox.faults.add({"match": BATCH, "status": 504, "after_commit": True, "skip": 1})
    swap.sandbox.faults.add({"match": PART, "status": 429, "headers": {"Retry-After": "3"}, "times": 5})
    moments = _note_calls(swap)
    note = swap.sandbox.on_arrival

    def jump(request: Request) -> None:
        note(request)
        if len(moments) == 2:
            swap.move_clock(seconds)

    swap.sandbox.on_arrival = jump
    assert _truth(swap) == []
    assert _states(swap) == {State.UPDATED: 44}
    assert len(swap.sandbox.applied) == 44
