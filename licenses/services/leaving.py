"""Leaves users of a cause as they are: they were not updated, and somebody has decided that this is how it stays.

What happened to them stays told; they only need no action any more, until somebody takes them up again.
"""

from django.utils import timezone

from licenses.models import LicenseChange
from licenses.services import report
from licensing_portal.staff.models import StaffUser


def leave(change: LicenseChange, cause: report.Cause, staff: StaffUser) -> int:
    """Leave the users of a cause as they are; return how many."""
    waiting = report.all_users_of(change, cause).order_by().filter(left_at__isnull=True)
    return waiting.update(left_at=timezone.now(), left_by=staff)


def take_up(change: LicenseChange, cause: report.Cause) -> int:
    """Let the users of a cause that were left need action again; return how many."""
    left = report.all_users_of(change, cause).order_by().filter(left_at__isnull=False)
    return left.update(left_at=None, left_by=None)
