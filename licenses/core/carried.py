"""What a swap keeps off, counted for the people who decide: Review names it, and can switch it all on."""

from dataclasses import dataclass

from licenses.core.catalog import Catalog, PlanId, SkuId
from licenses.core.families import Family
from licenses.core.planning import SavePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOff:
    """A family (or, of no family, a plan) that starts off in a newly given product for so many users."""

    sku_id: SkuId
    family: Family
    plan_id: PlanId
    users: int


def kept_off(plan: SavePlan, catalog: Catalog) -> tuple[KeptOff, ...]:
    """Return what starts off because it was off before, the most users first."""
    counted: dict[tuple[SkuId, Family, PlanId], int] = {}
    for user in plan.users:
        if user.refusal is None and user.diff.carried:
            for key in {_key(sku_id, plan_id, catalog) for sku_id, plan_id in user.diff.carried}:
                counted[key] = counted.get(key, 0) + 1
    found = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        KeptOff(sku_id=sku_id, family=family, plan_id=plan_id, users=users)
        for (sku_id, family, plan_id), users in found
    )


def _key(sku_id: SkuId, plan_id: PlanId, catalog: Catalog) -> tuple[SkuId, Family, PlanId]:
    family = next(plan.family for plan in catalog.skus[sku_id].plans if plan.plan_id == plan_id)
    return sku_id, family, plan_id if family == Family.OTHER else ""
