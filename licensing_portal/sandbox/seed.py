"""Makes the tenants from a seed: the same seed makes the same ids, names and licences every time."""

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from licensing_portal.sandbox import catalog, names
from licensing_portal.sandbox.model import Group, Tenant, User

if TYPE_CHECKING:
    from licensing_portal.sandbox.app import SandboxOptions

_SPACE = uuid.UUID("5d0f9c52-6f0e-4d2f-9a55-3b6f2f0c7a11")
PARTNER_TENANT_ID = str(uuid.uuid5(_SPACE, "partner"))
STORY_TENANT_ID = str(uuid.uuid5(_SPACE, "story"))
# 1 April 2026: what has a date in the seed has this one.
BORN = 1_775_001_600.0
LARGEST = 2_000


def made_id(*parts: object) -> str:
    """Return the id that belongs to these words."""
    return str(uuid.uuid5(_SPACE, "/".join(map(str, parts))))


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A tenant before its users are made."""

    tenant_id: str
    name: str
    domain: str
    country: str
    users: int
    largest: bool = False

    def outline(self) -> Tenant:
        """Return the tenant without users, for lists of customers."""
        return Tenant(self.tenant_id, self.name, self.domain, self.country, BORN)


def blueprints(options: "SandboxOptions") -> Iterator[Blueprint]:
    """Yield the partner's tenant, the story, and the others; the second customer is the largest."""
    yield Blueprint(PARTNER_TENANT_ID, "Sandbox Partner", "partner.example", "JP", 0)
    if options.customers > 0:
        yield Blueprint(STORY_TENANT_ID, "コントソ商事", "contoso.example", "JP", options.users or 137)
    dice = random.Random(options.seed)
    known = names.companies()
    for number in range(1, options.customers):
        name, word, country = known[(number - 1) % len(known)]
        again = (number - 1) // len(known)
        size = min(LARGEST - 100, max(5, int(dice.paretovariate(0.8) * 20)))
        largest = number == 1
        yield Blueprint(
            made_id("tenant", options.seed, number),
            f"{name} {again + 1}" if again else name,
            f"{word}{again + 1 if again else ''}.example",
            country,
            options.users or (LARGEST if largest else size),
            largest,
        )


def build(blueprint: Blueprint, options: "SandboxOptions") -> Tenant:
    """Make a tenant with everything in it."""
    tenant = blueprint.outline()
    tenant.consumed_lag, tenant.index_lag = options.consumed_lag_seconds, options.index_lag_seconds
    tenant.group_lag = options.group_lag_seconds
    tenant.strict_dependencies = options.strict_dependencies
    if blueprint.tenant_id == STORY_TENANT_ID and options.users is None:
        from licensing_portal.sandbox.story import tell

        tell(tenant)
    elif blueprint.tenant_id != PARTNER_TENANT_ID:
        _fill(tenant, blueprint, options.seed)
    count_units(tenant)
    return tenant


def count_units(tenant: Tenant) -> None:
    """Book what the users hold; until here `enabled` says how many seats stay free."""
    for user in tenant.users.values():
        for sku_id in tenant.held_skus(user):
            tenant.skus[sku_id].consumed += 1
    for sku in tenant.skus.values():
        if sku.warning or sku.suspended:
            continue
        # A negative number of free seats: units have lapsed while they were assigned.
        sku.enabled = max(0, sku.enabled + sku.consumed)


# Main suites by how often they are held; the rest of the products are extras.
_SUITES = (
    ("SPE_E3", 40),
    ("STANDARDPACK", 22),
    ("O365_BUSINESS_PREMIUM", 12),
    ("SPB", 10),
    ("DESKLESSPACK", 8),
    ("SPE_E5", 8),
)
# Extras that clash with no suite.
_EXTRAS = ("POWER_BI_PRO", "VISIOCLIENT", "Microsoft_365_Copilot", "AAD_PREMIUM_P2", "PROJECTPROFESSIONAL", "FLOW_FREE")
# Held by nobody, ready to be assigned or to clash.
_SHELF = (
    "EXCHANGESTANDARD",
    "EXCHANGEENTERPRISE",
    "MCOMEETADV",
    "MCOEV",
    "MCOPSTN1",
    "MCOPSTN2",
    "EMS",
    "VISIOONLINE_PLAN1",
)


