"""The state of a three-state box over the selected users; the values are those of the form's data."""

from enum import StrEnum


class BoxState(StrEnum):
    """How many of the selected users have it: all, some or none."""

    CHECKED = "all"
    PARTIAL = "partial"
    UNCHECKED = "none"


def box_state(holders: int, total: int) -> BoxState:
    """Return the state of a product's box; an empty selection is unchecked."""
    if holders <= 0:
        return BoxState.UNCHECKED
    return BoxState.CHECKED if holders >= total else BoxState.PARTIAL


def plan_state(on: int, holders: int) -> BoxState:
    """Return the state of a plan's box over the selected holders; without holders it is checked: new ones get it."""
    return BoxState.CHECKED if holders <= 0 else box_state(on, holders)
