"""Everything of the directory but users: SKUs, groups, subscriptions, the organization, the partner's customers."""

from licensing_portal.sandbox.http import Json, Problem, Reply, Request, bad_request, not_found
from licensing_portal.sandbox.model import Group, Sku, Tenant, iso
from licensing_portal.sandbox.odata import Filter
from licensing_portal.sandbox.render import group_json, selected, sku_json, user_json
from licensing_portal.sandbox.users import next_link, page_size, read_token

YEAR = 365 * 86_400


def page_of(request: Request, rows: list[Json], context: str, *, usual: int = 100, largest: int = 999) -> Reply:
    """Answer one page of a list."""
    size, start = page_size(request.query, largest, usual), read_token(request.query, request)
    page: dict[str, Json] = {"@odata.context": f"{request.root}/$metadata#{context}"}
    if len(rows) > start + size:
        page["@odata.nextLink"] = next_link(request, start + size)
    page["value"] = rows[start : start + size]
    return Reply(200, page)


def subscribed_skus(tenant: Tenant, request: Request) -> Reply:
    """Answer GET /subscribedSkus; the consumed units lag behind."""
    value = [sku_json(tenant, sku, consumed=tenant.shown_consumed(sku)) for sku in tenant.skus.values()]
    return Reply(200, {"@odata.context": f"{request.root}/$metadata#subscribedSkus", "value": value})


def subscribed_sku(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer GET /subscribedSkus/{tenant}_{sku}."""
    sku = tenant.skus.get(key.casefold().rpartition("_")[2])
    if sku is None:
        raise not_found(key)
    return Reply(200, sku_json(tenant, sku, consumed=tenant.shown_consumed(sku)))


def subscriptions(tenant: Tenant, request: Request, partner_id: str) -> Reply:
    """Answer GET /directory/subscriptions."""
    rows = [_subscription(tenant, sku, partner_id) for sku in tenant.skus.values()]
    return page_of(request, rows, "directory/subscriptions")


def _subscription(tenant: Tenant, sku: Sku, partner_id: str) -> Json:
    return {
        "id": sku.subscription_id,
        "commerceSubscriptionId": sku.subscription_id[::-1],
        "createdDateTime": iso(tenant.born - YEAR),
        "nextLifecycleDateTime": iso(tenant.born + YEAR),
        "isTrial": False,
        "skuId": sku.sku_id,
        "skuPartNumber": sku.part_number,
        "status": sku.capability_status,
        "totalLicenses": sku.enabled + sku.warning + sku.suspended,
        "ownerId": None,
        "ownerTenantId": partner_id,
        "ownerType": "User",
        "serviceStatus": [
            {
                "appliesTo": plan.applies_to,
                "provisioningStatus": plan.status,
                "servicePlanId": plan.plan_id,
                "servicePlanName": plan.name,
            }
            for plan in sku.plans
        ],
    }


def organization(tenant: Tenant, request: Request) -> Reply:
    """Answer GET /organization."""
    row = {
        "id": tenant.tenant_id,
        "displayName": tenant.name,
        "countryLetterCode": tenant.country,
        "verifiedDomains": [
            {"name": tenant.domain, "isDefault": True, "isInitial": False, "type": "Managed", "capabilities": "Email"},
            {
                "name": f"{tenant.domain.partition('.')[0]}.onmicrosoft.com",
                "isDefault": False,
                "isInitial": True,
                "type": "Managed",
                "capabilities": "Email",
            },
        ],
    }
    return Reply(200, {"@odata.context": f"{request.root}/$metadata#organization", "value": [row]})


def groups(tenant: Tenant, request: Request) -> Reply:
    """Answer GET /groups."""
    found = list(tenant.groups.values())
    if "$filter" in request.query:
        condition = Filter(request.query["$filter"], _group_field, frozenset({"id", "displayname"}))
        if condition.advanced and not (request.eventual and request.query.get("$count", "").casefold() == "true"):
            raise bad_request("Unsupported Query.", "Request_UnsupportedQuery")
        found = [group for group in found if condition.matches(group)]
    reply = page_of(request, [group_json(group, request.query.get("$select")) for group in found], "groups")
    if request.eventual and request.query.get("$count", "").casefold() == "true" and "$skiptoken" not in request.query:
        reply.data["@odata.count"] = len(found)
    return reply


def _group_field(group: Group, name: str) -> Json:
    return {"id": group.group_id, "displayname": group.name, "assignedlicenses": group.licenses}[name]


def group(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer GET /groups/{id}."""
    return Reply(200, group_json(_find_group(tenant, key), request.query.get("$select")))


def members(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer GET /groups/{id}/members, users only."""
    found = _find_group(tenant, key)
    names = selected(request.query.get("$select"))
    rows: list[Json] = [
        {"@odata.type": "#microsoft.graph.user", **user_json(tenant, tenant.users[user_id], names)}
        for user_id in sorted(found.members)
        if user_id in tenant.users
    ]
    return page_of(request, rows, "directoryObjects")


def _find_group(tenant: Tenant, key: str) -> Group:
    found = tenant.groups.get(key.casefold())
    if found is None:
        raise not_found(key)
    return found


def contracts(customers: list[Tenant], request: Request) -> Reply:
    """Answer GET /contracts in the partner's tenant."""
    rows: list[Json] = [
        {
            "id": customer.tenant_id[::-1],
            "contractType": "ResellerPartner",
            "customerId": customer.tenant_id,
            "defaultDomainName": customer.domain,
            "displayName": customer.name,
        }
        for customer in customers
    ]
    return page_of(request, rows, "contracts")


def delegated_customers(customers: list[Tenant], request: Request) -> Reply:
    """Answer GET /tenantRelationships/delegatedAdminCustomers."""
    rows: list[Json] = [
        {
            "@odata.etag": 'W/"1"',
            "id": customer.tenant_id,
            "tenantId": customer.tenant_id,
            "displayName": customer.name,
        }
        for customer in customers
    ]
    return page_of(request, rows, "tenantRelationships/delegatedAdminCustomers", largest=300)


def relationships(customers: list[Tenant], request: Request) -> Reply:
    """Answer GET /tenantRelationships/delegatedAdminRelationships, `$filter=status eq '…'` included."""
    wanted = request.query.get("$filter", "")
    status = wanted.partition("status eq ")[2].strip("'\" ") if wanted else ""
    if wanted and not status:
        raise Problem(400, "BadRequest", "Invalid filter clause.")
    rows: list[Json] = [
        _relationship(customer) for customer in customers if not status or customer.relationship == status
    ]
    return page_of(request, rows, "tenantRelationships/delegatedAdminRelationships", largest=300)


# License Administrator and Directory Readers (graph-api.md, section 8).
_ROLES = ("4d6ac14f-3453-41d0-bef9-a3e0c569773a", "88d8e3e3-8f55-4a1e-953a-9b9898b8876b")


def _relationship(customer: Tenant) -> Json:
    return {
        "id": f"{customer.tenant_id}-{customer.tenant_id[:8]}",
        "displayName": f"GDAP {customer.name}",
        "duration": "P730D",
        "autoExtendDuration": "P180D",
        "customer": {"tenantId": customer.tenant_id, "displayName": customer.name},
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": role} for role in _ROLES]},
        "status": customer.relationship,
        "createdDateTime": iso(customer.born - YEAR),
        "lastModifiedDateTime": iso(customer.born),
        "activatedDateTime": iso(customer.born - YEAR),
        "endDateTime": iso(customer.born + YEAR),
    }
