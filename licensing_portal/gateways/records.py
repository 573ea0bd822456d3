"""Turns Graph's JSON into values of ours. Unknown properties are passed over; a wrong type raises Unreadable.

Property names and meanings: graph-api.md, sections 2.1 to 2.9. GUIDs come in any letter case and leave in lower case.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from licensing_portal.gateways.answers import Json, one_line
from licensing_portal.gateways.errors import Unreadable
from licensing_portal.gateways.protocol import (
    AssignmentPath,
    CustomerRecord,
    GroupRecord,
    LicenseDetail,
    OrganizationRecord,
    PlanRecord,
    SkuRecord,
    SubscriptionRecord,
    UserRecord,
)

logger = logging.getLogger(__name__)

DIRECT = "direct"
_NOT_AS_DOCUMENTED = (AttributeError, TypeError, ValueError, OverflowError)
USER_PROPERTIES = (
    "id,displayName,userPrincipalName,mail,accountEnabled,userType,usageLocation,onPremisesSyncEnabled,"
    "department,jobTitle,assignedLicenses,licenseAssignmentStates"
)
# Words on which rules of ours depend, by their folded spelling.
_WORDS = {
    word.casefold(): word
    for word in (
        *("Member", "Guest", "User", "Company"),
        *("Enabled", "Warning", "Suspended", "Deleted", "LockedOut"),
        *("Active", "ActiveWithError", "Disabled", "Error"),
        *("Success", "PendingInput", "PendingActivation", "PendingProvisioning"),
        *("CountViolation", "MutuallyExclusiveViolation", "DependencyViolation"),
        *("ProhibitedInUsageLocationViolation", "UniquenessViolation", "Other", "Others"),
    )
}
_STATES = {
    word.casefold(): word
    for word in (
        *("created", "approvalPending", "approved", "activating", "active"),
        *("expiring", "expired", "terminationRequested", "terminating", "terminated"),
    )
}


def user(data: Json) -> UserRecord:
    """Read a user with its licence paths."""
    name = _text(data, "userPrincipalName", 320)
    return UserRecord(
        object_id=_guid(data, "id"),
        user_principal_name=name,
        display_name=_text(data, "displayName") or name,
        mail=_text(data, "mail", 320),
        usage_location=_text(data, "usageLocation").upper() or None,
        # Absent without a right to see it: then the user is not known to be blocked.
        enabled=_flag(data, "accountEnabled", default=True),
        user_type=_word(data, "userType", "Member"),
        on_premises=_flag(data, "onPremisesSyncEnabled", default=False),
        department=_text(data, "department", 128),
        job_title=_text(data, "jobTitle", 128),
        paths=_paths(data),
    )


def _paths(data: Json) -> tuple[AssignmentPath, ...]:
    """Read one path per entry of licenseAssignmentStates; an assigned SKU without one is taken as direct."""
    paths = [_path(entry) for entry in _list(data, "licenseAssignmentStates")]
    known = {path.sku_id for path in paths}
    for entry in _list(data, "assignedLicenses"):
        sku_id = _guid(entry, "skuId")
        if sku_id not in known:
            paths.append(AssignmentPath(sku_id=sku_id, via=DIRECT, disabled=_guids(entry, "disabledPlans")))
    return tuple(paths)


def _path(entry: Json) -> AssignmentPath:
    error = _text(entry, "error", 64)
    return AssignmentPath(
        sku_id=_guid(entry, "skuId"),
        via=_guid(entry, "assignedByGroup") if _text(entry, "assignedByGroup") else DIRECT,
        disabled=_guids(entry, "disabledPlans"),
        state=_word(entry, "state", "Active"),
        error=None if error.casefold() in {"", "none"} else _WORDS.get(error.casefold(), error),
        updated_at=_when(entry, "lastUpdatedDateTime"),
    )


def sku(data: Json) -> SkuRecord:
    """Read a subscribed SKU."""
    units = data.get("prepaidUnits") or {}
    return SkuRecord(
        sku_id=_guid(data, "skuId"),
        part_number=_text(data, "skuPartNumber", 128),
        applies_to=_word(data, "appliesTo", "User"),
        capability_status=_word(data, "capabilityStatus", "Enabled"),
        enabled=_number(units, "enabled"),
        warning=_number(units, "warning"),
        suspended=_number(units, "suspended"),
        locked_out=_number(units, "lockedOut"),
        consumed=_number(data, "consumedUnits"),
        subscription_ids=tuple(_as_guid(entry) for entry in _list(data, "subscriptionIds")),
        plans=tuple(_plan(entry) for entry in _list(data, "servicePlans")),
    )


def _plan(entry: Json) -> PlanRecord:
    return PlanRecord(
        plan_id=_guid(entry, "servicePlanId"),
        name=_text(entry, "servicePlanName", 128),
        applies_to=_word(entry, "appliesTo", "User"),
        provisioning_status=_word(entry, "provisioningStatus", "Success"),
    )


def license_detail(data: Json) -> LicenseDetail:
    """Read an entry of a user's licenseDetails."""
    return LicenseDetail(
        sku_id=_guid(data, "skuId"), plans=tuple(_plan(entry) for entry in _list(data, "servicePlans"))
    )


