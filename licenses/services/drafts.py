"""What Review does with a draft but saving it: plan it again otherwise, or throw it away."""

from django.db import transaction

from licenses import doorbell
from licenses.models import LicenseChange
from licenses.services import save

Status = LicenseChange.Status


def carry_over(change: LicenseChange, *, is_on: bool) -> LicenseChange:
    """Plan a draft again with what people had off kept off or switched on; a large one is planned by a worker."""
    with transaction.atomic():
        change = LicenseChange.objects.select_for_update().get(pk=change.pk)
        if change.status != Status.DRAFT or change.kind == LicenseChange.Kind.UNDO:
            return change
        change.wish = change.wish | {"carryOver": is_on}
        change.user_changes.all().delete()
        change.starts_itself = False
        if change.total > save.PLANNED_IN_REQUEST:
            change.status = Status.PLANNING
            change.save()
            doorbell.ring_planner(change)
        else:
            save.write_plan(change)
    return change


def discard(change: LicenseChange) -> bool:
    """Delete a draft with its users; False when it is no draft any more, for it was saved meanwhile."""
    with transaction.atomic():
        # Held while its users are deleted: whoever saves it at the same time must wait, and then finds nothing.
        found = LicenseChange.objects.select_for_update().filter(pk=change.pk, status=Status.DRAFT).first()
        if found is not None:
            found.delete()
    return found is not None
