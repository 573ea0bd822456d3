"""Prints objects in Graph's shapes; `$select` names are taken in any letter case."""

from collections.abc import Callable, Iterator

from licensing_portal.sandbox.http import Json, bad_request
from licensing_portal.sandbox.model import DIRECT, Group, Plan, Sku, Tenant, User, iso

DEFAULT_USER = (
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
)
_SIMPLE = {
    "id": "user_id",
    "displayName": "name",
    "userPrincipalName": "upn",
    "givenName": "given_name",
    "surname": "surname",
    "mail": "mail",
    "accountEnabled": "enabled",
    "userType": "user_type",
    "usageLocation": "location",
    "onPremisesSyncEnabled": "on_premises",
    "department": "department",
    "jobTitle": "job_title",
}
# Properties of a Graph user that the sandbox does not keep: null, or an empty list.
_EMPTY_LISTS = ("businessPhones", "otherMails", "imAddresses", "identities")
_NULLS = (
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "city",
    "country",
    "companyName",
    "employeeId",
    "employeeType",
    "faxNumber",
    "postalCode",
    "state",
    "streetAddress",
    "onPremisesImmutableId",
    "onPremisesSamAccountName",
    "onPremisesLastSyncDateTime",
    "ageGroup",
    "creationType",
    "externalUserState",
    "showInAddressList",
    "isResourceAccount",
    "signInActivity",
    "passwordPolicies",
    "deletedDateTime",
    "employeeHireDate",
    "securityIdentifier",
)


def selected(text: str | None) -> tuple[str, ...]:
    """Return the user properties that a `$select` names."""
    return chosen(text, _KNOWN, "user") or DEFAULT_USER


def chosen(text: str | None, known: dict[str, str], kind: str) -> tuple[str, ...]:
    """Return the properties that a `$select` names, of those known by their names in lower case; `*` is all."""
    if not text:
        return ()
    names: list[str] = []
    for name in text.split(","):
        word = name.strip()
        if word == "*":
            names += known.values()
        elif word.casefold() in known:
            names.append(known[word.casefold()])
        else:
            raise bad_request(
                f"Could not find a property named '{word}' on type 'microsoft.graph.{kind}'.", "BadRequest"
            )
    return tuple(dict.fromkeys(names))


def only(data: dict[str, Json], text: str | None, kind: str) -> dict[str, Json]:
    """Return the properties of an object that a `$select` names; all of them without one."""
    names = chosen(text, {name.casefold(): name for name in data}, kind)
    return {name: data[name] for name in names} if names else data


def user_json(tenant: Tenant, user: User, names: tuple[str, ...]) -> dict[str, Json]:
    """Return a user with these properties."""
    data: dict[str, Json] = {}
    for name in names:
        if name in _SIMPLE:
            data[name] = getattr(user, _SIMPLE[name])
        elif name in _COMPUTED:
            data[name] = _COMPUTED[name](tenant, user)
        else:
            data[name] = [] if name in _EMPTY_LISTS else None
    return data


def _licenses(tenant: Tenant, user: User) -> Json:
    return [{"disabledPlans": sorted(disabled), "skuId": sku_id} for sku_id, disabled in tenant.held_skus(user).items()]


def _states(tenant: Tenant, user: User) -> list[Json]:
    """Return one entry per path."""
    states = [
        _state(sku_id, disabled, None, user.errors.get((sku_id, DIRECT)), since)
        for sku_id, (disabled, since) in user.direct.items()
    ]
    for group_id in user.groups:
        for sku_id, disabled in tenant.groups[group_id].licenses.items():
            error = user.errors.get((sku_id, group_id))
            since = tenant.path_times.get((user.user_id, sku_id, group_id), tenant.born)
            states.append(_state(sku_id, disabled, group_id, error, since))
    return states


def _state(
    sku_id: str, disabled: frozenset[str], group_id: str | None, error: str | None, since: float
) -> dict[str, Json]:
    return {
        "skuId": sku_id,
        "disabledPlans": sorted(disabled),
        "assignedByGroup": group_id,
        "state": "Error" if error else "Active",
        "error": error or "None",
        "lastUpdatedDateTime": iso(since),
    }


def _on(tenant: Tenant, user: User) -> Iterator[tuple[Sku, Plan]]:
    """Yield the plans that are on for a user, each with its product."""
    for sku_id, disabled in tenant.held_skus(user).items():
        if (sku := tenant.skus.get(sku_id)) is not None:
            yield from ((sku, plan) for plan in sku.plans if plan.plan_id not in disabled)


def _plans(tenant: Tenant, user: User) -> Json:
    """Return assignedPlans: what a lapsed product still gives says Suspended or Warning."""
    return [
        {
            "assignedDateTime": iso(user.direct[sku.sku_id][1] if sku.sku_id in user.direct else tenant.born),
            "capabilityStatus": sku.capability_status,
            "service": service_of(plan.name),
            "servicePlanId": plan.plan_id,
        }
        for sku, plan in _on(tenant, user)
    ]


