"""The pump: works on one change, a slice at a time, until every user has an end state that was read back.

The change's own rows are the job; the engine's task is only the doorbell. Running it twice at once is harmless:
rows are claimed by lease, outcomes are fenced (docs/adr/0003).
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import IntegrityError, connections, transaction
from django.db.models import Min
from django.utils import timezone

from licenses import doorbell
from licenses.core.catalog import Catalog
from licenses.models import LicenseChange, UserChange
from licenses.services import lanes, readback, refusals, seats
from licenses.services.budget import Budget
from licenses.services.claims import claim, give_up_waiting, keep_held, record, worker_token
from licenses.services.figures import write_after_change
from licenses.services.rebase import rebase
from licenses.services.send import Heard, process
from licenses.services.states import load_catalog
from licenses.services.subjects import note_done
from licenses.services.wishes import wish_from_json
from licensing_portal.gateways.errors import GatewayError
from licensing_portal.gateways.protocol import DirectoryGateway
from licensing_portal.wiring import directory_gateway

logger = logging.getLogger(__name__)

BATCH = 20
SLICE_SECONDS = 20.0
# A wait longer than this ends the slice: the doorbell rings again when Microsoft lets us.
_LONGEST_WAIT = 5.0
# After a longer one the change counts as paused, and the page says until when.
_PAUSED_ABOVE = 120.0
Status = LicenseChange.Status

# Set when the process is asked to end: the calls under way finish and are recorded, nothing new is claimed.
stopping = threading.Event()


@dataclass
class Slice:
    """One worker's turn at a change."""

    change: LicenseChange
    catalog: Catalog
    budget: Budget
    gateway_for: Callable[[str], DirectoryGateway]
    ends_at: float
    # Users who had no end state when the slice began.
    waiting: int
    # Seconds to wait that made a thread leave before the end of the slice.
    waits: list[float] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return stopping.is_set() or time.monotonic() >= self.ends_at


def pump(
    change_id: str,
    *,
    gateway_for: Callable[[str], DirectoryGateway] = directory_gateway,
    seconds: float = SLICE_SECONDS,
) -> None:
    """Work on a change for a slice; ring again when something is left, or ring for the tenant's next change."""
    change = _begin(change_id)
    if change is None:
        return
    turn = Slice(
        change=change,
        catalog=load_catalog(change.customer),
        budget=Budget.of(change.customer.tenant_id, is_small=change.lane == LicenseChange.Lane.SMALL),
        gateway_for=gateway_for,
        ends_at=time.monotonic() + seconds,
        waiting=change.user_changes.filter(state__in=UserChange.OPEN).count(),
    )
    if turn.budget.is_small:
        turn.budget.reserve(turn.waiting)
    _run_threads(turn)
    if _has_open_rows(change):
        _ring_again(turn)
    elif not stopping.is_set() and _read_back_all(turn):
        _finish(change)
    else:
        _ring_again(turn)


def _begin(change_id: str) -> LicenseChange | None:
    """Bring a queued change to running when its tenant's lane is free; None when there is nothing to do."""
    change = LicenseChange.objects.select_related("customer", "staff").filter(pk=change_id).first()
    if change is None or change.status not in (Status.QUEUED, *LicenseChange.ACTIVE):
        return None
    if change.status == Status.QUEUED and not _start_running(change):
        return None
    LicenseChange.objects.filter(pk=change.pk, status=Status.PAUSED).update(status=Status.RUNNING)
    _obey_stop(change)
    return change


def _start_running(change: LicenseChange) -> bool:
    """Take the tenant's lane; the database refuses a second running change."""
    now = timezone.now()
    try:
        with lanes.gate(change.customer):
            if lanes.ahead_of(change).exists():
                return False
            taken = LicenseChange.objects.filter(pk=change.pk, status=Status.QUEUED).update(
                status=Status.RUNNING, started_at=now, sliced_at=now, seats_before=seats.consumed(change.customer)
            )
            if taken:
                rebase(change)
    except IntegrityError:
        return False
    change.status, change.started_at = Status.RUNNING, now
    return bool(taken)


def _obey_stop(change: LicenseChange) -> bool:
    """When a stop was asked for, mark what was not begun as not tried; return whether one was."""
    asked = LicenseChange.objects.filter(pk=change.pk, cancel_requested_at__isnull=False)
    if not asked.exists():
        return False
    asked.filter(status__in=[Status.RUNNING, Status.PAUSED]).update(status=Status.CANCELLING)
    give_up_waiting(change)
    return True


