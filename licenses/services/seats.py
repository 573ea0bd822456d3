"""Counts the seats that a finished change has taken and freed: our figures are right at once, Microsoft's follow."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from django.utils import timezone

from customers.models import Customer
from licenses.models import Entitlement, LicenseChange, UserChange

State = UserChange.State

# So long our own figure stands: Microsoft's count lags behind its writes.
SETTLE = timedelta(minutes=2)


def consumed(customer: Customer) -> dict[str, int]:
    """Return the consumed units by SKU as they are known now; the base of a change that begins."""
    return dict(customer.entitlements.values_list("product__sku_id", "consumed"))


def count(change: LicenseChange) -> None:
    """Set the figures to those of the start and what the change has moved.

    Whoever read Microsoft's figures while it ran has seen some of its writes already: they must not count twice. What
    changes of the other lane have moved meanwhile counts too.
    """
    settles = timezone.now() + SETTLE
    moves = Counter(seat_moves(change))
    meanwhile = LicenseChange.objects.filter(
        customer=change.customer, finished_at__gt=change.started_at or change.created_at
    )
    for other in meanwhile.exclude(pk=change.pk):
        moves.update(seat_moves(other))
    for sku_id, moved in moves.items():
        known = Entitlement.objects.filter(customer=change.customer, product__sku_id=sku_id)
        if sku_id in change.seats_before:
            known.update(consumed=max(0, change.seats_before[sku_id] + moved), settling_until=settles)


def seat_moves(change: LicenseChange) -> dict[str, int]:
    """Return by SKU how many more seats this change's users hold now than before it."""
    moves: dict[str, int] = {}
    rows = change.user_changes.filter(state=State.UPDATED, after__isnull=False).exclude(add=[], remove=[])
    for before, after in rows.values_list("before", "after").iterator(chunk_size=2_000):
        had, has = _held(before), _held(after)
        for sku_id in has - had:
            moves[sku_id] = moves.get(sku_id, 0) + 1
        for sku_id in had - has:
            moves[sku_id] = moves.get(sku_id, 0) - 1
    return moves


def _held(state: Mapping[str, object] | None) -> set[str]:
    """Return the SKUs held by any active path of a stored state."""
    paths = (state or {}).get("paths") or []
    return {
        path["skuId"]
        for path in paths  # type: ignore[attr-defined]
        if path.get("state", "Active") in {"Active", "ActiveWithError"}
    }
