"""Reads the users of a finished change back from Microsoft: what the confirmation page shows is what was read.

A difference is read again by id, up to 4 times in 30 s, before it is called anything (design, section 6).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from licenses.core.failures import FailureKind, failure_of
from licenses.core.outcome import Verdict, judge
from licenses.models import LicenseChange, UserChange
from licenses.services.directory_rows import store_users
from licenses.services.intents import diff_of, outcome_key, state_before, write_failure
from licenses.services.states import state_of, state_to_json
from licensing_portal.bulk_rows import update_rows
from licensing_portal.gateways.errors import AccessDenied, AuthenticationFailed, GatewayError
from licensing_portal.gateways.protocol import DirectoryGateway, UserRecord

State = UserChange.State

# Users of one read: 20 clauses of 15 ids in one $batch.
CHUNK = 300
_PAUSES = (2.0, 4.0, 8.0, 16.0)
# So long a change whose users were updated waits for being let in again.
_PATIENCE = timedelta(minutes=10)


def unread(change: LicenseChange) -> list[int]:
    """Return the row ids of users of a change that have an end state and were not read back yet."""
    ended = change.user_changes.exclude(state__in=UserChange.OPEN)
    return list(ended.filter(after__isnull=True).order_by("id").values_list("pk", flat=True))


def read_back(
    change: LicenseChange,
    rows: Sequence[UserChange],
    gateway: DirectoryGateway,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Read up to 300 users, compare, store what they have now, and correct the rows that differ."""
    found, asked = read(gateway, rows)
    odd = [row for row in rows if not _agrees(row, found)]
    for pause in _PAUSES:
        if not odd:
            break
        sleep(pause)
        again, asked_again = read(gateway, odd)
        for row in odd:
            found.pop(row.object_id, None)
        found.update(again)
        asked.update(asked_again)
        odd = [row for row in odd if not _agrees(row, found)]
    _store(change, rows, found, asked)


def is_hopeless(rows: Sequence[UserChange], error: GatewayError) -> bool:
    """Tell whether reading these users is given up: access is refused, and nothing waits for being confirmed.

    Of users who were updated it is given up only after a while, for a new token may let us in again. They stay "not
    read yet"; a change that nobody lets us read must not stand in the way of the next one for ever.
    """
    if not isinstance(error, (AccessDenied, AuthenticationFailed)):
        return False
    sent = [row for row in rows if row.state in (State.UPDATED, State.UNKNOWN) and _was_sent(row)]
    latest = max((row.finished_at for row in sent if row.finished_at), default=None)
    return latest is None or timezone.now() - latest > _PATIENCE


def read(gateway: DirectoryGateway, rows: Sequence[UserChange]) -> tuple[dict[str, UserRecord], dict[str, datetime]]:
    """Return the users and when each was asked for: what somebody else reads meanwhile is newer."""
    now = timezone.now()
    found = dict(gateway.users_by_id([row.object_id for row in rows]))
    return found, dict.fromkeys(found, now)


def _agrees(row: UserChange, found: Mapping[str, UserRecord]) -> bool:
    """Tell whether a user reported as updated looks updated; for all others there is nothing to compare."""
    if row.state != State.UPDATED or not _was_sent(row):
        return True
    record = found.get(row.object_id)
    return record is not None and _verdict(row, record) == Verdict.DONE


def _was_sent(row: UserChange) -> bool:
    """Tell whether the row wanted anything of Microsoft."""
    return bool(row.add or row.remove or row.location)


def _verdict(row: UserChange, record: UserRecord) -> Verdict:
    return judge(state_before(row), diff_of(row), state_of(record))


def _store(
    change: LicenseChange,
    rows: Sequence[UserChange],
    found: Mapping[str, UserRecord],
    asked: Mapping[str, datetime],
) -> None:
    """Write what was read: the rows' after-states, our copy of the directory and the users' history."""
    for row in rows:
        record = found.get(row.object_id)
        if record is None:
            row.after = {"exists": False}
        else:
            row.after = state_to_json(state_of(record))
        row.verified = True
        if row.state == State.UPDATED and _was_sent(row):
            _correct(row, record)
        elif row.state == State.UNKNOWN and record is not None:
            _settle_unknown(row, record)
    with transaction.atomic():
        for moment in sorted(set(asked.values())):
            records = [record for object_id, record in found.items() if asked[object_id] == moment]
            store_users(change.customer, records, read_at=moment, first=False)
        update_rows(rows, _READ_FIELDS)


_READ_FIELDS = (
    "state",
    "after",
    "verified",
    "failure_kind",
    "failure_skus",
    "failure_plans",
    "status",
    "code",
    "message",
    "request_id",
    "outcome_key",
    "finished_at",
)


def _correct(row: UserChange, record: UserRecord | None) -> None:
    """Microsoft accepted the call, but the user does not look like it: say so, never "updated"."""
    if record is None:
        fail_after(row, FailureKind.NOT_FOUND)
        return
    verdict = _verdict(row, record)
    if verdict == Verdict.THIRD:
        fail_after(row, FailureKind.CHANGED_ELSEWHERE)
    elif verdict == Verdict.UNTOUCHED:
        row.state, row.verified = State.UNKNOWN, False
        row.failure_kind = FailureKind.UNREADABLE.value
        row.outcome_key = outcome_key(row)


def fail_after(row: UserChange, kind: FailureKind) -> None:
    """End as failed for something that happened after our call."""
    row.state = State.FAILED
    write_failure(row, failure_of(kind))
    row.outcome_key = outcome_key(row)


def _settle_unknown(row: UserChange, record: UserRecord) -> None:
    """An unknown user who looks as wanted is updated; anything else stays unknown."""
    if _verdict(row, record) == Verdict.DONE:
        update_after_all(row)


def update_after_all(row: UserChange) -> None:
    """End as updated, though the answer to the call was never known."""
    row.state, row.failure_kind = State.UPDATED, ""
    row.outcome_key = outcome_key(row)
