"""The running changes that every page's header shows."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from customers.models import Customer
from licenses.models import LicenseChange, UserChange

# More are not named: the link then leads to all of them.
_MOST = 20


def running_changes(request: HttpRequest) -> dict[str, Any]:
    """Return the open changes in this person's scope, oldest first; lazily, so that fragments pay nothing."""
    staff = getattr(request, "user", None)
    if staff is None or not staff.is_authenticated:
        return {"running_changes": None}

    def load() -> RunningChanges:
        waiting = UserChange.objects.filter(change=OuterRef("pk"), state__in=UserChange.OPEN).order_by()
        number = Subquery(waiting.values("change").annotate(n=Count("pk")).values("n"), output_field=IntegerField())
        found = LicenseChange.objects.filter(
            status__in=LicenseChange.OPEN, customer__in=Customer.objects.visible_to(staff)
        ).annotate(waiting=Coalesce(number, 0))
        return RunningChanges(list(found.select_related("customer").order_by("created_at")[:_MOST]))

    return {"running_changes": load}


@dataclass(frozen=True, slots=True)
class RunningChanges:
    """The open changes, and how far they are together."""

    changes: list[LicenseChange]

    @property
    def percent(self) -> int:
        """How far they are together: not all of it while one is open, for its users are still to be read back."""
        total = sum(change.total for change in self.changes)
        # A change that is planned has no users yet who could wait.
        planned = (change for change in self.changes if change.status != LicenseChange.Status.PLANNING)
        done = sum(change.total - change.waiting for change in planned)  # type: ignore[attr-defined]
        return min(99, done * 100 // total) if total else 0
