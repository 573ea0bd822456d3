"""The running changes that every page's header shows, and one's own that wait for Review."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from customers.models import Customer
from licenses.models import LicenseChange, UserChange
from licenses.services.change_list import UNSHOWN
from licenses.services.refresh import READ_IN_REQUEST

# More are not named: the link then leads to all of them.
_MOST = 20


def running_changes(request: HttpRequest) -> dict[str, Any]:
    """Return the open changes in this person's scope and their own large drafts, oldest first.

    Lazily, so that fragments pay nothing.
    """
    staff = getattr(request, "user", None)
    if staff is None or not staff.is_authenticated:
        return {"running_changes": None}

    def load() -> RunningChanges:
        waiting = UserChange.objects.filter(change=OuterRef("pk"), state__in=UserChange.OPEN).order_by()
        number = Subquery(waiting.values("change").annotate(n=Count("pk")).values("n"), output_field=IntegerField())
        visible = LicenseChange.objects.filter(customer__in=Customer.objects.visible_to(staff))
        # Planned by a worker while the person may have gone elsewhere.
        draft = Q(status=LicenseChange.Status.DRAFT, staff=staff, total__gt=READ_IN_REQUEST)
        found = visible.filter(Q(status__in=LicenseChange.OPEN) | draft).annotate(waiting=Coalesce(number, 0))
        rows = list(found.select_related("customer").defer(*UNSHOWN).order_by("created_at")[:_MOST])
        return RunningChanges(
            [change for change in rows if change.is_open], [change for change in rows if not change.is_open]
        )

    return {"running_changes": load}


@dataclass(frozen=True, slots=True)
class RunningChanges:
    """The open changes, and how far they are together."""

    changes: list[LicenseChange]
    drafts: list[LicenseChange]

    @property
    def percent(self) -> int:
        """How far they are together: not all of it while one is open, for its users are still to be read back."""
        total = sum(change.total for change in self.changes)
        # A change that is planned has no users yet who could wait.
        planned = (change for change in self.changes if change.status != LicenseChange.Status.PLANNING)
        done = sum(change.total - change.waiting for change in planned)  # type: ignore[attr-defined]
        return min(99, done * 100 // total) if total else 0
