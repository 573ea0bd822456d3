"""How many users each cause of Review concerns: a warning without its number cannot be weighed."""

from collections import Counter
from collections.abc import Iterable, Mapping

from licenses.core.planning import Cause, SavePlan, UserPlan, causes_of
from licenses.core.undo import switched_off


def cause_figures(plan: SavePlan) -> Mapping[Cause, int]:
    """Return the users behind each of the plan's causes; a cause of no single user, like drift, has none."""
    counted = Counter(cause for user in plan.users for cause in _counted_for(user))
    return {cause: number for cause, number in counted.items() if cause in plan.causes}


def _counted_for(user: UserPlan) -> Iterable[Cause]:
    """Yield the causes that a user counts for: those of planning, and what is lost."""
    yield from causes_of(user)
    if not user.needs_call:
        return
    if user.diff.remove:
        yield Cause.REMOVES_PRODUCT
    if any(switched_off(add, user.state_before) for add in user.diff.add):
        yield Cause.REMOVES_PLAN