def _provisioned(tenant: Tenant, user: User) -> Json:
    """Return provisionedPlans, one entry per service."""
    services = {service_of(plan.name): sku.capability_status for sku, plan in _on(tenant, user)}
    return [
        {"capabilityStatus": status, "provisioningStatus": "Success", "service": service}
        for service, status in services.items()
    ]


_SERVICES = {
    "EXCHANGE": "exchange",
    "SHAREPOINT": "SharePoint",
    "ONEDRIVE": "SharePoint",
    "MCO": "MicrosoftCommunicationsOnline",
    "TEAMS": "TeamspaceAPI",
}


def service_of(plan_name: str) -> str:
    """Return the service that assignedPlans names for a plan; only the one of Exchange is documented."""
    folded = plan_name.upper()
    return next((service for start, service in _SERVICES.items() if folded.startswith(start)), plan_name)


def proxy_addresses(user: User) -> list[str]:
    """Return all of a user's addresses; the one for mail begins with SMTP in capitals."""
    return [*([f"SMTP:{user.mail}"] if user.mail else ()), *user.other_addresses]


_COMPUTED: dict[str, Callable[[Tenant, User], Json]] = {
    "assignedLicenses": _licenses,
    "licenseAssignmentStates": _states,
    "assignedPlans": _plans,
    "provisionedPlans": _provisioned,
    "mailNickname": lambda tenant, user: user.upn.partition("@")[0],
    "proxyAddresses": lambda tenant, user: proxy_addresses(user),
    "createdDateTime": lambda tenant, user: iso(user.created or tenant.born),
}
_KNOWN = {name.casefold(): name for name in (*_SIMPLE, *_EMPTY_LISTS, *_NULLS, *_COMPUTED)}


def sku_json(tenant: Tenant, sku: Sku, *, consumed: int) -> dict[str, Json]:
    """Return a subscribed SKU."""
    return {
        "accountName": tenant.domain.partition(".")[0],
        "accountId": tenant.tenant_id,
        "appliesTo": sku.applies_to,
        "capabilityStatus": sku.capability_status,
        "consumedUnits": consumed,
        "id": f"{tenant.tenant_id}_{sku.sku_id}",
        "skuId": sku.sku_id,
        "skuPartNumber": sku.part_number,
        "subscriptionIds": [sku.subscription_id],
        "prepaidUnits": {
            "enabled": sku.enabled,
            "suspended": sku.suspended,
            "warning": sku.warning,
            "lockedOut": sku.locked_out,
        },
        "servicePlans": [
            {
                "servicePlanId": plan.plan_id,
                "servicePlanName": plan.name,
                "provisioningStatus": plan.status,
                "appliesTo": plan.applies_to,
            }
            for plan in sku.plans
        ],
    }


def license_detail(tenant: Tenant, user: User, sku_id: str, disabled: frozenset[str]) -> dict[str, Json]:
    """Return one entry of a user's licenseDetails."""
    sku = tenant.skus[sku_id]
    return {
        "id": f"{tenant.tenant_id[:8]}-{sku_id}",
        "skuId": sku_id,
        "skuPartNumber": sku.part_number,
        "servicePlans": [
            {
                "servicePlanId": plan.plan_id,
                "servicePlanName": plan.name,
                "provisioningStatus": "Disabled"
                if plan.plan_id in disabled
                else user.provisioning.get(plan.plan_id, plan.status),
                "appliesTo": plan.applies_to,
            }
            for plan in sku.plans
        ],
    }


_GROUP_DEFAULT = ("id", "displayName", "description", "mailEnabled", "mailNickname", "securityEnabled", "groupTypes")


def group_json(group: Group, select: str | None, *, failing: bool = False) -> dict[str, Json]:
    """Return a group; licence properties come only with `$select`, as in Graph."""
    data: dict[str, Json] = {
        "id": group.group_id,
        "displayName": group.name,
        "description": None,
        "mailEnabled": False,
        "mailNickname": group.group_id[:8],
        "securityEnabled": True,
        "groupTypes": [],
        "mail": None,
        "visibility": None,
        "createdDateTime": None,
        "membershipRule": None,
        "onPremisesSyncEnabled": None,
        "assignedLicenses": [
            {"disabledPlans": sorted(disabled), "skuId": sku_id} for sku_id, disabled in group.shown_licenses.items()
        ],
        "licenseProcessingState": {"state": "ProcessingComplete" if group.wanted is None else "QueuedForProcessing"},
        "hasMembersWithLicenseErrors": failing,
    }
    return only(data, select or ",".join(_GROUP_DEFAULT), "group")