def _run_threads(turn: Slice) -> None:
    """Let several threads claim and send; when one is enough, it is the caller's own."""
    if settings.CALLS_AT_ONCE == 1 or turn.waiting <= BATCH:
        _work(turn)
        return
    threads = min(settings.CALLS_AT_ONCE, -(-turn.waiting // BATCH))
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        for future in [pool.submit(_work_in_thread, turn) for _ in range(threads)]:
            future.result()


def _work_in_thread(turn: Slice) -> None:
    """Work with database connections of this thread's own, closed at its end."""
    try:
        _work(turn)
    finally:
        connections.close_all()


def _work(turn: Slice) -> None:
    """Claim, send and record chunks until nothing is due or the slice is over."""
    gateway = turn.gateway_for(turn.change.customer.tenant_id)
    token = worker_token()
    number = min(BATCH, turn.budget.largest_grant, max(1, turn.waiting))
    while not turn.is_over:
        if not turn.budget.take(number):
            if not _wait(turn, turn.budget.wait_for(number)):
                return
            continue
        _obey_stop(turn.change)
        rows = claim(turn.change, number, token=token)
        if not rows:
            turn.budget.skip(number)
            if not _wait_for_due_rows(turn):
                return
            continue
        turn.budget.give_back(number - len(rows))
        if turn.budget.is_small:
            turn.budget.release()
        heard = process(rows, gateway, turn.catalog, may_send=partial(keep_held, token=token))
        wait = _tell_budget(turn.budget, len(rows), heard)
        record(rows, token=token)
        now = timezone.now()
        LicenseChange.objects.filter(pk=turn.change.pk).update(
            sliced_at=now, waiting_until=now + timedelta(seconds=wait) if wait else None
        )


def _tell_budget(budget: Budget, number: int, heard: Heard) -> float:
    """Note what a call's answer says about the tenant; return for how many seconds nobody may call."""
    opens_for = budget.heard(number, is_clear=heard.is_clear)
    if heard.wait:
        budget.block(heard.wait, slower=heard.is_too_much)
    return max(heard.wait, opens_for)


def _wait_for_due_rows(turn: Slice) -> bool:
    """Nothing is due now: wait for rows that are due soon; False when there are none to wait for."""
    due = turn.change.user_changes.filter(state=UserChange.State.PENDING).aggregate(at=Min("not_before"))["at"]
    if due is None:
        # Other threads or workers have the rest; look again in a second, should one of them be dead.
        turn.waits.append(1.0)
        return False
    return _wait(turn, max(0.02, (due - timezone.now()).total_seconds()))


def _wait(turn: Slice, seconds: float) -> bool:
    """Sleep when the wait is short and fits the slice; else note it and leave."""
    if seconds > _LONGEST_WAIT or time.monotonic() + seconds >= turn.ends_at:
        turn.waits.append(seconds)
        return False
    # In small steps, so that a stop of the process is obeyed at once.
    return not stopping.wait(seconds)


def _has_open_rows(change: LicenseChange) -> bool:
    return change.user_changes.filter(state__in=UserChange.OPEN).exists()


def _read_back_all(turn: Slice) -> bool:
    """Read every user back; False when Microsoft did not answer and the rest must be read later."""
    rows = readback.unread(turn.change)
    chunks = [rows[start : start + readback.CHUNK] for start in range(0, len(rows), readback.CHUNK)]
    if not chunks:
        return True
    if settings.CALLS_AT_ONCE == 1:
        results = [_read_chunk(turn, chunk) for chunk in chunks]
        return all(results)
    with ThreadPoolExecutor(max_workers=min(settings.CALLS_AT_ONCE, len(chunks))) as pool:
        return all(list(pool.map(lambda chunk: _read_chunk_in_thread(turn, chunk), chunks)))


def _read_chunk_in_thread(turn: Slice, pks: list[int]) -> bool:
    try:
        return _read_chunk(turn, pks)
    finally:
        connections.close_all()


def _read_chunk(turn: Slice, pks: list[int]) -> bool:
    # Chunk by chunk: the states of 50,000 users would not fit into memory.
    rows = list(turn.change.user_changes.filter(pk__in=pks).order_by("id"))
    gateway = turn.gateway_for(turn.change.customer.tenant_id)
    try:
        readback.read_back(turn.change, rows, gateway)
    except GatewayError as error:
        logger.warning("read-back of %d users failed: %s %s", len(rows), error.status, error.code)
        if readback.is_hopeless(rows, error):
            return True
        turn.waits.append(error.retry_after or 10.0)
        return False
    return True


def _ring_again(turn: Slice) -> None:
    """Ring for the rest: at once after a full slice, later when Microsoft asked to wait."""
    wait = max(turn.waits, default=0.0)
    blocked = turn.budget.blocked_for()
    now = timezone.now()
    with transaction.atomic():
        rung = LicenseChange.objects.filter(pk=turn.change.pk)
        # The sweeper counts from here: a change that waits on purpose is not a lost one.
        rung.update(sliced_at=now + timedelta(seconds=wait))
        if blocked and (wait or blocked > _PAUSED_ABOVE):
            rung.update(waiting_until=now + timedelta(seconds=blocked))
        if blocked > _PAUSED_ABOVE:
            rung.filter(status=Status.RUNNING).update(status=Status.PAUSED)
        doorbell.ring(turn.change, after=wait)


def _finish(change: LicenseChange) -> None:
    """Close a change whose users all have an end state, count its seats, and let the next one begin."""
    with transaction.atomic():
        change = LicenseChange.objects.select_for_update().get(pk=change.pk)
        if change.status not in LicenseChange.ACTIVE:
            return
        stopped = change.user_changes.filter(state=UserChange.State.NOT_TRIED).exists()
        change.status = Status.CANCELLED if stopped else Status.DONE
        change.finished_at, change.waiting_until = timezone.now(), None
        change.save(update_fields=["status", "finished_at", "waiting_until"])
        seats.count(change)
        note_done(change, wish_from_json(change.wish))
        for following in lanes.first_in_line(change.customer):
            doorbell.ring(following)
    # Afterwards and by itself: lists and figures are right at once, and nobody waits for their counting.
    write_after_change(change.customer)
    try:
        refusals.note(change)
    # A memory only warns: whatever is wrong with it, the change has ended.
    except Exception:
        logger.exception("what change %s was refused for is not remembered", change.pk)
