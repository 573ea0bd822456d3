"""Prints objects in Graph's shapes; `$select` names are taken in any letter case."""

from licensing_portal.sandbox.http import Json, bad_request
from licensing_portal.sandbox.model import Group, Sku, Tenant, User, iso

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
_EMPTY_LISTS = ("businessPhones", "otherMails", "proxyAddresses", "imAddresses", "provisionedPlans", "identities")
_NULLS = (
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "city",
    "country",
    "companyName",
    "createdDateTime",
    "employeeId",
    "employeeType",
    "faxNumber",
    "postalCode",
    "state",
    "streetAddress",
    "mailNickname",
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
_COMPUTED = ("assignedLicenses", "licenseAssignmentStates", "assignedPlans")
_KNOWN = {name.casefold(): name for name in (*_SIMPLE, *_EMPTY_LISTS, *_NULLS, *_COMPUTED)}


def selected(text: str | None) -> tuple[str, ...]:
    """Return the user properties that a `$select` names."""
    if not text:
        return DEFAULT_USER
    names: list[str] = []
    for name in text.split(","):
        known = _KNOWN.get(name.strip().casefold())
        if known is None:
            raise bad_request(
                f"Could not find a property named '{name.strip()}' on type 'microsoft.graph.user'.", "BadRequest"
            )
        names.append(known)
    return tuple(dict.fromkeys(names))


def user_json(tenant: Tenant, user: User, names: tuple[str, ...]) -> dict[str, Json]:
    """Return a user with these properties."""
    data: dict[str, Json] = {}
    for name in names:
        if name in _SIMPLE:
            data[name] = getattr(user, _SIMPLE[name])
        elif name == "assignedLicenses":
            data[name] = [
                {"disabledPlans": sorted(disabled), "skuId": sku_id}
                for sku_id, disabled in tenant.held_skus(user).items()
            ]
        elif name == "licenseAssignmentStates":
            data[name] = _states(tenant, user)
        elif name == "assignedPlans":
            data[name] = _plans(tenant, user)
        else:
            data[name] = [] if name in _EMPTY_LISTS else None
    return data


def _states(tenant: Tenant, user: User) -> list[Json]:
    """Return one entry per path."""
    states = [
        _state(sku_id, disabled, None, "Active", "None", since) for sku_id, (disabled, since) in user.direct.items()
    ]
    for group_id in user.groups:
        for sku_id, disabled in tenant.groups[group_id].licenses.items():
            error = user.errors.get((sku_id, group_id))
            state = "Error" if error else "Active"
            states.append(_state(sku_id, disabled, group_id, state, error or "None", tenant.born))
    return states


def _state(
    sku_id: str, disabled: frozenset[str], group_id: str | None, state: str, error: str, since: float
) -> dict[str, Json]:
    return {
        "skuId": sku_id,
        "disabledPlans": sorted(disabled),
        "assignedByGroup": group_id,
        "state": state,
        "error": error,
        "lastUpdatedDateTime": iso(since),
    }


def _plans(tenant: Tenant, user: User) -> list[Json]:
    return [
        {
            "assignedDateTime": iso(tenant.born),
            "capabilityStatus": "Enabled",
            "service": plan.name,
            "servicePlanId": plan.plan_id,
        }
        for sku_id, disabled in tenant.held_skus(user).items()
        if sku_id in tenant.skus
        for plan in tenant.skus[sku_id].plans
        if plan.plan_id not in disabled
    ]


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


def license_detail(tenant: Tenant, sku_id: str, disabled: frozenset[str]) -> dict[str, Json]:
    """Return one entry of licenseDetails."""
    sku = tenant.skus[sku_id]
    return {
        "id": f"{tenant.tenant_id[:8]}-{sku_id}",
        "skuId": sku_id,
        "skuPartNumber": sku.part_number,
        "servicePlans": [
            {
                "servicePlanId": plan.plan_id,
                "servicePlanName": plan.name,
                "provisioningStatus": "Disabled" if plan.plan_id in disabled else plan.status,
                "appliesTo": plan.applies_to,
            }
            for plan in sku.plans
        ],
    }


def group_json(group: Group, select: str | None) -> dict[str, Json]:
    """Return a group; licence properties come only with `$select`, as in Graph."""
    everything: dict[str, Json] = {
        "id": group.group_id,
        "displayName": group.name,
        "description": None,
        "mailEnabled": False,
        "securityEnabled": True,
        "groupTypes": [],
    }
    extra = {
        "assignedLicenses": [
            {"disabledPlans": sorted(disabled), "skuId": sku_id} for sku_id, disabled in group.licenses.items()
        ],
        "licenseProcessingState": {"state": "ProcessingComplete"} if group.licenses else None,
    }
    if not select:
        return everything
    known = {name.casefold(): (name, value) for name, value in {**everything, **extra}.items()}
    chosen = [known[name.strip().casefold()] for name in select.split(",") if name.strip().casefold() in known]
    return dict(chosen)
