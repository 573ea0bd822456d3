"""Routes below /graph/v1.0: who may call, which function answers, and which calls are writes."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from licensing_portal.sandbox import audits, delta, directory, edits, groups, users
from licensing_portal.sandbox.http import Problem, Reply, Request
from licensing_portal.sandbox.model import Tenant

if TYPE_CHECKING:
    from licensing_portal.sandbox.app import Sandbox

type Route = Callable[[Tenant, Request], Reply]
type KeyRoute = Callable[[Tenant, Request, str], Reply]

WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})

_LISTS: dict[tuple[str, str], Route] = {
    ("GET", "users"): users.list_users,
    ("POST", "users"): edits.create_user,
    ("GET", "users/$count"): users.count_users,
    ("GET", "users/delta"): delta.users_delta,
    ("GET", "users/delta()"): delta.users_delta,
    ("GET", "users/microsoft.graph.delta()"): delta.users_delta,
    ("GET", "subscribedskus"): directory.subscribed_skus,
    ("GET", "groups"): groups.groups,
    ("GET", "organization"): directory.organization,
    ("GET", "directory/deleteditems/microsoft.graph.user"): edits.deleted_users,
    ("GET", "auditlogs/directoryaudits"): audits.directory_audits,
}
_KEYED: dict[tuple[str, str, str], KeyRoute] = {
    ("GET", "users", ""): users.get_user,
    ("PATCH", "users", ""): edits.patch_user,
    ("DELETE", "users", ""): edits.delete_user,
    ("POST", "users", "assignlicense"): edits.assign_license,
    ("POST", "users", "microsoft.graph.assignlicense"): edits.assign_license,
    ("POST", "users", "reprocesslicenseassignment"): edits.reprocess,
    ("POST", "users", "microsoft.graph.reprocesslicenseassignment"): edits.reprocess,
    ("GET", "users", "licensedetails"): users.license_details,
    ("GET", "users", "memberof"): groups.member_of,
    ("GET", "users", "transitivememberof"): groups.member_of,
    ("GET", "users", "manager"): users.no_manager,
    ("GET", "subscribedskus", ""): directory.subscribed_sku,
    ("GET", "groups", ""): groups.group,
    ("GET", "groups", "members"): groups.members,
    ("GET", "groups", "members/microsoft.graph.user"): groups.members,
    ("GET", "groups", "transitivemembers"): groups.members,
    ("GET", "groups", "transitivemembers/microsoft.graph.user"): groups.members,
    ("GET", "groups", "memberswithlicenseerrors"): groups.failing_members,
    ("POST", "groups", "assignlicense"): groups.assign_license,
    ("POST", "groups", "microsoft.graph.assignlicense"): groups.assign_license,
    ("GET", "deleteditems", ""): edits.deleted_user,
    ("DELETE", "deleteditems", ""): edits.purge_user,
    ("POST", "deleteditems", "restore"): edits.restore_user,
    ("POST", "deleteditems", "microsoft.graph.restore"): edits.restore_user,
    ("GET", "directoryaudits", ""): audits.directory_audit,
}
# Collections that lie below another word.
_BELOW = ("directory/deleteditems/", "auditlogs/directoryaudits/")


def answer(sandbox: "Sandbox", tenant: Tenant, request: Request) -> Reply:
    """Answer one Graph call of a tenant; the tenant's lock is held."""
    tenant.settle()
    if tenant.relationship not in ("active", "expiring"):
        raise Problem(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    path = request.path.strip("/")
    request.path = f"/{path}"
    folded = path.casefold()
    if folded == "directory/subscriptions" and request.method == "GET":
        return directory.subscriptions(tenant, request, sandbox.partner_tenant_id)
    is_partner = tenant.tenant_id == sandbox.partner_tenant_id and request.method == "GET"
    if is_partner and (reply := _partner(sandbox, folded, request)) is not None:
        return reply
    if route := _LISTS.get((request.method, folded)):
        return route(tenant, request)
    return _keyed(tenant, request, path)


def _partner(sandbox: "Sandbox", folded: str, request: Request) -> Reply | None:
    """Answer the lists of customers, which only the partner's own tenant has."""
    lists = {
        "contracts": directory.contracts,
        "tenantrelationships/delegatedadmincustomers": directory.delegated_customers,
        "tenantrelationships/delegatedadminrelationships": directory.relationships,
    }
    route = lists.get(folded)
    return route(sandbox.customers(), request) if route else None


def _keyed(tenant: Tenant, request: Request, path: str) -> Reply:
    """Answer a call about one object; a known address with another method is 405."""
    below = next((start for start in _BELOW if path.casefold().startswith(start)), None)
    collection, _, rest = (path.partition("/")[2] if below else path).partition("/")
    key, _, action = rest.partition("/")
    name = (collection.casefold(), action.casefold())
    if key and (route := _KEYED.get((request.method, *name))):
        return route(tenant, request, key)
    methods = {method for method, *known in _KEYED if key and tuple(known) == name}
    methods |= {method for method, known in _LISTS if known == path.casefold()}
    if methods:
        raise Problem(405, "Request_BadRequest", f"Specified HTTP method is not allowed for the request target: {path}")
    if collection.casefold() in ("users", "groups"):
        raise Problem(404, "Request_ResourceNotFound", f"Resource not found for the segment '{action or key}'.")
    raise Problem(400 if not path else 404, "BadRequest", f"Resource not found for the segment '{collection}'.")
