"""Random customers, selections and wishes for the property that a plan tells what will happen.

Everything comes from one number: a case that failed is made again by it.
"""

import random
from dataclasses import dataclass

from licenses.core.diff import Choice, Wish
from licensing_portal.sandbox import catalog
from licensing_portal.sandbox.model import Disabled, Group, Sku, Tenant, User
from licensing_portal.sandbox.seed import made_id

# Products that clash with, need, or hand over to each other, beside quiet ones. The two for rooms are left out: no
# rule keeps them apart, so nothing can be foreseen.
PARTS = (
    *("SPE_E3", "SPE_E5", "STANDARDPACK", "DESKLESSPACK", "O365_BUSINESS_ESSENTIALS", "Microsoft_365_E3_(no_Teams)"),
    *("EXCHANGESTANDARD", "EXCHANGEENTERPRISE", "EXCHANGEDESKLESS", "SHAREPOINTSTANDARD", "SHAREPOINTENTERPRISE"),
    *("PROJECTPROFESSIONAL", "WORKPLACE_ANALYTICS", "THREAT_INTELLIGENCE", "INTUNE_A", "EMS", "POWER_BI_PRO"),
    *("MCOMEETADV", "MCOEV", "MCOPSTN1", "MCOPSTN2", "VISIOCLIENT"),
)
PLACES = ("JP", "JP", "JP", "JP", "US", "CN", "IN", None)
_USERS = 7
_ERRORS = ("CountViolation", "MutuallyExclusiveViolation", "Other")


@dataclass(frozen=True, slots=True)
class Case:
    """Whom a save is for, in their order, and what it wishes."""

    people: tuple[str, ...]
    wish: Wish


def make(tenant: Tenant, seed: str) -> Case:
    """Put a new random customer into the tenant, and choose users and a wish."""
    dice = random.Random(seed)
    with tenant.lock:
        _empty(tenant)
        parts = dice.sample(PARTS, dice.randint(2, 6))
        for part in parts:
            tenant.skus[catalog.sku_id(part)] = _product(dice, part)
        skus = list(tenant.skus.values())
        for number in range(dice.randint(0, 2)):
            _add_group(tenant, dice, number, skus)
        for number in range(_USERS):
            _add_user(tenant, dice, number, skus)
        _count(tenant, dice)
        # Nobody trusts the delta round of a world that was made anew.
        tenant.forget_lags()
        people = list(tenant.users)
    dice.shuffle(people)
    return Case(tuple(people[: dice.randint(1, _USERS)]), _wish(dice, skus))


def _empty(tenant: Tenant) -> None:
    for part in (tenant.users, tenant.by_upn, tenant.order, tenant.groups, tenant.skus, tenant.deleted, tenant.bin):
        part.clear()
    tenant.purged.clear()
    tenant.changes.clear()


def _product(dice: random.Random, part: str) -> Sku:
    sku = catalog.sku(part, made_id("case", part))
    luck = dice.random()
    if luck < 0.06:
        sku.capability_status = "Suspended"
    elif luck < 0.12:
        sku.capability_status = "Warning"
    return sku


def _some(dice: random.Random, sku: Sku, share: float) -> Disabled:
    """Return a few plans of a product, with some luck all of those that matter to the rules."""
    plans = [plan.plan_id for plan in sku.plans if plan.applies_to == "User"]
    if dice.random() > share or not plans:
        return frozenset()
    return frozenset(dice.sample(plans, dice.randint(1, max(1, len(plans) // 3))))


def _add_group(tenant: Tenant, dice: random.Random, number: int, skus: list[Sku]) -> None:
    given = dice.sample(skus, min(len(skus), dice.randint(1, 2)))
    group_id = made_id("case", "group", number)
    tenant.groups[group_id] = Group(group_id, f"Group {number}", {one.sku_id: _some(dice, one, 0.4) for one in given})


def _add_user(tenant: Tenant, dice: random.Random, number: int, skus: list[Sku]) -> None:
    user = User(
        made_id("case", "user", number),
        f"user{number}@{tenant.domain}",
        f"User {number}",
        location=dice.choice(PLACES),
        enabled=dice.random() > 0.1,
        user_type="Guest" if dice.random() < 0.1 else "Member",
    )
    for sku in skus:
        if dice.random() < 0.3:
            user.direct[sku.sku_id] = (_some(dice, sku, 0.5), tenant.born)
    for group in tenant.groups.values():
        if dice.random() < 0.4:
            group.members.add(user.user_id)
            user.groups = (*user.groups, group.group_id)
            for sku_id in group.licenses:
                if dice.random() < 0.15:
                    user.errors[sku_id, group.group_id] = dice.choice(_ERRORS)
    tenant.add_user(user)


def _count(tenant: Tenant, dice: random.Random) -> None:
    """Give each product a few free seats, or fewer than are in use."""
    for sku in tenant.skus.values():
        sku.consumed = sum(sku.sku_id in tenant.held_skus(user) for user in tenant.users.values())
        free = dice.choice((-1, 0, 0, 1, 2, 3, 20, 20))
        sku.enabled = max(0, sku.consumed + free)
        if sku.capability_status == "Suspended":
            sku.enabled, sku.suspended = 0, sku.enabled
        elif sku.capability_status == "Warning":
            sku.enabled, sku.warning = 0, sku.enabled


def _wish(dice: random.Random, skus: list[Sku]) -> Wish:
    products = {one.sku_id: dice.choice((Choice.ALL, Choice.ALL, Choice.NONE)) for one in skus if dice.random() < 0.45}
    plans = {}
    for sku in skus:
        for plan_id in sorted(_some(dice, sku, 0.35)):
            plans[sku.sku_id, plan_id] = dice.choice((Choice.ALL, Choice.NONE, Choice.NONE, Choice.KEEP))
    return Wish(
        products=products,
        plans=plans,
        location=dice.choice((None, None, "JP", "CN")),
        overwrite_location=dice.random() < 0.3,
        carry_over=dice.random() < 0.8,
    )
