"""Rows of large changes: planning one, saving it, its pages, and undoing it."""

import statistics
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from urllib.parse import urlencode

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Mod
from django.utils import timezone

from licenses.core.diff import Choice, Wish
from licenses.core.failures import FailureKind
from licenses.models import EntitlementPlan, LicenseChange, UserChange
from licenses.services import again, save
from tests.bench.alone import Statements, alone
from tests.bench.data import Bench
from tests.bench.manage import two_products
from tests.bench.measure import Figure
from tests.bench.pages import BUDGET, NAME, SEARCH_BUDGET, page_row, tidy

FEW, MANY = 5_000, 50_000
FEW_SECONDS, MANY_SECONDS = 1.0, 10.0
MOST_QUERIES, MOST_MEMORY = 20, 300.0
_ROUNDS = 5
# Of 50 users: how many have failed, are unknown, and (while it runs) wait or are at Microsoft.
_EACH = 50
_FAILED, _UNKNOWN, _IN_FLIGHT, _LATELY, _WAITING = (3,), (4,), (5,), (6, 7), tuple(range(30, _EACH))
_State = UserChange.State


def planning(bench: Bench, users: int = FEW) -> Iterator[Figure]:
    """Measure planning a save, from Save to the stored plan."""
    wish, times, statements = _wish(bench), [], Statements()
    for _ in range(min(_ROUNDS, bench.rounds)):
        statements = Statements()
        with bench.selecting(users):
            start = time.perf_counter()
            with statements.counting():
                change = _draft(bench, wish)
                save.plan_stored(change.pk)
            times.append(time.perf_counter() - start)
        assert change.user_changes.count() == users
        change.delete()
    yield Figure(
        row=f"planning a save of {users:,} users",
        value=statistics.median(times),
        unit="s",
        budget=FEW_SECONDS,
        queries=statements.number,
        most_queries=MOST_QUERIES,
    )
    tidy()


def large(bench: Bench, users: int = MANY, wish: Wish | None = None) -> Iterator[Figure]:
    """Plan, save and undo a large change, and measure its pages on the way."""
    with bench.selecting(users):
        change = _draft(bench, wish or _wish(bench))
    planned = alone("plan", change.pk)
    row = f"planning a save of {users:,} users"
    yield Figure(row=row, value=planned.seconds, unit="s", budget=MANY_SECONDS)
    yield Figure(row=f"{row}, peak memory", value=planned.peak_mib, unit="MiB", budget=MOST_MEMORY)
    change.refresh_from_db()
    assert change.total == users, f"{change.total} users were planned"
    # Whoever has no location is refused in planning; that must not be most of them.
    assert change.user_changes.filter(state=_State.PENDING).count() > users // 2
    started = save.start(change)
    assert started.status == LicenseChange.Status.QUEUED, f"the change is {started.status}"
    saved = alone("pump", change.pk, CALLS_AT_ONCE="4", WRITES_PER_SECOND="0")
    row = f"saving {users:,} users, 0 ms a call, 4 calls at once"
    yield Figure(row=row, value=saved.seconds, unit="s")
    yield Figure(row=f"{row}, peak memory", value=saved.peak_mib, unit="MiB")
    yield Figure(row=f"{row}, slices lost to the database", value=saved.lost, unit="slices", budget=0)
    change.refresh_from_db()
    yield from _undo(bench, change)
    _spoil(change)
    tidy()
    yield from _results(bench, change)
    _go_back(change)
    tidy()
    yield from _running(bench, change)
    # Nobody is to work on it any more.
    LicenseChange.objects.filter(pk=change.pk).update(status=LicenseChange.Status.CANCELLED)


def _wish(bench: Bench) -> Wish:
    """Give a product to all and switch a plan of another one off."""
    free, held = two_products(bench)
    plan = EntitlementPlan.objects.filter(entitlement=held, applies_to="User").select_related("plan").first()
    assert plan is not None
    return Wish(
        products={free.product.sku_id: Choice.ALL}, plans={(held.product.sku_id, plan.plan.plan_id): Choice.NONE}
    )


