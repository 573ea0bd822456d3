"""Roles of partner staff and what each may do: the one place that answers "may this person do that?".

Source of the table: the permission matrix in section 2.2 of the security specification.
"""

from collections.abc import Iterable
from enum import StrEnum


class Role(StrEnum):
    """The five roles of a Microsoft CSP partner's staff, in the words of the app registration."""

    GLOBAL_ADMIN = "GlobalAdmin"
    ADMIN_AGENT = "AdminAgent"
    HELPDESK_AGENT = "HelpdeskAgent"
    SALES_AGENT = "SalesAgent"
    USER_ADMIN = "UserAdmin"


class Right(StrEnum):
    """One act that a role may or may not do; which customers it reaches is the scope's answer."""

    CUSTOMER_VIEW = "customer.view"
    LICENSE_VIEW = "license.view"
    LICENSE_PLAN = "license.plan"
    LICENSE_ASSIGN = "license.assign"
    LICENSE_REVOKE = "license.revoke"
    PRODUCT_BUY = "product.buy_link"
    AUDIT_VIEW_ALL = "audit.view"
    STAFF_SCOPE = "staff.scope"
    SETTINGS_CHANGE = "settings.change"


_EVERYBODY = frozenset(
    {Right.CUSTOMER_VIEW, Right.LICENSE_VIEW, Right.LICENSE_PLAN, Right.LICENSE_ASSIGN, Right.LICENSE_REVOKE}
)
RIGHTS: dict[Role, frozenset[Right]] = {
    Role.GLOBAL_ADMIN: frozenset(Right),
    Role.ADMIN_AGENT: _EVERYBODY | {Right.PRODUCT_BUY, Right.AUDIT_VIEW_ALL},
    Role.HELPDESK_AGENT: _EVERYBODY,
    Role.SALES_AGENT: _EVERYBODY | {Right.PRODUCT_BUY},
    Role.USER_ADMIN: _EVERYBODY,
}

# Roles that see every customer unless their grants say otherwise.
SEE_ALL_CUSTOMERS = frozenset({Role.GLOBAL_ADMIN, Role.ADMIN_AGENT})


def parse_roles(values: Iterable[str]) -> frozenset[Role]:
    """Return the known roles among the given words; unknown words grant nothing."""
    known = {role.value: role for role in Role}
    return frozenset(known[value] for value in values if value in known)


def rights_of(roles: Iterable[Role]) -> frozenset[Right]:
    """Return the union of what the roles may do."""
    return frozenset().union(*(RIGHTS[role] for role in roles))


def roles_with(right: Right) -> tuple[Role, ...]:
    """Return the roles that hold a right, for the sentence that says whom to ask."""
    return tuple(role for role in Role if right in RIGHTS[role])
