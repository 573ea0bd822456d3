"""Worker processes that freeze, end, or do the same thing at once; the promises hold all the same."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.tasks import TaskResultStatus
from django.test import Client
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from licenses import doorbell
from licenses.models import LicenseChange, UserChange, WorkerBeat
from licensing_portal.sandbox.http import Request
from tests.durability.crew import wait_until
from tests.durability.stage import Stage, count, is_finished, stage
from tests.durability.watched import PART

pytestmark = pytest.mark.django_db(transaction=True)

State, Status = UserChange.State, LicenseChange.Status
MANAGE = Path(settings.BASE_DIR) / "manage.py"
# The frozen worker's lease ends after this instead of 90 s.
LEASE = {"DURABILITY_LEASE": "1"}


def _no_task_runs() -> bool:
    return not DBTaskResult.objects.filter(status=TaskResultStatus.RUNNING).exists()


def _hold(gate: threading.Event, after: int, theatre: Stage) -> None:
    """Let a call wait for a gate once so many users were changed: no test then depends on its own speed."""
    if len(theatre.sandbox.applied) >= after:
        gate.wait(20)


def _freeze_and_take_over(theatre: Stage, change: LicenseChange, moment: str) -> None:
    """Let one worker freeze, another one finish the change, and the first one wake up and try to go on."""
    frozen = theatre.crew.add(DURABILITY_STOP=moment)
    wait_until(lambda: frozen.is_frozen, 20, "a worker that freezes")
    doorbell.ring(change)
    theatre.crew.add()
    theatre.wait_for_end(change)
    frozen.thaw()
    wait_until(_no_task_runs, 20, "the end of the worker's slice")


def test_a_frozen_workers_outcomes_are_refused() -> None:
    with stage(40, **LEASE) as theatre:
        change = theatre.world.swap(40)
        # It holds a refusal that nobody else was told: whoever comes next finds the user untouched and changes them.
        theatre.sandbox.faults.add({"match": PART, "status": 403})
        _freeze_and_take_over(theatre, change, "call")
        assert theatre.broken_promises(change) == []
        assert count(change, State.UPDATED) == 40


def test_a_worker_that_froze_before_its_call_sends_nothing_any_more() -> None:
    with stage(40, **LEASE) as theatre:
        change = theatre.world.swap(40)
        _freeze_and_take_over(theatre, change, "claim")
        assert theatre.broken_promises(change) == []
        assert count(change, State.UPDATED) == 40


def test_two_workers_share_one_budget() -> None:
    rate, burst, users = 100, 40, 240
    limits = {"WRITES_PER_SECOND": str(rate), "WRITE_BURST": str(burst)}
    with stage(users, **limits) as theatre:
        change = theatre.world.swap(users)
        doorbell.ring(change)
        theatre.crew.add()
        theatre.crew.add()
        theatre.wait_for_end(change)
        assert theatre.broken_promises(change) == []
        assert {len(task.worker_ids) for task in DBTaskResult.objects.all()} == {1}
        calls = theatre.sandbox.journal.show()["calls"]
        at = [call["at"] for call in calls if call["batch"] and call["method"] == "POST"]
        # From any write on: never more than the burst, what came in since, and the other worker's call on its way.
        for first, start in enumerate(at):
            for number, moment in enumerate(at[first:], start=1):
                assert number <= burst + rate * (moment - start) + 20, (first, number)


def test_a_doorbell_that_rings_six_times_changes_everybody_once() -> None:
    with stage(100, latency=(0.02, 0.05)) as theatre:
        change = theatre.world.swap(100)
        for _ in range(5):
            doorbell.ring(change)
        for _ in range(3):
            theatre.crew.add()
        theatre.wait_for_end(change)
        wait_until(lambda: _no_task_runs() and not DBTaskResult.objects.ready().exists(), 20, "the last ring")
        assert theatre.broken_promises(change) == []
        assert count(change, State.UPDATED) == 100


def test_one_users_repair_waits_for_no_large_change() -> None:
    with stage(200) as theatre:
        large = theatre.world.swap(150)
        is_repaired = threading.Event()
        people = [object_id.encode() for object_id in large.user_changes.values_list("object_id", flat=True)]

        def hold(request: Request) -> None:
            if any(object_id in request.body for object_id in people):
                is_repaired.wait(20)

        theatre.sandbox.on_arrival = hold
        theatre.crew.add()
        # The only worker is busy with the large change, whose calls do not come back.
        wait_until(lambda: count(large, State.IN_FLIGHT) >= 20, 20, "the large change")
        small = theatre.world.swap(1)
        assert theatre.wait_for_end(small, within=20) < 3
        assert count(large, State.UPDATED) == 0
        is_repaired.set()
        theatre.wait_for_end(large)
        assert theatre.broken_promises(small) + theatre.broken_promises(large) == []


@pytest.mark.one_database
def test_stop_records_who_was_at_microsoft_and_tries_nobody_else() -> None:
    # Two calls of 20 users at a time. From 40 users on Microsoft lets them wait until somebody has stopped the change.
    with stage(200, CALLS_AT_ONCE="1") as theatre:
        change = theatre.world.swap(200)
        is_stopped = threading.Event()
        theatre.sandbox.on_arrival = lambda request: _hold(is_stopped, 40, theatre)
        doorbell.ring(change)
        theatre.crew.add()
        theatre.crew.add()
        theatre.wait_for_writes(40)
        client = Client()
        client.force_login(theatre.world.staff)
        client.post(reverse("licenses:change-stop", args=[change.pk]))
        is_stopped.set()
        assert theatre.wait_for_end(change) < 5
        assert change.status == Status.CANCELLED
        assert theatre.broken_promises(change) == []
        assert count(change, State.UPDATED) == len(theatre.sandbox.applied)
        assert count(change, State.NOT_TRIED) == 200 - len(theatre.sandbox.applied) > 0


@pytest.mark.one_database
def test_sigterm_lets_the_call_under_way_end_and_be_recorded() -> None:
    # The call is on its way back for a moment after the signal.
    with stage(60, latency=(0.4, 0.4)) as theatre:
        change = theatre.world.swap(60)
        is_asked = threading.Event()
        theatre.sandbox.on_arrival = lambda request: _hold(is_asked, 0, theatre)
        worker = theatre.crew.add()
        wait_until(lambda: count(change, State.IN_FLIGHT) == 20, 20, "a claim")
        # Whoever claims is known: were it killed now, nobody would wait for its leases to end.
        assert [beat.pid for beat in WorkerBeat.objects.all()] == [worker.pid]
        worker.ask_to_end()
        is_asked.set()
        assert worker.wait() == 0
        assert (len(theatre.sandbox.applied), count(change, State.UPDATED)) == (20, 20)
        assert count(change, State.IN_FLIGHT) == 0
        assert not is_finished(change)
        theatre.sandbox.latency = (0, 0)
        theatre.crew.add()
        theatre.wait_for_end(change)
        assert theatre.broken_promises(change) == []


@contextmanager
def _served(theatre: Stage) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `manage.py serve` with two workers; at its end nothing of it is left."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(MANAGE), "serve", "--port", str(port), "--workers", "2"]
    process = subprocess.Popen(command, env=theatre.environment, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def _exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.one_database
@pytest.mark.thorough
def test_a_killed_server_takes_its_workers_along_and_the_next_one_goes_on() -> None:
    with stage(240, latency=(0.2, 0.2)) as theatre:
        change = theatre.world.swap(240)
        with _served(theatre) as first:
            theatre.wait_for_writes(40)
            wait_until(lambda: WorkerBeat.objects.count() == 2, 20, "two workers")
            orphans = list(WorkerBeat.objects.values_list("pid", flat=True))
            os.kill(first.pid, signal.SIGKILL)
            first.wait(10)
        with _served(theatre) as second:
            wait_until(lambda: not any(map(_exists, orphans)), 20, "the end of the dead server's workers")
            theatre.wait_for_end(change)
            assert theatre.broken_promises(change) == []
            assert count(change, State.UPDATED) == 240
            pids = list(WorkerBeat.objects.values_list("pid", flat=True))
            second.terminate()
            assert second.wait(30) == 0
            assert not any(map(_exists, pids))
