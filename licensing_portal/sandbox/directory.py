"""Products, subscriptions, the organization, and the lists of customers in the partner's own tenant."""

from licensing_portal.sandbox.http import Json, Problem, Reply, Request, not_found
from licensing_portal.sandbox.model import Sku, Tenant, iso
from licensing_portal.sandbox.paging import page_of
from licensing_portal.sandbox.render import only, sku_json

YEAR = 365 * 86_400


def subscribed_skus(tenant: Tenant, request: Request) -> Reply:
    """Answer GET /subscribedSkus; the consumed units lag behind, `$select` is the only option."""
    value = [_sku(tenant, sku, request) for sku in tenant.skus.values()]
    return Reply(200, {"@odata.context": f"{request.root}/$metadata#subscribedSkus", "value": value})


def subscribed_sku(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer GET /subscribedSkus/{tenant}_{sku}."""
    sku = tenant.skus.get(key.casefold().rpartition("_")[2])
    if sku is None:
        raise not_found(key)
    context = f"{request.root}/$metadata#subscribedSkus/$entity"
    return Reply(200, {"@odata.context": context, **_sku(tenant, sku, request)})


def _sku(tenant: Tenant, sku: Sku, request: Request) -> dict[str, Json]:
    data = sku_json(tenant, sku, consumed=tenant.shown_consumed(sku))
    return only(data, request.query.get("$select"), "subscribedSku")


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
