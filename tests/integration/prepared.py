"""People for whom Teams does not work, each for another reason, made at the stand-in for Microsoft."""

from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.catalog import plan_id, sku_id
from licensing_portal.sandbox.model import DIRECT, Group, Tenant, User
from licensing_portal.sandbox.story import EVERYBODY, user_id

E3, E1, F3, BASIC = (sku_id(part) for part in ("SPE_E3", "STANDARDPACK", "DESKLESSPACK", "O365_BUSINESS_ESSENTIALS"))
TEAMS = plan_id("TEAMS1")
WITHOUT_TEAMS = "0f0f0f0f-0000-4000-8000-00000000000a"
CHANGED = user_id("joiner", 8)


def tenant_of(sandbox: Sandbox) -> Tenant:
    """Return the story's tenant."""
    tenant = sandbox.tenant(sandbox.story_tenant_id)
    assert tenant is not None
    return tenant


def give(tenant: Tenant, user: User, sku: str, *off: str, error: str = "") -> None:
    """Assign a product directly, without any of Microsoft's checks."""
    held = frozenset(tenant.held_skus(user))
    tenant.before_change(user.user_id)
    user.direct[sku] = (frozenset(off), tenant.now() - 90_000)
    if error:
        user.errors[sku, DIRECT] = error
    tenant.after_change(user.user_id, held)


def join(tenant: Tenant, user: User, group: str, **errors: str) -> None:
    """Put a user into a group; `errors` are those of its paths by part number."""
    held = frozenset(tenant.held_skus(user))
    tenant.before_change(user.user_id)
    user.groups = (*user.groups, group)
    tenant.groups[group].members.add(user.user_id)
    user.errors |= {(sku_id(part), group): error for part, error in errors.items()}
    tenant.after_change(user.user_id, held)


def prepare(sandbox: Sandbox) -> dict[str, str]:
    """Make them; return who has which reason: reason → object id."""
    tenant = tenant_of(sandbox)
    joiners = [tenant.users[user_id("joiner", number)] for number in range(2, 13)]
    tenant.groups[WITHOUT_TEAMS] = Group(WITHOUT_TEAMS, "派遣社員", {E3: frozenset({TEAMS})})
    by_group, no_seat, clash, other, dependency = joiners[:5]
    join(tenant, by_group, WITHOUT_TEAMS)
    join(tenant, no_seat, EVERYBODY, SPE_E3="CountViolation")
    give(tenant, clash, E1)
    tenant.users[clash.user_id].direct[E1] = (frozenset({TEAMS}), tenant.now())
    join(tenant, clash, EVERYBODY, SPE_E3="MutuallyExclusiveViolation")
    join(tenant, other, EVERYBODY, SPE_E3="Other")
    give(tenant, dependency, E3, error="DependencyViolation")
    tenant.skus[F3].capability_status = "Suspended"
    tenant.skus[BASIC].capability_status = "Warning"
    blocked = tenant.users[user_id("blocked", 1)]
    give(tenant, blocked, E3)
    give(tenant, tenant.users[CHANGED], E3)
    return {
        "blocked": blocked.user_id,
        "guest": user_id("guest", 1),
        "no location": user_id("joiner", 1),
        "no product": user_id("joiner", 12),
        "suite without Teams": user_id("no-teams", 1),
        "off directly": user_id("sales", 4),
        "off by group": by_group.user_id,
        "no seat": no_seat.user_id,
        "clash": clash.user_id,
        "other license of the group": other.user_id,
        "dependency": dependency.user_id,
        "suspended": user_id("kiosk", 1),
        "grace": user_id("basic", 1),
        "pending": user_id("executive", 5),
        "changed": CHANGED,
        "deleted": user_id("joiner", 11),
        "in order": user_id("executive", 1),
    }