def subscription(data: Json) -> SubscriptionRecord:
    """Read a subscription of /directory/subscriptions."""
    return SubscriptionRecord(
        subscription_id=_guid(data, "id"),
        commerce_subscription_id=_text(data, "commerceSubscriptionId", 64).lower(),
        sku_id=_guid(data, "skuId"),
        status=_word(data, "status", ""),
        total_licenses=_number(data, "totalLicenses"),
        is_trial=_flag(data, "isTrial", default=False),
        next_lifecycle_at=_when(data, "nextLifecycleDateTime"),
        owner_tenant_id=_text(data, "ownerTenantId", 36).lower(),
        created_at=_when(data, "createdDateTime"),
    )


def group(data: Json) -> GroupRecord:
    """Read a group with the SKUs that it hands out."""
    return GroupRecord(
        object_id=_guid(data, "id"),
        display_name=_text(data, "displayName"),
        sku_ids=tuple(_guid(entry, "skuId") for entry in _list(data, "assignedLicenses")),
    )


def organization(data: Json) -> OrganizationRecord:
    """Read the tenant's own facts."""
    domains = [entry for entry in _list(data, "verifiedDomains") if isinstance(entry, dict)]
    names = [_text(entry, "name") for entry in domains]
    default = next((_text(entry, "name") for entry in domains if entry.get("isDefault") is True), "")
    return OrganizationRecord(
        tenant_id=_guid(data, "id"),
        display_name=_text(data, "displayName"),
        country=_text(data, "countryLetterCode").upper()[:2],
        domains=tuple(name for name in names if name),
        default_domain=default or next(iter(names), ""),
    )


def contract(data: Json) -> CustomerRecord:
    """Read a contract of the partner; its names are copies of the day it was made."""
    return CustomerRecord(
        tenant_id=_guid(data, "customerId"),
        name=_text(data, "displayName"),
        default_domain=_text(data, "defaultDomainName"),
    )


def delegated_customer(data: Json) -> CustomerRecord:
    """Read a customer with delegated admin privileges."""
    return CustomerRecord(tenant_id=_guid(data, "tenantId"), name=_text(data, "displayName"))


def relationship(data: Json) -> CustomerRecord:
    """Read a delegated admin relationship: whose (nobody's yet: an empty id), in which state, until when."""
    customer = data.get("customer") or {}
    status = _text(data, "status", 40)
    return CustomerRecord(
        tenant_id=_text(customer, "tenantId", 36).lower(),
        name=_text(customer, "displayName"),
        relationship_status=_STATES.get(status.casefold(), status),
        relationship_ends_at=_when(data, "endDateTime"),
    )


def read_all[Record](values: Iterable[Json], read: Callable[[Json], Record], operation: str) -> tuple[Record, ...]:
    """Read each value; anything that is not as documented raises Unreadable."""
    try:
        return tuple(read(value) for value in values)
    except _NOT_AS_DOCUMENTED as error:
        raise Unreadable(operation, message=f"an entry is not as documented ({type(error).__name__})") from None


def read_users(values: Iterable[Json], operation: str) -> tuple[dict[str, UserRecord], frozenset[str]]:
    """Read users by id, and return the ids of those whose entry is not as documented: one must not hide the others.

    Raises Unreadable when an entry does not even tell whose it is.
    """
    found: dict[str, UserRecord] = {}
    odd: set[str] = set()
    for value in values:
        (user_id,) = read_all([value], lambda entry: _guid(entry, "id"), operation)
        try:
            found[user_id] = user(value)
        except _NOT_AS_DOCUMENTED as error:
            logger.warning("%s: user %s is not as documented (%s)", operation, user_id, type(error).__name__)
            odd.add(user_id)
    return found, frozenset(odd)


def _text(data: Json, key: str, longest: int = 256) -> str:
    """Read text, cut where Graph's documented lengths end; null and a missing property are empty."""
    value = data.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(key)
    return one_line(value[:longest]).strip()


def _word(data: Json, key: str, usual: str) -> str:
    """Read one of Graph's own words in its documented spelling; an unknown word stays as it is."""
    value = _text(data, key)
    return _WORDS.get(value.casefold(), value[:16]) or usual


def _guid(data: Json, key: str) -> str:
    return _as_guid(_text(data, key))


def _as_guid(value: Json) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 36:
        raise ValueError("id")
    return value.lower()


def _guids(data: Json, key: str) -> frozenset[str]:
    return frozenset(_as_guid(value) for value in _list(data, key))


def _list(data: Json, key: str) -> list[Json]:
    value = data.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError(key)
    return value


def _flag(data: Json, key: str, *, default: bool) -> bool:
    value = data.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise TypeError(key)
    return value


def _number(data: Json, key: str) -> int:
    value = data.get(key)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(key)
    return int(value)


def _when(data: Json, key: str) -> datetime | None:
    """Read a time; Graph means UTC where it names no zone."""
    value = _text(data, key)
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
        # The ends of the calendar stand for "never", and no other time zone can show them.
        return moment.replace(tzinfo=moment.tzinfo or UTC) if 1900 < moment.year < 9999 else None
    except ValueError:
        return None
