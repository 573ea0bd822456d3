"""Asks Microsoft for users whom the portal does not know yet, and stores those whom it does."""

from collections.abc import Mapping, Sequence

from django.utils import timezone

from customers.models import Customer
from licenses.services.directory_rows import store_users
from licensing_portal.wiring import PAGE_LIMITS, directory_gateway

# No address of a directory is longer.
_LONGEST = 320


def look_up(customer: Customer, keys: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """Read the users of these folded addresses and object ids; return the keys that fit a user, by object id.

    Meant for a few hundred keys while somebody waits. Nobody is called deleted by it. Raises GatewayError.
    """
    gateway = directory_gateway(customer.tenant_id, limits=PAGE_LIMITS)
    asked = timezone.now()
    by_address = gateway.find_addresses([key for key in keys if "@" in key and len(key) <= _LONGEST])
    by_id = gateway.look_up([key for key in keys if "@" not in key])
    users = by_address.users | by_id.users
    store_users(customer, list(users.values()), read_at=asked, first=customer.synced_at is None)
    return {user_id: by_address.addresses.get(user_id, frozenset()) | {user_id} for user_id in users}
