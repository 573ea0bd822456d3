"""Check again: reads the users of an ended change whose result is unknown once more, and says what became of them.

Nothing is sent. Who still has what they had before was not changed, once Microsoft's replicas have had time to agree.
"""

import time
from datetime import timedelta
from itertools import batched

from django.db import transaction
from django.utils import timezone

from licenses.core.failures import FailureKind
from licenses.core.outcome import Verdict, judge
from licenses.models import LicenseChange, UserChange
from licenses.services import readback
from licenses.services.directory_rows import store_users
from licenses.services.figures import write_after_change
from licenses.services.intents import diff_of, state_before
from licenses.services.refresh import refresh_products
from licenses.services.states import state_of, state_to_json
from licenses.services.subjects import note_done
from licenses.services.wishes import wish_from_json
from licensing_portal.bulk_rows import update_rows
from licensing_portal.gateways.protocol import UserRecord
from licensing_portal.wiring import PAGE_LIMITS, directory_gateway

State, Step = UserChange.State, UserChange.Step

# No further call begins after this: somebody waits for the page.
_SECONDS = 6.0
# Sooner a user who looks untouched may look so because a replica is late.
_AGREED_AFTER = timedelta(minutes=2)
_FIELDS = (
    "state",
    "step",
    "uncertain",
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
)


def check_again(change: LicenseChange) -> int:
    """Judge users whose result is unknown by what they have now; return how many are still unknown.

    Raises GatewayError; what was judged before it is kept.
    """
    gateway = directory_gateway(change.customer.tenant_id, limits=PAGE_LIMITS)
    unknown = change.user_changes.filter(state=State.UNKNOWN)
    ends_at = time.monotonic() + _SECONDS
    may_be_late = change.finished_at is not None and timezone.now() - change.finished_at < _AGREED_AFTER
    pks = list(unknown.order_by("position").values_list("pk", flat=True))
    for some in batched(pks, readback.CHUNK):
        if time.monotonic() > ends_at:
            break
        rows = list(unknown.filter(pk__in=some))
        found, asked = readback.read(gateway, rows)
        with transaction.atomic():
            # Two who press the button at once: the second finds nobody left.
            rows = list(unknown.select_for_update().filter(pk__in=some))
            # While they are unknown: a difference that is seen now is this change's own.
            if found:
                store_users(change.customer, list(found.values()), read_at=min(asked.values()), first=False)
            settled = [row for row in rows if _settle(row, found.get(row.object_id), may_be_late=may_be_late)]
            update_rows(settled, _FIELDS)
    left = unknown.count()
    if left < len(pks):
        note_done(change, wish_from_json(change.wish))
        refresh_products(change.customer, gateway=gateway)
        write_after_change(change.customer)
    return left


def _settle(row: UserChange, record: UserRecord | None, *, may_be_late: bool) -> bool:
    """Give a row the end state that the user's licences prove; False when they prove nothing yet."""
    row.verified, row.uncertain = True, False
    if record is None:
        row.after = {"exists": False}
        readback.fail_after(row, FailureKind.NOT_FOUND)
        return True
    now = state_of(record)
    verdict = judge(state_before(row), diff_of(row), now)
    if verdict == Verdict.UNTOUCHED and may_be_late:
        return False
    row.after = state_to_json(now)
    if row.location and now.usage_location == row.location:
        # The first of the two steps is done.
        row.step = Step.LICENCES
    if verdict == Verdict.DONE:
        readback.update_after_all(row)
    else:
        readback.fail_after(
            row, FailureKind.NOT_DONE if verdict == Verdict.UNTOUCHED else FailureKind.CHANGED_ELSEWHERE
        )
    return True
