"""Tells which of our changes made a difference that was read: what is not ours was seen, not done by us.

Any reading can meet our own write first: a Refresh or a sync while the change still runs, or its last read-back.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q

from customers.models import Customer
from licenses.core.holdings import DIRECT
from licenses.models import LicenseChange, UserChange

State = UserChange.State

# (object id, SKU id or "" for the usage location) → the direct path's plans that we switched off, None for none; a
# location as text. With the id of the change.
type Wanted = dict[tuple[str, str], tuple[Any, Any]]

# A user who was refused, or never sent, was not changed by us.
_SENT = (State.IN_FLIGHT, State.UPDATED, State.UNKNOWN)


def wanted_of(customer: Customer, object_ids: Iterable[str]) -> Wanted:
    """Return what running changes have sent for these users, and ended ones whose result is unknown."""
    is_open = Q(change__status__in=LicenseChange.ACTIVE) | Q(state=State.UNKNOWN)
    rows = UserChange.objects.filter(is_open, change__customer=customer, object_id__in=list(object_ids))
    wanted: Wanted = {}
    for row in rows.only(
        "change_id", "object_id", "state", "attempts", "uncertain", "add", "remove", "location", "step"
    ):
        was_sent = row.state in _SENT or row.uncertain or bool(row.attempts)
        if row.state in _SENT or (row.state == State.PENDING and was_sent):
            wanted.update(((row.object_id, sku), (off, row.change_id)) for sku, off in _licences(row))
        if row.location and (row.is_located or was_sent):
            wanted[row.object_id, ""] = (row.location, row.change_id)
    return wanted


def _licences(row: UserChange) -> list[tuple[str, list[str] | None]]:
    adds: list[tuple[str, list[str] | None]] = [(add["skuId"], sorted(add["disabledPlans"])) for add in row.add]
    return [*adds, *((sku_id, None) for sku_id in row.remove)]


def cause_of(wanted: Wanted, object_id: str, sku_id: str, after: Mapping[str, Any] | None) -> Any:
    """Return the id of the change that left a user like this, or None.

    `after` is an event's: {"paths": {via: {"disabled", "state"}}}, {"usageLocation"}, or None for nothing held.
    """
    found = wanted.get((object_id, sku_id))
    if found is None:
        return None
    expected, change_id = found
    if not sku_id:
        return change_id if (after or {}).get("usageLocation") == expected else None
    direct = ((after or {}).get("paths") or {}).get(DIRECT)
    now = direct["disabled"] if direct is not None else None
    return change_id if now == expected else None
