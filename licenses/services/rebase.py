"""Plans users of a waiting change anew whom an earlier change, or somebody else, has changed since it was planned.

A plan edit is sent as the user's complete list of disabled plans. Two saves in a row are both planned from what is
stored at that time: without this the second one would quietly bring back what the first one took away.
"""

from itertools import batched

from django.utils import timezone

from licenses.models import LicenseChange, LicenseEvent, UserChange
from licenses.services.intents import Person, build_row
from licenses.services.plans import plan_change
from licenses.services.states import load_catalog, load_states
from licensing_portal.bulk_rows import update_rows

State = UserChange.State

_ROWS_AT_ONCE = 2_000
# What planning decides of a row.
_PLANNED = (
    "state",
    "step",
    "add",
    "remove",
    "location",
    "kept",
    "cautions",
    "before",
    "outcome_key",
    "failure_kind",
    "failure_skus",
    "failure_plans",
    "status",
    "code",
    "message",
    "request_id",
    "finished_at",
)


def rebase(change: LicenseChange) -> int:
    """Plan the users anew of whom something was seen since the change was planned; return how many.

    Nothing of the change may have been sent yet. Users whom planning refused stay refused: nobody was asked anew.
    """
    events = LicenseEvent.objects.filter(customer=change.customer, seen_at__gt=change.created_at)
    rows = change.user_changes.filter(
        state__in=[State.PENDING, State.UPDATED], user_id__in=events.values("user_id")
    ).order_by("id")
    number = 0
    for some in batched(rows.iterator(chunk_size=_ROWS_AT_ONCE), _ROWS_AT_ONCE):
        _plan_again(change, list(some))
        number += len(some)
    return number


def _plan_again(change: LicenseChange, rows: list[UserChange]) -> None:
    states = load_states(change.customer, [row.user_id for row in rows if row.user_id is not None])
    rows = [row for row in rows if row.user_id in states]
    known = [states[row.user_id] for row in rows if row.user_id is not None]
    plan = plan_change(change, known, load_catalog(change.customer))
    now = timezone.now()
    for row, user_plan in zip(rows, plan.users, strict=True):
        planned = build_row(change, user_plan, _person(row), position=row.position, now=now)
        for name in _PLANNED:
            setattr(row, name, getattr(planned, name))
    update_rows(rows, _PLANNED)


def _person(row: UserChange) -> Person:
    assert row.user_id is not None
    return Person(row.user_id, row.object_id, row.user_principal_name, row.display_name, row.sort_key)
