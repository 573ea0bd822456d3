"""How many users each cause of Review concerns: a warning without its number cannot be weighed."""

from collections import Counter
from collections.abc import Iterable, Mapping

from licenses.core.planning import REFUSAL_CAUSES, Cause, SavePlan, UserPlan
from licenses.core.undo import switched_off


def cause_figures(plan: SavePlan) -> Mapping[Cause, int]:
    """Return the users behind each of the plan's causes; a cause of no single user, like drift, has none."""
    counted = Counter(cause for user in plan.users for cause in _causes_of(user))
    return {cause: number for cause, number in counted.items() if cause in plan.causes}


def _causes_of(user: UserPlan) -> Iterable[Cause]:
    if user.refusal is not None:
        yield REFUSAL_CAUSES.get(user.refusal.kind, Cause.REFUSED)
    if not user.needs_call:
        return
    yield Cause.MANY_USERS
    if user.diff.remove:
        yield Cause.REMOVES_PRODUCT
    if any(switched_off(add, user.state_before) for add in user.diff.add):
        yield Cause.REMOVES_PLAN
    if user.newly_held and not user.state_before.enabled:
        yield Cause.BLOCKED_NEWLY_LICENSED
    if user.newly_held and user.state_before.guest:
        yield Cause.GUEST_NEWLY_LICENSED
