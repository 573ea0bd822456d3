"""Stop: end a change early, so that every user is either finished and recorded or not tried."""

from django.db import transaction
from django.utils import timezone

from licenses import doorbell
from licenses.models import LicenseChange
from licenses.services.claims import give_up_waiting

Status = LicenseChange.Status
_STOPPABLE = (Status.PLANNING, Status.RUNNING, Status.PAUSED)


def request_stop(change: LicenseChange) -> None:
    """Ask a change to stop: users at Microsoft now are finished and recorded, the rest is not tried.

    One that still waits for its turn ends at once, one that is being planned as soon as its users are known.
    """
    with transaction.atomic():
        change = LicenseChange.objects.select_for_update().get(pk=change.pk)
        if change.status == Status.QUEUED:
            cancel(change)
        elif change.status in _STOPPABLE and change.cancel_requested_at is None:
            change.cancel_requested_at = timezone.now()
            change.save(update_fields=["cancel_requested_at"])
            if change.status != Status.PLANNING:
                doorbell.ring(change)


def cancel(change: LicenseChange) -> None:
    """End a change of which nothing was sent."""
    give_up_waiting(change)
    now = timezone.now()
    change.status, change.planned_users = Status.CANCELLED, []
    change.cancel_requested_at = change.cancel_requested_at or now
    change.started_at = change.finished_at = now
    change.save(update_fields=["status", "planned_users", "cancel_requested_at", "started_at", "finished_at"])
