"""Claims rows of the outbox and stores their outcomes, fenced by the worker's token.

The claim is committed before the call, so that after a crash it is known which users may have been touched.
The algorithm is that of durable-jobs.md, sections 4 and 5; one code path serves SQLite and PostgreSQL.
"""

import logging
import os
import secrets
import socket
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import BooleanField, Case, F, Q, Value, When
from django.utils import timezone

from licenses.models import LicenseChange, UserChange
from licensing_portal.bulk_rows import update_rows

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=90)
# So much of a lease one call can take: 60 s in all.
_CALL_SHARE = 2 / 3
State = UserChange.State
_BOOT = secrets.token_hex(4)


def process_name() -> str:
    """Return this process's name among workers: host, process id and start, at most 64 characters."""
    return f"{socket.gethostname()[:30]}:{os.getpid()}:{_BOOT}"


def worker_token() -> str:
    """Return this thread's name in leases."""
    return f"{process_name()}:{threading.get_ident()}"


def claimable(now: datetime) -> Q:
    """Return the condition of rows that may be worked on: waiting and due, or left by a dead worker."""
    due = Q(not_before__isnull=True) | Q(not_before__lte=now)
    return (Q(state=State.PENDING) & due) | Q(state=State.IN_FLIGHT, lease_until__lt=now)


def claim(change: LicenseChange, number: int, *, token: str) -> list[UserChange]:
    """Claim up to `number` due rows of one step and return them as they now are.

    A row that a dead worker left in flight becomes `uncertain`: it is read back before anything is sent again. That
    worker's attempt goes on: however often machines die, nobody's attempts are used up by it.
    """
    now = timezone.now()
    with transaction.atomic():
        due = change.user_changes.filter(claimable(now)).order_by("id")
        rows = list(due.select_for_update(skip_locked=True)[:number])
        # One call holds one kind of write: the step of the first row decides.
        rows = [row for row in rows if row.step == rows[0].step]
        UserChange.objects.filter(pk__in=[row.pk for row in rows]).update(
            uncertain=Case(
                When(state=State.IN_FLIGHT, then=Value(True)),
                default=F("uncertain"),
                output_field=BooleanField(),
            ),
            state=State.IN_FLIGHT,
            lease_owner=token,
            lease_until=now + LEASE,
            attempts=Case(When(state=State.IN_FLIGHT, then=F("attempts")), default=F("attempts") + 1),
        )
    for row in rows:
        is_taken_over = row.state == State.IN_FLIGHT
        row.uncertain = row.uncertain or is_taken_over
        row.state = State.IN_FLIGHT
        row.lease_owner = token
        row.attempts += not is_taken_over
    return rows


# What an outcome may change of a row; of the intent, removals that somebody else has done.
_OUTCOME_FIELDS = (
    "remove",
    "kept",
    "state",
    "step",
    "attempts",
    "uncertain",
    "lease_owner",
    "lease_until",
    "not_before",
    "after",
    "failure_kind",
    "failure_skus",
    "failure_plans",
    "status",
    "code",
    "message",
    "request_id",
    "verified",
    "finished_at",
    "outcome_key",
)


def record(rows: Sequence[UserChange], *, token: str) -> int:
    """Store the outcomes of claimed rows in one transaction and return how many were still ours.

    A row whose lease was lost meanwhile is dropped: its new owner reads it back and judges.
    """
    with transaction.atomic():
        mine = set(
            UserChange.objects.select_for_update()
            .filter(pk__in=[row.pk for row in rows], state=State.IN_FLIGHT, lease_owner=token)
            .values_list("pk", flat=True)
        )
        kept = [row for row in rows if row.pk in mine]
        for row in kept:
            row.lease_owner, row.lease_until = "", None
        update_rows(kept, _OUTCOME_FIELDS)
    if len(kept) < len(rows):
        logger.warning("lease lost: %d of %d outcomes dropped", len(rows) - len(kept), len(rows))
    return len(kept)


def keep_held(rows: Sequence[UserChange], *, token: str) -> list[UserChange]:
    """Return those of the rows that may still be sent: ours, with time for a call, and nobody said stop.

    Asked right before the call: a process that was frozen, or waited long for a read, may have lost its rows, and
    whoever has them now may have sent them.
    """
    held = set(
        UserChange.objects.filter(
            pk__in=[row.pk for row in rows],
            state=State.IN_FLIGHT,
            lease_owner=token,
            lease_until__gt=timezone.now() + LEASE * _CALL_SHARE,
            change__cancel_requested_at__isnull=True,
        ).values_list("pk", flat=True)
    )
    return [row for row in rows if row.pk in held]


def free_leases(process: str) -> int:
    """End the leases of a process that is known to be dead, so that its users go on at once."""
    return UserChange.objects.filter(state=State.IN_FLIGHT, lease_owner__startswith=f"{process}:").update(
        lease_until=timezone.now() - timedelta(seconds=1)
    )


def give_up_waiting(change: LicenseChange) -> int:
    """Mark the users that were not begun as not tried; those that may have been touched are judged first."""
    return change.user_changes.filter(state=State.PENDING, uncertain=False).update(
        state=State.NOT_TRIED, finished_at=timezone.now()
    )
