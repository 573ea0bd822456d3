"""Sends one claimed chunk to Microsoft and judges each answer; pure bookkeeping on the rows, no queries.

An unclear answer is never taken for success or failure: the user is read back by id before anything is sent
again (durable-jobs.md, section 7; security-reliability.md, 5.1).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from licenses.core.catalog import Catalog
from licenses.core.failures import Failure, FailureKind, failure_of
from licenses.core.holdings import UserState
from licenses.core.outcome import Verdict, judge
from licenses.core.triage import triage
from licenses.models import UserChange
from licenses.services.intents import diff_of, outcome_key, state_before, write_failure
from licenses.services.states import state_of
from licensing_portal.gateways.errors import AccessDenied, AuthenticationFailed, GatewayError, Throttled
from licensing_portal.gateways.protocol import (
    DirectoryGateway,
    LicenseWrite,
    LocationWrite,
    OutcomeKind,
    WriteOutcome,
)

State, Step = UserChange.State, UserChange.Step
type MaySend = Callable[[Sequence[UserChange]], Sequence[UserChange]]

MAX_ATTEMPTS = 6
_READS_LAG = 5.0
# A licence call right after our own location change may still see the old location (graph-api.md 2.7).
LOCATION_SETTLES = timedelta(seconds=2)
_LOCATION_RETRIES = 3
_LOCATION_RETRY_AFTER = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a chunk's calls say about the tenant: for how many seconds everybody waits, whether anything was answered at
    all, and whether Microsoft refused a whole call because there were too many.
    """

    wait: float = 0.0
    is_clear: bool = True
    is_too_much: bool = False


def process(rows: Sequence[UserChange], gateway: DirectoryGateway, catalog: Catalog, *, may_send: MaySend) -> Heard:
    """Give every claimed row its outcome; return what was heard of the tenant.

    `may_send` is asked right before the call and returns the rows that may still be sent; the others are given back.
    """
    uncertain = [row for row in rows if row.uncertain]
    try:
        if uncertain:
            _resolve(uncertain, gateway)
        waiting = [row for row in rows if row.state == State.IN_FLIGHT]
        to_send = list(may_send(waiting))
        for row in waiting:
            if row not in to_send:
                _again(row, 0.0, counts=False)
        return _send(to_send, gateway, catalog) if to_send else Heard()
    except (AuthenticationFailed, AccessDenied) as error:
        _refuse_all(rows, error)
    except Throttled as error:
        wait = error.retry_after if error.retry_after is not None else 1.0
        for row in (row for row in rows if row.state == State.IN_FLIGHT):
            _again(row, wait, counts=False)
        return Heard(wait)
    except GatewayError as error:
        # Reading failed: whatever was uncertain stays so, whatever was not sent is simply due again.
        for row in (row for row in rows if row.state == State.IN_FLIGHT):
            if row.uncertain:
                _unclear(row, error.status, error.code, error.request_id)
            else:
                _again(row, _backoff(row.attempts), counts=False)
        return Heard(is_clear=False)
    return Heard()


def _resolve(rows: Sequence[UserChange], gateway: DirectoryGateway) -> None:
    """Read users back whose earlier call has no known answer, and judge them."""
    found = gateway.users_by_id([row.object_id for row in rows])
    for row in rows:
        record = found.get(row.object_id)
        if record is None:
            _fail(row, _gone(row))
            continue
        now = state_of(record)
        verdict = _verdict(row, now)
        if verdict == Verdict.DONE:
            _step_done(row)
        elif verdict == Verdict.UNTOUCHED:
            row.uncertain = False
        else:
            _fail(row, failure_of(FailureKind.CHANGED_ELSEWHERE))


def _verdict(row: UserChange, now: UserState) -> Verdict:
    """Judge the row's present step against what was read."""
    if row.step == Step.LOCATION:
        if (now.usage_location or "") == row.location:
            return Verdict.DONE
        same = now.usage_location == state_before(row).usage_location
        return Verdict.UNTOUCHED if same else Verdict.THIRD
    return judge(state_before(row), diff_of(row), now)


def _send(rows: Sequence[UserChange], gateway: DirectoryGateway, catalog: Catalog) -> Heard:
    """Send one batch, give each row its outcome, and read back refused removals before calling them failed."""
    outcomes = _call(rows, gateway)
    wait = 0.0
    doubtful: list[tuple[UserChange, Failure]] = []
    for row, outcome in zip(rows, outcomes, strict=True):
        row.status, row.code, row.request_id = outcome.status, outcome.code[:100], outcome.request_id[:64]
        if outcome.kind == OutcomeKind.DONE:
            _step_done(row)
        elif outcome.kind == OutcomeKind.THROTTLED:
            wait = max(wait, _throttled(row, outcome, catalog))
        elif outcome.kind == OutcomeKind.UNCLEAR:
            _unclear(row, outcome.status, outcome.code, outcome.request_id)
        else:
            failure = triage(
                outcome.status, outcome.code, outcome.message, request_id=outcome.request_id, catalog=catalog
            )
            if row.remove and failure.kind != FailureKind.NOT_FOUND:
                doubtful.append((row, failure))
            else:
                _refused(row, failure)
    if doubtful:
        _look_before_failing(doubtful, gateway)
    return Heard(
        wait,
        is_clear=any(one.kind != OutcomeKind.UNCLEAR and one.was_sent for one in outcomes),
        is_too_much=all(one.status == 429 and one.was_sent for one in outcomes),
    )