def _fill(tenant: Tenant, blueprint: Blueprint, seed: int) -> None:
    dice = random.Random(f"{seed}/{tenant.tenant_id}")
    parts = list(catalog.part_numbers()) if blueprint.largest else [part for part, _ in _SUITES] + [*_EXTRAS, *_SHELF]
    if not blueprint.largest:
        keep = dice.randint(4, 10)
        parts = [*dice.sample([part for part, _ in _SUITES], 3), *dice.sample([*_EXTRAS, *_SHELF], keep), "FLOW_FREE"]
    for part in dict.fromkeys(parts):
        _add_product(tenant, part, dice, blueprint.users)
    groups = _add_groups(tenant, dice)
    suites = [(part, weight) for part, weight in _SUITES if catalog.sku_id(part) in tenant.skus]
    extras = [part for part in _EXTRAS if catalog.sku_id(part) in tenant.skus]
    for number in range(blueprint.users):
        user = _user(tenant, number, dice, japanese=tenant.country == "JP")
        _license(user, dice, suites, extras)
        if groups and user.user_type == "Member" and dice.random() < 0.5:
            group = groups[0]
            group.members.add(user.user_id)
            user.groups = (group.group_id,)


def _add_product(tenant: Tenant, part: str, dice: random.Random, users: int) -> None:
    """Put a product in with some free seats; a few are full, over, expired or suspended."""
    sku = catalog.sku(part, made_id("subscription", tenant.tenant_id, part))
    sku.enabled = 10_000 if part == "FLOW_FREE" else dice.choice((0, 3, 5, 10, 25, max(5, users // 10)))
    luck = dice.random()
    if luck < 0.04:
        sku.enabled = -dice.randint(1, 4)
    elif luck < 0.08 and part not in dict(_SUITES):
        sku.enabled, sku.suspended, sku.capability_status = 0, 10, "Suspended"
    elif luck < 0.12 and part not in dict(_SUITES):
        sku.enabled, sku.warning, sku.capability_status = 0, users + 5, "Warning"
    tenant.skus[sku.sku_id] = sku


def _add_groups(tenant: Tenant, dice: random.Random) -> list[Group]:
    """Make a group that hands out a product, and one that hands out none."""
    giving = [part for part in ("AAD_PREMIUM_P2", "POWER_BI_PRO") if catalog.sku_id(part) in tenant.skus]
    plain = Group(made_id("group", tenant.tenant_id, "plain"), "全従業員 (連絡用)")
    tenant.groups[plain.group_id] = plain
    if not giving or dice.random() < 0.2:
        return []
    group = Group(made_id("group", tenant.tenant_id, "giving"), "全社員", {catalog.sku_id(giving[0]): frozenset()})
    tenant.groups[group.group_id] = group
    return [group]


def _user(tenant: Tenant, number: int, dice: random.Random, *, japanese: bool) -> User:
    who = names.person(dice, japanese=japanese)
    luck = dice.random()
    guest = luck < 0.04
    alias = who.alias if who.alias and f"{who.alias}@{tenant.domain}" not in tenant.by_upn else f"{who.alias}{number}"
    upn = f"{alias}_partner.example#EXT#@{tenant.domain}" if guest else f"{alias}@{tenant.domain}"
    user = User(
        made_id("user", tenant.tenant_id, number),
        upn,
        who.name,
        who.given,
        who.surname,
        mail=f"{alias}@{tenant.domain}",
        enabled=not 0.04 <= luck < 0.08,
        user_type="Guest" if guest else "Member",
        location=None if guest or 0.08 <= luck < 0.11 else dice.choice((tenant.country,) * 9 + ("US",)),
        on_premises=True if 0.11 <= luck < 0.4 else None,
        department=None if guest else dice.choice(names.DEPARTMENTS),
        job_title=None if guest else dice.choice(names.TITLES),
    )
    tenant.add_user(user)
    return user


def _license(user: User, dice: random.Random, suites: list[tuple[str, int]], extras: list[str]) -> None:
    """Give a user a main suite and some extras; a few have plans switched off."""
    if user.location is None or not suites or dice.random() < 0.12:
        return
    part = dice.choices([name for name, _ in suites], [weight for _, weight in suites])[0]
    off: frozenset[str] = frozenset()
    luck = dice.random()
    if luck < 0.15:
        off = (
            frozenset({catalog.plan_id("SWAY")})
            if luck < 0.08
            else frozenset({catalog.plan_id("TEAMS1"), catalog.plan_id("SWAY")})
        )
    user.direct[catalog.sku_id(part)] = (off & _ids(part), BORN)
    for extra in extras:
        # Its SharePoint plan and that of the kiosk suite may not be on together.
        if dice.random() < 0.12 and (part, extra) != ("DESKLESSPACK", "PROJECTPROFESSIONAL"):
            user.direct[catalog.sku_id(extra)] = (frozenset(), BORN)


def _ids(part: str) -> frozenset[str]:
    return frozenset(plan.plan_id for plan in catalog.plans(part))
