"""What people lose by a save, by family: said before it happens (design, section 4)."""

from licenses.core.catalog import Catalog
from licenses.core.diff import apply_diff
from licenses.core.enabled import EnabledPlans
from licenses.core.families import Family
from licenses.core.planning import SavePlan, UserPlan


def losses(plan: SavePlan, catalog: Catalog) -> dict[Family, int]:
    """Return for each family the number of users who have it now and will not afterwards."""
    family_by_plan = {one.plan_id: one.family for sku in catalog.skus.values() for one in sku.plans}
    families = EnabledPlans(catalog, lambda plans: frozenset(family_by_plan[plan_id] for plan_id in plans))
    lost: dict[Family, int] = {}
    for user in plan.users:
        if user.needs_call:
            for family in _lost(user, families) - {Family.OTHER}:
                lost[family] = lost.get(family, 0) + 1
    return dict(sorted(lost.items(), key=lambda entry: (-entry[1], entry[0])))


def _lost(user: UserPlan, families: EnabledPlans[Family]) -> frozenset[Family]:
    """Return the families of one user that end; only the products that are sent can end any."""
    diff, before = user.diff, user.state_before.held
    sent = (*diff.remove, *(add.sku_id for add in diff.add))
    at_stake = families.over({sku_id: before[sku_id] for sku_id in sent if sku_id in before})
    return at_stake - families.over(apply_diff(user.state_before, diff).held) if at_stake else at_stake