def _call(rows: Sequence[UserChange], gateway: DirectoryGateway) -> tuple[WriteOutcome, ...]:
    """Make the one call of this chunk: locations or licences."""
    if rows[0].step == Step.LOCATION:
        return gateway.set_usage_locations(
            [LocationWrite(user_id=row.object_id, usage_location=row.location) for row in rows]
        )
    writes = [(row, diff_of(row)) for row in rows]
    return gateway.apply(
        [LicenseWrite(user_id=row.object_id, add=diff.add, remove=diff.remove) for row, diff in writes]
    )


def _look_before_failing(refused: Sequence[tuple[UserChange, Failure]], gateway: DirectoryGateway) -> None:
    """A refused removal may have been done by a lost call: read the users, then decide."""
    try:
        found = gateway.users_by_id([row.object_id for row, _ in refused])
    except GatewayError:
        for row, failure in refused:
            _unclear(row, failure.status, failure.code, failure.request_id)
        return
    for row, failure in refused:
        record = found.get(row.object_id)
        now = state_of(record) if record is not None else None
        if now is not None and _verdict(row, now) == Verdict.DONE:
            _step_done(row)
        elif now is not None and row.step == Step.LICENCES and _drop_what_is_gone(row, now):
            _again(row, 0.0, counts=True)
        else:
            _refused(row, failure)


def _drop_what_is_gone(row: UserChange, now: UserState) -> bool:
    """Take out of a refused call the removals that somebody else has done already; tell whether there were any.

    Read, not taken from the words of the refusal, which may be in any language. What groups still give stays, by name.
    """
    gone = [sku_id for sku_id in row.remove if sku_id not in now.held or now.held[sku_id].any_direct is None]
    if not gone:
        return False
    row.remove = [sku_id for sku_id in row.remove if sku_id not in gone]
    kept = [(sku_id, now.held[sku_id].groups) for sku_id in gone if now.holds(sku_id)]
    known = {entry["skuId"] for entry in row.kept if entry["planId"] is None}
    row.kept = row.kept + [
        {"skuId": sku_id, "planId": None, "groups": list(groups)} for sku_id, groups in kept if sku_id not in known
    ]
    row.outcome_key = outcome_key(row)
    return True


def _step_done(row: UserChange) -> None:
    """Go on to the licences, or end as updated; the final read-back has the last word."""
    row.uncertain = False
    if row.step == Step.LOCATION and (row.add or row.remove):
        row.step, row.state, row.attempts = Step.LICENCES, State.PENDING, 0
        row.not_before = timezone.now() + LOCATION_SETTLES
        return
    row.state, row.finished_at = State.UPDATED, timezone.now()


def _throttled(row: UserChange, outcome: WriteOutcome, catalog: Catalog) -> float:
    """Known not done: due again later; a clash of two writes at once is this user's alone and ends some time."""
    if outcome.status == 409:
        if row.attempts >= MAX_ATTEMPTS:
            _fail(
                row,
                triage(409, outcome.code, outcome.message, request_id=outcome.request_id, catalog=catalog),
            )
        else:
            _again(row, min(30.0, 0.5 * 2**row.attempts), counts=True)
        return 0.0
    wait = outcome.retry_after if outcome.retry_after is not None else _backoff(row.attempts)
    _again(row, wait, counts=outcome.retry_after is None)
    return wait


def _backoff(attempts: int) -> float:
    """Return the seconds to wait after so many attempts when nobody named a time."""
    return float(min(60.0, 2.0 ** min(attempts, 6)))


def _again(row: UserChange, seconds: float, *, counts: bool) -> None:
    """Put a row back; a wait that Microsoft named uses up no attempt."""
    row.state, row.not_before = State.PENDING, timezone.now() + timedelta(seconds=seconds)
    if not counts:
        row.attempts -= 1


def _unclear(row: UserChange, status: int, code: str, request_id: str) -> None:
    """The change may or may not have happened: look later, and say "unknown" when looking does not end."""
    row.uncertain = True
    row.status, row.code, row.request_id = status, code[:100], request_id[:64]
    if row.attempts >= MAX_ATTEMPTS:
        row.state, row.finished_at = State.UNKNOWN, timezone.now()
        row.failure_kind = FailureKind.UNREADABLE.value
    else:
        row.state = State.PENDING
        # Reads may lag behind a write that was made (durable-jobs.md, section 7).
        row.not_before = timezone.now() + timedelta(seconds=max(_READS_LAG, _backoff(row.attempts)))


def _refused(row: UserChange, failure: Failure) -> None:
    """Fail, but for a location that we set a moment ago and Microsoft does not see yet."""
    fresh = row.location and row.step == Step.LICENCES and row.attempts <= _LOCATION_RETRIES
    if failure.kind == FailureKind.NO_LOCATION and fresh:
        row.state, row.not_before = State.PENDING, timezone.now() + _LOCATION_RETRY_AFTER
        return
    _fail(row, failure)


def _fail(row: UserChange, failure: Failure) -> None:
    """End as failed, with the reason."""
    row.state, row.finished_at, row.uncertain = State.FAILED, timezone.now(), False
    write_failure(row, failure)
    row.outcome_key = outcome_key(row)


def _gone(row: UserChange) -> Failure:
    """Return the failure of a user who no longer exists."""
    return triage(404, "Request_ResourceNotFound", "", request_id=row.request_id)


def _refuse_all(rows: Sequence[UserChange], error: GatewayError) -> None:
    """Microsoft refused the whole call: nothing was done for anybody who was not uncertain before."""
    failure = triage(error.status, error.code, error.message, request_id=error.request_id)
    for row in (row for row in rows if row.state == State.IN_FLIGHT):
        if row.uncertain:
            _unclear(row, error.status, error.code, error.request_id)
        else:
            _fail(row, failure)
