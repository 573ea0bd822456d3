"""What people lose by a save, by family: said before it happens (design, section 4)."""

from licenses.core.catalog import Catalog, PlanId
from licenses.core.diff import apply_diff
from licenses.core.families import Family
from licenses.core.holdings import UserState
from licenses.core.planning import SavePlan


def losses(plan: SavePlan, catalog: Catalog) -> dict[Family, int]:
    """Return for each family the number of users who have it now and will not afterwards."""
    family_by_plan = {one.plan_id: one.family for sku in catalog.skus.values() for one in sku.plans}
    lost: dict[Family, int] = {}
    for user in plan.users:
        if not user.needs_call or not (user.diff.remove or user.diff.add):
            continue
        before = _families(user.state_before, catalog, family_by_plan)
        after = _families(apply_diff(user.state_before, user.diff), catalog, family_by_plan)
        for family in before - after - {Family.OTHER}:
            lost[family] = lost.get(family, 0) + 1
    return dict(sorted(lost.items(), key=lambda entry: (-entry[1], entry[0])))


def _families(state: UserState, catalog: Catalog, family_by_plan: dict[PlanId, Family]) -> set[Family]:
    return {family_by_plan[plan_id] for plan_id in state.enabled_plans(catalog)}