def _draft(bench: Bench, wish: Wish) -> LicenseChange:
    """Store the save of the selected users, to be planned by a worker."""
    selection = bench.selection
    change = save.make_draft(
        staff=bench.staff,
        customer=bench.customer,
        wish=wish,
        key=uuid.uuid4().hex,
        content="bench",
        selection=selection,
        counter=selection.counter,
        seen=timezone.now(),
        planned_in_request=1,
    )
    assert change.status == LicenseChange.Status.PLANNING
    return change


def _undo(bench: Bench, change: LicenseChange) -> Iterator[Figure]:
    """Measure planning the undo, and reading its users again before."""
    updated = change.user_changes.filter(state=_State.UPDATED).count()
    undo = again.undo(change, bench.staff, key=uuid.uuid4().hex)
    assert undo.status == LicenseChange.Status.PLANNING, f"the undo is {undo.status}"
    planned = alone("plan", undo.pk)
    row = f"planning the undo of {undo.total:,} users"
    yield Figure(row=row, value=planned.seconds, unit="s")
    yield Figure(row=f"{row}, reading them again before", value=planned.reading, unit="s")
    yield Figure(row=f"{row}, peak memory", value=planned.peak_mib, unit="MiB", budget=MOST_MEMORY)
    calls = undo.user_changes.filter(state=_State.PENDING).count()
    assert calls > updated // 2, f"only {calls} of {updated} updated users would be turned back"
    undo.delete()


def _some(change: LicenseChange, turns: tuple[int, ...]) -> QuerySet[UserChange]:
    """Return users spread over the whole change."""
    return change.user_changes.annotate(turn=Mod(F("position"), Value(_EACH))).filter(turn__in=turns)


def _spoil(change: LicenseChange) -> None:
    """Call some users failed and some unknown, as a bad day at Microsoft would leave them."""
    failed = {"failure_kind": FailureKind.SERVER.value, "status": 503, "code": "ServiceUnavailable"}
    _some(change, _FAILED).update(state=_State.FAILED, **failed)
    _some(change, _UNKNOWN).update(state=_State.UNKNOWN, failure_kind=FailureKind.UNREADABLE.value)


def _go_back(change: LicenseChange) -> None:
    """Let the change be under way: some users wait, some are at Microsoft, some were saved in the last minute."""
    now = timezone.now()
    begun = now - timedelta(seconds=60)
    _some(change, _WAITING).update(state=_State.PENDING, finished_at=None, after=None)
    _some(change, _IN_FLIGHT).update(state=_State.IN_FLIGHT, finished_at=None, after=None)
    _some(change, _LATELY).update(finished_at=now)
    LicenseChange.objects.filter(pk=change.pk).update(
        status=LicenseChange.Status.RUNNING, queued_at=begun, started_at=begun, finished_at=None
    )


def _results(bench: Bench, change: LicenseChange) -> Iterator[Figure]:
    """Measure the pages of the finished change."""
    shown = f"result of {change.total:,} users"
    for row, query in (
        ("action needed, first page", {"show": "action"}),
        ("action needed, last page", {"show": "action", "page": "9999999"}),
        ("updated, first page", {"show": "updated"}),
        ("updated, last page", {"show": "updated", "page": "9999999"}),
        ("updated, search", {"show": "updated", "q": NAME}),
    ):
        work = partial(bench.get, f"/changes/{change.pk}/?{urlencode(query)}")
        budget = (SEARCH_BUDGET if "q" in query else BUDGET)[bench.vendor]
        yield page_row(bench, f"{shown}: {row}", work, budget=budget)


def _running(bench: Bench, change: LicenseChange) -> Iterator[Figure]:
    """Measure the page of the running change and what it asks for again and again."""
    address, budget = f"/changes/{change.pk}/", BUDGET[bench.vendor]
    yield page_row(bench, f"running page of {change.total:,} users", partial(bench.get, address), budget=budget)
    ask = partial(bench.client.get, f"{address}progress/", headers={"hx-request": "true"})
    answer = ask()
    assert answer.status_code == 200
    assert "HX-Redirect" not in answer.headers
    yield page_row(bench, f"progress of {change.total:,} users", ask, budget=budget)
