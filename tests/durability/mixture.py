"""A customer with users of every kind, and one wish that means something else for each of them."""

from collections.abc import Sequence

from licenses.core.diff import Choice, Wish
from licensing_portal.sandbox import SandboxOptions
from licensing_portal.sandbox import catalog as products
from licensing_portal.sandbox.model import Group, User
from licensing_portal.sandbox.seed import BORN, count_units
from tests.durability.points import StruckSandbox

HELD, WANTED, GIVEN, CLASHING = "STANDARDPACK", "SPE_E3", "FLOW_FREE", "EXCHANGESTANDARD"
OFF, ALSO_OFF = "SWAY", "TEAMS1"
WISH = Wish(
    products={
        products.sku_id(WANTED): Choice.ALL,
        products.sku_id(HELD): Choice.NONE,
        products.sku_id(GIVEN): Choice.NONE,
    },
    plans={(products.sku_id(WANTED), products.plan_id(OFF)): Choice.NONE},
    location="JP",
)
# In the order in which they are saved: kind and number.
KINDS = (
    ("swap", 4),
    ("nowhere", 3),
    ("add", 3),
    ("clash", 2),
    ("plan", 3),
    ("remove", 3),
    ("group keeps", 2),
    ("nothing to do", 1),
    ("late swap", 5),
)
OUTSIDERS = 6
# So many seats are gone when the change begins: two users of the last kind find none.
_LACKING = 2


def people(sandbox: StruckSandbox) -> list[str]:
    """Return the users of the change, in order."""
    return sandbox.own_tenant.order[: sum(number for _, number in KINDS)]


def of_kind(sandbox: StruckSandbox, kind: str) -> list[str]:
    """Return the users of one kind."""
    start = 0
    for name, number in KINDS:
        if name == kind:
            return people(sandbox)[start : start + number]
        start += number
    raise LookupError(kind)


def outsiders(sandbox: StruckSandbox) -> Sequence[str]:
    """Return users whom the change does not concern."""
    return sandbox.own_tenant.order[len(people(sandbox)) :]


def new_sandbox() -> StruckSandbox:
    """Return the customer with these users."""
    number = sum(number for _, number in KINDS) + OUTSIDERS
    sandbox = StruckSandbox(
        SandboxOptions(customers=1, users=number, writes_per_second=0, consumed_lag_seconds=0, index_lag_seconds=0)
    )
    tenant = sandbox.own_tenant
    tenant.groups.clear()
    tenant.skus.clear()
    parts = (HELD, WANTED, GIVEN, CLASHING)
    tenant.skus.update({products.sku_id(part): products.sku(part, f"subscription-{part}") for part in parts})
    group = Group("11111111-0000-0000-0000-000000000001", "Everybody", {products.sku_id(GIVEN): frozenset()})
    tenant.groups[group.group_id] = group
    for user in tenant.users.values():
        user.groups, user.errors, user.direct = (), {}, {}
        user.user_type, user.enabled, user.on_premises, user.location = "Member", True, None, "JP"
    for kind, _ in KINDS:
        for object_id in of_kind(sandbox, kind):
            _give(tenant.users[object_id], kind, group)
    count_units(tenant)
    for sku in tenant.skus.values():
        sku.enabled = number
    return sandbox


def _give(user: User, kind: str, group: Group) -> None:
    """Give a user what users of a kind have."""
    wanted, held = products.sku_id(WANTED), products.sku_id(HELD)
    if kind in ("swap", "late swap", "nowhere", "remove", "group keeps"):
        user.direct[held] = (frozenset(), BORN)
    if kind in ("remove", "nothing to do"):
        user.direct[wanted] = (frozenset({products.plan_id(OFF)}), BORN)
    if kind == "plan":
        user.direct[wanted] = (frozenset(), BORN)
    if kind == "clash":
        user.direct[products.sku_id(CLASHING)] = (frozenset(), BORN)
    if kind in ("group keeps", "nothing to do"):
        user.groups = (group.group_id,)
        group.members.add(user.user_id)
    if kind == "nowhere":
        user.location = None


def with_lacking_seats() -> StruckSandbox:
    """Return the customer with fewer seats than the change needs, as if somebody had taken them since it was saved."""
    sandbox = new_sandbox()
    sku = sandbox.own_tenant.skus[products.sku_id(WANTED)]
    needed = sum(number for kind, number in KINDS if kind in ("swap", "nowhere", "add", "group keeps", "late swap"))
    sku.enabled = sku.consumed + needed - _LACKING
    return sandbox
