"""Rows of saving many: ours beside the two loops that anybody would write, the write limit, and the calls."""

import time
from collections.abc import Callable, Iterator
from itertools import batched
from math import ceil
from typing import Any

import requests
from django.test import override_settings
from django.utils import timezone

from licenses.models import UserChange
from licensing_portal.sandbox import SandboxOptions
from tests.bench.data import Bench
from tests.bench.measure import Figure
from tests.bench.save_place import Place, check_all_updated, place, pump_to_the_end

USERS = 1_000
AT_ONCE = (1, 2, 4, 8)
# At this many milliseconds a call, so many users in the loop, and so many times faster than it with all at once.
LATENCIES = ((0, 1_000, None), (100, 100, 50.0))
RATE, SANDBOX_BURST, OWN_BURST = 20, 40, 20
_BATCH = 20
_ANSWERED, _UPDATED = 200, UserChange.State.UPDATED

type Loop = Callable[[requests.Session, str, list[UserChange]], None]


def speeds(bench: Bench) -> Iterator[Figure]:
    """Measure every way to save, without and with a latency."""
    for latency, in_the_loop, at_least in LATENCIES:
        options = SandboxOptions(latency_ms=latency, writes_per_second=0)
        users = in_the_loop + USERS * (1 + len(AT_ONCE))
        with place(bench.staff, users, options) as here:
            yield from side_by_side(here, f"{latency} ms a call", in_the_loop, USERS, at_least)


def side_by_side(here: Place, where: str, in_the_loop: int, users: int, at_least: float | None) -> Iterator[Figure]:
    """Measure the loops and ours at one place; `at_least` is wanted of the most calls at once."""
    single = _looped(here, in_the_loop, one_at_a_time)
    yield Figure(row=f"{where}: one call a user, one after another", value=single, unit="users/s")
    batches = _looped(here, users, batch_after_batch)
    yield from _beside(f"{where}: `$batch`, one after another", batches, single)
    for calls in AT_ONCE:
        with override_settings(CALLS_AT_ONCE=calls, WRITES_PER_SECOND=0):
            change = here.start(users)
            speed = users / pump_to_the_end(change)
        check_all_updated(change)
        bound = at_least if calls == AT_ONCE[-1] else None
        yield from _beside(f"{where}: ours, {calls} call{'s'[: calls > 1]} at once", speed, single, bound)


def _beside(row: str, speed: float, single: float, at_least: float | None = None) -> Iterator[Figure]:
    yield Figure(row=row, value=speed, unit="users/s")
    yield Figure(row=f"{row}, times the loop", value=speed / single, unit="×", at_least=at_least)


def _looped(here: Place, users: int, loop: Loop) -> float:
    """Return the users a second of a loop, over rows that are planned as ours are."""
    draft = here.draft(here.take(users))
    rows = list(draft.user_changes.order_by("position"))
    with here.session() as session:
        start = time.perf_counter()
        loop(session, f"{here.address}/graph/v1.0", rows)
        seconds = time.perf_counter() - start
    updated = draft.user_changes.filter(state=_UPDATED).count()
    assert updated == users, f"{updated} of {users} users were updated"
    # Sent past the portal: it must not be started.
    draft.delete()
    return users / seconds


def one_at_a_time(session: requests.Session, graph: str, rows: list[UserChange]) -> None:
    """Send a call for each user and note its outcome."""
    for row in rows:
        session.post(f"{graph}/users/{row.object_id}/assignLicense", json=_body(row)).raise_for_status()
        _note([row])


def batch_after_batch(session: requests.Session, graph: str, rows: list[UserChange]) -> None:
    """Send 20 users a call and note their outcomes together."""
    for some in batched(rows, _BATCH):
        parts = [
            {
                "id": str(number),
                "method": "POST",
                "url": f"/users/{row.object_id}/assignLicense",
                "headers": {"Content-Type": "application/json"},
                "body": _body(row),
            }
            for number, row in enumerate(some)
        ]
        answer = session.post(f"{graph}/$batch", json={"requests": parts})
        answer.raise_for_status()
        assert all(part["status"] == _ANSWERED for part in answer.json()["responses"])
        _note(some)


def _body(row: UserChange) -> dict[str, Any]:
    return {"addLicenses": row.add, "removeLicenses": row.remove}


def _note(rows: list[UserChange] | tuple[UserChange, ...]) -> None:
    found = UserChange.objects.filter(pk__in=[row.pk for row in rows])
    found.update(state=_UPDATED, status=_ANSWERED, finished_at=timezone.now())


def limited(bench: Bench) -> Iterator[Figure]:
    """Measure saves at a write limit: how near they come to it, and that Microsoft never says no."""
    for latency, _in_the_loop, _at_least in LATENCIES:
        options = SandboxOptions(latency_ms=latency, writes_per_second=RATE, write_burst=SANDBOX_BURST)
        with place(bench.staff, USERS, options) as here:
            yield from at_the_limit(here, f"{latency} ms a call", USERS)


def at_the_limit(here: Place, where: str, users: int) -> Iterator[Figure]:
    """Measure one save of so many users at the write limit."""
    here.forget_calls()
    with override_settings(WRITES_PER_SECOND=RATE, WRITE_BURST=OWN_BURST):
        change = here.start(users)
        seconds = pump_to_the_end(change)
    check_all_updated(change)
    allowed = users / RATE
    row = f"{where}, {RATE} writes a second: {users:,} users"
    yield Figure(row=row, value=seconds, unit="s", budget=allowed * 1.05, floor=allowed)
    refused = sum(call["status"] == requests.codes.too_many_requests for call in here.calls())
    yield Figure(row=f"{row}, answers of 429", value=refused, unit="calls", budget=0)


def calls(bench: Bench) -> Iterator[Figure]:
    """Count the HTTP calls of a save."""
    with place(bench.staff, USERS, SandboxOptions(writes_per_second=0)) as here:
        yield from calls_of(here, USERS)


def calls_of(here: Place, users: int) -> Iterator[Figure]:
    """Count the HTTP calls of a save of so many users, from Save until it is finished."""
    here.forget_calls()
    change = here.start(users)
    pump_to_the_end(change)
    check_all_updated(change)
    number = sum(call["batch"] is None for call in here.calls())
    most = ceil(users / 20) + 2 * ceil(users / 300) + 6
    yield Figure(row=f"HTTP calls of a save of {users:,} users", value=number, unit="calls", budget=most)
    yield Figure(row=f"HTTP calls a user, of {users:,}", value=number / users, unit="calls")
