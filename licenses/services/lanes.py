"""A tenant's two queues: one change runs in each, and a small one waits for no large one.

Small is a change of a few users none of whom is in another open change: whoever comes to a user second must plan from
what the first one left behind (rebase.py), so it waits.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import Q, QuerySet

from customers.models import Customer
from licenses.models import LicenseChange, Throttle, UserChange
from licenses.services.budget import Budget

Lane, Status = LicenseChange.Lane, LicenseChange.Status

# One call holds them.
SMALL = 20


@contextmanager
def gate(customer: Customer) -> Iterator[None]:
    """Begin a transaction in which no other change of the customer is queued or started."""
    Budget.of(customer.tenant_id)
    with transaction.atomic():
        Throttle.objects.select_for_update().get(key=customer.tenant_id)
        yield


def lane_of(change: LicenseChange) -> str:
    """Return the lane of a planned change that is about to be queued; to be called inside the gate."""
    is_small = change.user_changes.count() <= SMALL and not shares_users(change)
    return Lane.SMALL if is_small else Lane.MAIN


def shares_users(change: LicenseChange) -> bool:
    """Tell whether one of a change's users is in another open change of the customer."""
    others = UserChange.objects.filter(
        change__customer=change.customer,
        change__status__in=LicenseChange.OPEN,
        object_id__in=change.user_changes.values("object_id"),
    )
    return others.exclude(change=change).exists()


def ahead_of(change: LicenseChange) -> QuerySet[LicenseChange]:
    """Return the open changes for whose end a queued one waits: those before it in its lane, or with a user of its."""
    # What runs is ahead whatever the clocks of two machines say.
    is_first = Q(status__in=LicenseChange.ACTIVE) | Q(status=Status.QUEUED, queued_at__lt=change.queued_at)
    earlier = LicenseChange.objects.filter(is_first, customer=change.customer).exclude(pk=change.pk)
    crossing = UserChange.objects.filter(change__in=earlier.exclude(lane=change.lane))
    # The small ones hold few users: from them it is a short look into the large one.
    if change.lane == Lane.MAIN:
        few = crossing.values_list("object_id", flat=True)
        shared = change.user_changes.filter(object_id__in=list(few)).values_list("object_id", flat=True)
    else:
        shared = change.user_changes.values_list("object_id", flat=True)
    others = crossing.filter(object_id__in=list(shared)).values_list("change_id", flat=True)
    return earlier.filter(Q(lane=change.lane) | Q(pk__in=set(others))).order_by("queued_at", "id")


def first_in_line(customer: Customer) -> list[LicenseChange]:
    """Return the changes that may start next: the first that waits in each lane."""
    waiting = LicenseChange.objects.filter(customer=customer, status=Status.QUEUED).order_by("queued_at", "id")
    found = (waiting.filter(lane=lane).first() for lane in Lane.values)
    return [change for change in found if change is not None]
