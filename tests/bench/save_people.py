"""Rows of people who wait: one user saved by a browser, alone and beside many, and workers that are killed."""

import gzip
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.http import HttpResponse
from django.test import override_settings
from django.utils import timezone

from customers import selection as selections
from licenses.models import LicenseChange, UserChange
from licenses.services import stopping
from licensing_portal.sandbox import SandboxOptions
from licensing_portal.sandbox import catalog as products
from tests.bench.data import Bench
from tests.bench.measure import Figure
from tests.bench.save_place import Place, check_all_updated, forget_rings, place, worker_environment
from tests.durability import kill
from tests.durability.crew import Crew, wait_until
from tests.uniform import OTHER

BASE = Path(__file__).resolve().parent.parent.parent
LATENCY = 100
TIMES = 5
BESIDE = 5_000
# The portal stays below Microsoft's limit, as its settings do by themselves.
RATE, SANDBOX_RATE, BURST = 18, 20, 300
_SECOND = 1.0
_State = UserChange.State


def one_user(bench: Bench) -> Iterator[Figure]:
    """Measure one user, Save to result shown, alone and while a large change of the same customer runs."""
    options = SandboxOptions(latency_ms=LATENCY, writes_per_second=SANDBOX_RATE, write_burst=BURST)
    with place(bench.staff, BESIDE + 2 * TIMES + 2, options) as here:
        yield from save_one(bench, here, TIMES, BESIDE)


def save_one(bench: Bench, here: Place, times: int, beside: int, burst: int = BURST) -> Iterator[Figure]:
    """Measure one user so many times, then again beside a change of `beside` users that has spent its burst."""
    limits = {"WRITES_PER_SECOND": RATE, "WRITE_BURST": burst}
    environment = worker_environment(**{name: str(value) for name, value in limits.items()})
    forget_rings()
    with override_settings(**limits), Crew(environment) as crew:
        crew.add()
        # The first one waits for the worker's start, which is no part of a save.
        _browse(bench, here)
        yield from _told("one user, Save to result shown", [_browse(bench, here) for _ in range(times)])
        large = here.start(beside)
        # Beyond the burst every write has to wait for its turn.
        _wait_for_updated(large, min(burst + 5 * RATE, beside // 2))
        seconds = [_browse(bench, here) for _ in range(times)]
        assert _is_running(large), "the large change has ended before the small ones"
        stopping.request_stop(large)
        wait_until(lambda: not _is_running(large), 60, "the end of the large change")
    yield from _told(f"one user, Save to result shown, beside {beside:,} users", seconds)


def _told(row: str, seconds: list[float]) -> Iterator[Figure]:
    yield Figure(row=row, value=statistics.median(seconds), unit="s", budget=3)
    yield Figure(row=f"{row}, slowest of {len(seconds)}", value=max(seconds), unit="s", budget=3)


def _browse(bench: Bench, here: Place) -> float:
    """Select a fresh user, open Manage licenses and save; return the seconds from Save until the result is shown."""
    client, selection = bench.client, selections.get(bench.staff, here.customer)
    selections.clear(selection)
    selections.add(selection, here.take(1))
    manage = f"/customers/{here.customer.tenant_id}/licenses/manage/"
    bench.get(manage)
    selection.refresh_from_db()
    form = {
        "go": "save",
        "key": uuid.uuid4().hex,
        "selection": selection.counter,
        "seen": timezone.now().isoformat(),
        f"product-{products.sku_id(OTHER)}": "all",
    }
    start = time.perf_counter()
    answer = client.post(manage, form)
    address = answer.headers.get("Location", "")
    assert address.startswith("/changes/"), f"{answer.status_code} {address}"
    page = bench.get(address)
    while 'id="progress"' in _text(page):
        time.sleep(_SECOND)
        asked = client.get(f"{address}progress/", headers={"hx-request": "true"})
        assert asked.status_code == 200, f"{asked.status_code}"
        if "HX-Redirect" in asked.headers:
            page = bench.get(asked.headers["HX-Redirect"])
        assert time.perf_counter() - start < 120, "one user took two minutes"
    seconds = time.perf_counter() - start
    change = LicenseChange.objects.get(pk=address.split("/")[2])
    check_all_updated(change)
    assert change.user_changes.get().display_name in _text(page)
    return seconds


def _text(page: HttpResponse) -> str:
    """Return a page's text; it comes compressed, as to a browser."""
    is_packed = page.headers.get("Content-Encoding") == "gzip"
    return (gzip.decompress(page.content) if is_packed else page.content).decode()


def resuming(bench: Bench) -> Iterator[Figure]:
    """Measure how soon a change goes on after its only worker was killed."""
    users = 2_000
    with place(bench.staff, users, SandboxOptions(latency_ms=LATENCY, writes_per_second=0)) as here:
        yield from resume(here, users, TIMES)


def resume(here: Place, users: int, times: int) -> Iterator[Figure]:
    """Kill the only worker of a change so many times; a new one is started at once, Python and all."""
    change = here.start(users)
    environment, step = worker_environment(WRITES_PER_SECOND="0"), users // (2 * times + 2)
    seconds: list[float] = []
    killed_at, done = 0.0, 0
    for _ in range(times):
        with _worker(environment):
            _wait_for_updated(change, done + 1)
            if done:
                seconds.append(time.perf_counter() - killed_at)
            _wait_for_updated(change, done + step)
            killed_at = time.perf_counter()
        done = _updated(change)
    with _worker(environment):
        _wait_for_updated(change, done + 1)
        seconds.append(time.perf_counter() - killed_at)
        wait_until(lambda: not _is_running(change), 120, "the end of the change")
    check_all_updated(change)
    row = "kill -9 of the only worker, to the next user saved"
    yield Figure(row=row, value=statistics.median(seconds), unit="s", budget=5)
    yield Figure(row=f"{row}, slowest of {len(seconds)}", value=max(seconds), unit="s", budget=5)


@contextmanager
def _worker(environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Start `manage.py db_worker`; it is dead afterwards."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "db_worker"], cwd=BASE, env=dict(environment), stdin=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_for_updated(change: LicenseChange, number: int) -> None:
    wait_until(lambda: _updated(change) >= number, 120, f"{number} users updated")


def _updated(change: LicenseChange) -> int:
    return change.user_changes.filter(state=_State.UPDATED).count()


def _is_running(change: LicenseChange) -> bool:
    change.refresh_from_db()
    return change.is_open


def killing(bench: Bench, kills: int = 50, users: int = 2_000) -> Iterator[Figure]:
    """Kill random workers of a change again and again, on a database of its own."""
    figures = kill.run(kills=kills, users=users, database=bench.vendor)
    row = f"{figures.kills} kills while {figures.users:,} users are saved"
    yield Figure(row=row, value=figures.seconds, unit="s")
    yield Figure(row=f"{row}: kills", value=figures.kills, unit="kills", at_least=kills)
    yield Figure(row=f"{row}: updated", value=figures.updated, unit="users", at_least=users)
    yield Figure(row=f"{row}: reported wrongly", value=figures.reported_wrongly, unit="users", budget=0)
    yield Figure(row=f"{row}: writes repeated", value=figures.repeated, unit="writes", budget=0)
    yield Figure(row=f"{row}: promises broken", value=len(figures.violations), unit="", budget=0)
