"""The running changes that every page's header shows."""

from typing import Any

from django.http import HttpRequest

from customers.models import Customer
from licenses.models import LicenseChange


def running_changes(request: HttpRequest) -> dict[str, Any]:
    """Return the open changes in this person's scope, oldest first; lazily, so that fragments pay nothing."""
    staff = getattr(request, "user", None)
    if staff is None or not staff.is_authenticated:
        return {"running_changes": []}

    def load() -> list[LicenseChange]:
        return list(
            LicenseChange.objects.filter(
                status__in=LicenseChange.OPEN, customer__in=Customer.objects.visible_to(staff)
            ).select_related("customer")[:20]
        )

    return {"running_changes": load}
