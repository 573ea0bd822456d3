"""A tenant of the sandbox whose users all hold one product, so that every save of them is one clean call a user."""

from licensing_portal.sandbox import catalog as products
from licensing_portal.sandbox.model import Tenant
from licensing_portal.sandbox.seed import BORN, count_units

HELD, WANTED, OTHER = "STANDARDPACK", "SPE_E3", "FLOW_FREE"


def make_uniform(tenant: Tenant, *, seats: int | None = None, without_location: int = 0) -> None:
    """Let everybody hold one product and nothing else; of the wanted one there are `seats`, or enough for all.

    The last users are `without_location`.
    """
    users = len(tenant.users)
    tenant.groups.clear()
    tenant.skus.clear()
    owned = {HELD: users, WANTED: users if seats is None else seats, OTHER: users}
    tenant.skus.update({products.sku_id(part): products.sku(part, f"subscription-{part}") for part in owned})
    for number, user in enumerate(tenant.users.values()):
        user.groups, user.errors = (), {}
        user.user_type, user.enabled, user.on_premises = "Member", True, None
        user.location = None if number >= users - without_location else "JP"
        user.direct = {products.sku_id(HELD): (frozenset(), BORN)}
    count_units(tenant)
    for part, number in owned.items():
        tenant.skus[products.sku_id(part)].enabled = number
