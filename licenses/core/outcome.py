"""Judges what was read back: is the wanted state there, the one before, or a third (durable-jobs.md, section 7)?

Only direct assignments of the SKUs that were sent are compared: groups change on their own.
"""

from collections.abc import Iterable
from enum import StrEnum

from licenses.core.catalog import PlanId, SkuId
from licenses.core.diff import UserDiff, apply_diff
from licenses.core.holdings import UserState


class Verdict(StrEnum):
    """What a read-back shows."""

    DONE = "done"
    UNTOUCHED = "untouched"
    THIRD = "third"


def judge(before: UserState, diff: UserDiff, now: UserState) -> Verdict:
    """Return whether the wanted state, the state before or something else is there now.

    The location is a step of its own, sent first: where it is set and the licences are as before, the licences'
    step is untouched.
    """
    wanted = apply_diff(before, diff)
    touched = (*(add.sku_id for add in diff.add), *diff.remove)
    licences = _direct_paths(now, touched)
    place = now.usage_location if diff.location else wanted.usage_location
    if licences == _direct_paths(wanted, touched) and place == wanted.usage_location:
        return Verdict.DONE
    as_before = licences == _direct_paths(before, touched)
    return Verdict.UNTOUCHED if as_before and place in (before.usage_location, diff.location) else Verdict.THIRD


def _direct_paths(state: UserState, touched: Iterable[SkuId]) -> tuple[tuple[bool, frozenset[PlanId]] | None, ...]:
    """Return for each SKU whether its direct path gives the product, and the plans that are off there."""
    paths = (state.held[sku_id].any_direct if sku_id in state.held else None for sku_id in touched)
    return tuple((path.state.holds, path.disabled) if path is not None else None for path in paths)
