"""Judges what was read back: is the wanted state there, the one before, or a third (durable-jobs.md, section 7)?

Only direct assignments of the SKUs that were sent are compared: groups change on their own.
"""

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
    """Return whether the wanted state, the state before or something else is there now."""
    touched = sorted({add.sku_id for add in diff.add} | set(diff.remove))
    seen = _picture(now, touched, diff)
    if seen == _picture(apply_diff(before, diff), touched, diff):
        return Verdict.DONE
    return Verdict.UNTOUCHED if seen == _picture(before, touched, diff) else Verdict.THIRD


def _picture(
    state: UserState, touched: list[SkuId], diff: UserDiff
) -> tuple[str | None, tuple[frozenset[PlanId] | None, ...]]:
    """Return what is compared: the location if it was sent, and each direct path's plans that are off."""
    location = state.usage_location if diff.location else None
    paths = (state.held[sku_id].any_direct if sku_id in state.held else None for sku_id in touched)
    return location, tuple(path.disabled if path is not None else None for path in paths)
