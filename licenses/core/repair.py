"""What can be done about a failure: each repair is the change's wish with one thing different.

A repair is offered only where it can help: the plan is in a product that the user gets or has, the missing product is
owned and free.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from licenses.core.catalog import Catalog, PlanId, Sku, SkuId
from licenses.core.diff import Choice, UserDiff, Wish, apply_diff
from licenses.core.failures import FailureKind
from licenses.core.holdings import UserState


class Act(StrEnum):
    """What a repair does before it tries again."""

    RETRY = "retry"
    LOCATION = "location"
    OFF = "off"
    ON = "on"
    ADD = "add"
    REMOVE = "remove"
    # No change of ours: Microsoft is asked to judge what groups give to the user anew.
    REPROCESS = "reprocess"
    WITHOUT = "without"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """One way to mend a failure; `code` names it in a form."""

    act: Act
    sku_id: SkuId = ""
    plan_id: PlanId = ""

    @property
    def code(self) -> str:
        """The repair in one word."""
        return ":".join(part for part in (self.act.value, self.sku_id, self.plan_id) if part)


# Trying again may help by itself: somebody bought licenses, Microsoft answers again, nobody interferes.
_AGAIN = frozenset(
    {
        FailureKind.NO_SEAT,
        FailureKind.CONCURRENCY,
        FailureKind.THROTTLED,
        FailureKind.SERVER,
        FailureKind.TOKEN,
        FailureKind.MFA,
        FailureKind.FORBIDDEN,
        FailureKind.RELATIONSHIP,
        FailureKind.CONSENT,
        FailureKind.CONDITIONAL_ACCESS,
        FailureKind.NO_TENANT,
        FailureKind.CONFIGURATION,
        FailureKind.ON_PREMISES,
        # What is planned anew leaves out what is gone, and what only a group gives.
        FailureKind.NOT_HELD,
        FailureKind.INHERITED,
        FailureKind.BAD_PLAN,
        FailureKind.CHANGED_ELSEWHERE,
        FailureKind.UNREADABLE,
        FailureKind.NOT_DONE,
        FailureKind.SKU_SUSPENDED,
        FailureKind.PROXY,
        FailureKind.UNKNOWN,
    }
)
# The rest of a wish may go on without the product that cannot be had.
_WITHOUT = frozenset(
    {
        FailureKind.NO_SEAT,
        FailureKind.BAD_SKU,
        FailureKind.NOT_USER_SKU,
        FailureKind.SKU_SUSPENDED,
        FailureKind.LOCATION_FORBIDDEN,
    }
)
_PRODUCTS_OFFERED = 3


def repairs(
    kind: FailureKind,
    plans: Sequence[PlanId],
    before: UserState,
    diff: UserDiff,
    catalog: Catalog,
    skus: Sequence[SkuId] = (),
) -> tuple[Repair, ...]:
    """Return what may help a user who failed in this way; `plans` and `skus` are what Microsoft or the rules name."""
    without = tuple(Repair(act=Act.WITHOUT, sku_id=sku_id) for sku_id in skus) if kind in _WITHOUT else ()
    return _repairs(kind, plans, before, diff, catalog) + without


def _repairs(
    kind: FailureKind, plans: Sequence[PlanId], before: UserState, diff: UserDiff, catalog: Catalog
) -> tuple[Repair, ...]:
    if kind == FailureKind.NO_LOCATION:
        return (Repair(act=Act.LOCATION),)
    if kind == FailureKind.EXCLUSIVE:
        return tuple(_switch_off(plans, before, diff, catalog)) + tuple(_give_up(plans, before, diff, catalog))
    if kind == FailureKind.DEPENDENCY and plans:
        return tuple(_supply(plans[1:], before, diff, catalog)) + tuple(_switch_off(plans[:1], before, diff, catalog))
    if kind == FailureKind.LOCATION_FORBIDDEN:
        return tuple(_switch_off(plans, before, diff, catalog))
    return (Repair(act=Act.RETRY),) if kind in _AGAIN else ()


def repaired(wish: Wish, repair: Repair, location: str = "") -> Wish:
    """Return the wish with the repair in it."""
    plan = (repair.sku_id, repair.plan_id)
    if repair.act == Act.LOCATION:
        return replace(wish, location=location)
    if repair.act in (Act.OFF, Act.ON):
        choice = Choice.NONE if repair.act == Act.OFF else Choice.ALL
        return replace(wish, plans={**wish.plans, plan: choice})
    if repair.act in (Act.ADD, Act.REMOVE):
        choice = Choice.ALL if repair.act == Act.ADD else Choice.NONE
        return replace(wish, products={**wish.products, repair.sku_id: choice})
    if repair.act == Act.WITHOUT:
        return replace(
            wish,
            products={sku_id: choice for sku_id, choice in wish.products.items() if sku_id != repair.sku_id},
            plans={key: choice for key, choice in wish.plans.items() if key[0] != repair.sku_id},
        )
    return wish


def _after(before: UserState, diff: UserDiff, catalog: Catalog) -> Mapping[SkuId, tuple[Sku, frozenset[PlanId], bool]]:
    """Return the products that the user would have: each with its plans that are off, and whether it is direct."""
    after = apply_diff(before, diff)
    return {
        sku_id: (sku, held.disabled, held.direct is not None)
        for sku_id, held in sorted(after.held.items())
        if held.holds and (sku := catalog.get(sku_id)) is not None
    }


def _switch_off(plans: Iterable[PlanId], before: UserState, diff: UserDiff, catalog: Catalog) -> Iterable[Repair]:
    """Offer to switch a plan off wherever it would be on by a direct assignment."""
    after = _after(before, diff, catalog)
    for plan_id in plans:
        for sku_id, (sku, off, is_direct) in after.items():
            if is_direct and plan_id not in off and any(plan.plan_id == plan_id for plan in sku.user_plans):
                yield Repair(act=Act.OFF, sku_id=sku_id, plan_id=plan_id)


def _give_up(plans: Iterable[PlanId], before: UserState, diff: UserDiff, catalog: Catalog) -> Iterable[Repair]:
    """Offer to unassign a product that the user has already, and that holds one of the plans."""
    given = {add.sku_id for add in diff.add}
    for sku_id, (sku, off, is_direct) in _after(before, diff, catalog).items():
        if is_direct and sku_id not in given and any(plan in sku.plan_ids - off for plan in plans):
            yield Repair(act=Act.REMOVE, sku_id=sku_id)


def _supply(needs: Sequence[PlanId], before: UserState, diff: UserDiff, catalog: Catalog) -> Iterable[Repair]:
    """Offer to switch a needed plan on where it is off, or else the smallest products that hold one and are free."""
    after = _after(before, diff, catalog)
    found = [
        Repair(act=Act.ON, sku_id=sku_id, plan_id=plan_id)
        for plan_id in needs
        for sku_id, (_sku, off, is_direct) in after.items()
        if is_direct and plan_id in off
    ]
    if found:
        return found
    holding = (
        sku
        for sku in catalog.skus.values()
        if sku.sku_id not in after and sku.is_assignable and sku.seats.available and sku.plan_ids.intersection(needs)
    )
    smallest = sorted(holding, key=lambda sku: (len(sku.plans), sku.display_name, sku.sku_id))
    return [Repair(act=Act.ADD, sku_id=sku.sku_id) for sku in smallest[:_PRODUCTS_OFFERED]]
