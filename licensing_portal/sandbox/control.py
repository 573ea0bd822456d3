"""The control room below /_control: faults, the log, and changes behind the portal's back (design, section 8)."""

import re
import uuid
from typing import TYPE_CHECKING, Any

from licensing_portal.sandbox.edits import add_user, change_user
from licensing_portal.sandbox.http import Json, Problem, Reply, Request
from licensing_portal.sandbox.licensing import Wanted, parse
from licensing_portal.sandbox.model import Sku, Tenant, User
from licensing_portal.sandbox.render import selected, sku_json, user_json

if TYPE_CHECKING:
    from licensing_portal.sandbox.app import Sandbox

_EVERYTHING = selected(
    "id,displayName,userPrincipalName,givenName,surname,mail,accountEnabled,userType,usageLocation,"
    "onPremisesSyncEnabled,department,jobTitle,assignedLicenses,licenseAssignmentStates"
)
_OBJECT = re.compile(r"/_control/tenants/(?P<tenant>[^/]+)/(?P<kind>users|skus)(?:/(?P<key>[^/]+))?")
_RELATIONSHIP = re.compile(r"/_control/tenants/(?P<tenant>[^/]+)/relationship")


def answer(sandbox: "Sandbox", request: Request) -> Reply:
    """Answer a control request; mistakes get a 400 that says what is wrong."""
    try:
        return _route(sandbox, request)
    except Problem as problem:
        return Reply(problem.status, {"error": problem.message})
    except (ValueError, TypeError, AttributeError) as error:
        return Reply(400, {"error": str(error)})


def _route(sandbox: "Sandbox", request: Request) -> Reply:
    call = (request.method, request.path.rstrip("/"))
    if call == ("GET", "/_control/tenants"):
        return Reply(200, [_tenant(sandbox, tenant_id) for tenant_id in sandbox.tenants])
    if call == ("GET", "/_control/faults"):
        return Reply(200, sandbox.faults.show())
    if call == ("POST", "/_control/faults"):
        sandbox.faults.add(_body(request))
        return Reply(201, {})
    if call == ("DELETE", "/_control/faults"):
        sandbox.faults.clear()
        return Reply(204)
    if call == ("GET", "/_control/requests"):
        return Reply(200, sandbox.journal.show())
    if call == ("DELETE", "/_control/requests"):
        sandbox.journal.clear()
        return Reply(204)
    if call == ("POST", "/_control/reset"):
        sandbox.reset()
        return Reply(204)
    if match := _RELATIONSHIP.fullmatch(call[1]):
        return _set_relationship(sandbox, request, match["tenant"])
    if match := _OBJECT.fullmatch(call[1]):
        return _object(sandbox, request, match["tenant"], match["kind"], match["key"])
    raise Problem(404, "", "no such control")


def _tenant(sandbox: "Sandbox", tenant_id: str) -> Json:
    blueprint = sandbox.blueprints[tenant_id]
    built = next((tenant for tenant in sandbox.built if tenant.tenant_id == tenant_id), None)
    users = len(built.users) if built is not None else blueprint.users
    return {"tenant_id": tenant_id, "name": blueprint.name, "users": users, "token": sandbox.token_for(tenant_id)}


def _body(request: Request) -> dict[str, Any]:
    body = request.json()
    if not isinstance(body, dict):
        raise ValueError("a JSON object is wanted")
    return body


def _find(sandbox: "Sandbox", tenant_id: str) -> Tenant:
    tenant = sandbox.tenant(tenant_id)
    if tenant is None:
        raise Problem(404, "", "no such tenant")
    return tenant


def _set_relationship(sandbox: "Sandbox", request: Request, tenant_id: str) -> Reply:
    if request.method != "POST":
        raise Problem(405, "", "POST only")
    status = _body(request).get("status")
    if not isinstance(status, str):
        raise ValueError("status is wanted")
    _find(sandbox, tenant_id).relationship = status
    return Reply(204)


def _object(sandbox: "Sandbox", request: Request, tenant_id: str, kind: str, key: str | None) -> Reply:
    """Read or change a user or a SKU, in Graph's field names."""
    tenant = _find(sandbox, tenant_id)
    with tenant.lock:
        tenant.settle()
        reply = _users(tenant, request, key) if kind == "users" else _skus(tenant, request, key or "")
        if request.method != "GET":
            # What is changed from here is seen by every later read, its counts and lists too.
            tenant.forget_lags()
    if request.method != "GET":
        sandbox.save_now()
    return reply


def _users(tenant: Tenant, request: Request, key: str | None) -> Reply:
    if key is None:
        if request.method == "GET":
            return Reply(200, [user_json(tenant, user, _EVERYTHING) for user in tenant.users.values()])
        if request.method == "POST":
            return _new_user(tenant, _body(request))
        raise Problem(405, "", "GET or POST")
    user = tenant.find(key)
    if user is None:
        raise Problem(404, "", "no such user")
    if request.method == "DELETE":
        tenant.delete_user(user)
        return Reply(204)
    if request.method == "PATCH":
        _change(tenant, user, _body(request))
    elif request.method != "GET":
        raise Problem(405, "", "GET, PATCH or DELETE")
    return Reply(200, user_json(tenant, user, _EVERYTHING))


def _change(tenant: Tenant, user: User, body: dict[str, Any]) -> None:
    """Change a user's properties, direct assignments and provisioning, without any of Microsoft's checks.

    `provisioning` maps plan ids to statuses; Graph has no such property, it shows them in licenseDetails.
    """
    _provision(tenant, user, body.get("provisioning"))
    if "assignedLicenses" in body:
        wanted: Wanted = parse({"addLicenses": body["assignedLicenses"], "removeLicenses": []})
        held = frozenset(tenant.held_skus(user))
        tenant.before_change(user.user_id)
        # What stays as it is keeps the time since when it is so.
        user.direct = {
            sku_id: user.direct[sku_id]
            if sku_id in user.direct and user.direct[sku_id][0] == disabled
            else (disabled, tenant.now())
            for sku_id, disabled in wanted.add.items()
        }
        tenant.after_change(user.user_id, held)
    change_user(tenant, user, body)


def _provision(tenant: Tenant, user: User, statuses: Json) -> None:
    if statuses is None:
        return
    if not isinstance(statuses, dict) or not all(isinstance(word, str) for word in statuses.values()):
        raise ValueError("provisioning maps plan ids to words")
    user.provisioning = {plan_id.lower(): word for plan_id, word in statuses.items() if word}
    tenant.touched.add(user.user_id)


def _new_user(tenant: Tenant, body: dict[str, Any]) -> Reply:
    name = body.get("displayName") or "New User"
    user_id = str(body.get("id") or uuid.uuid4()).lower()
    upn = body.get("userPrincipalName") or f"user{len(tenant.order)}@{tenant.domain}"
    if user_id in tenant.users or upn.casefold() in tenant.by_upn:
        raise ValueError("there is such a user already")
    user = add_user(tenant, user_id, upn, name, mail=upn)
    _change(tenant, user, body)
    return Reply(201, user_json(tenant, user, _EVERYTHING))


def _skus(tenant: Tenant, request: Request, key: str) -> Reply:
    sku = tenant.skus.get(key.lower())
    if sku is None:
        raise Problem(404, "", "no such SKU")
    if request.method == "PATCH":
        _change_sku(tenant, sku, _body(request))
    elif request.method != "GET":
        raise Problem(405, "", "GET or PATCH")
    return Reply(200, sku_json(tenant, sku, consumed=sku.consumed))


def _change_sku(tenant: Tenant, sku: Sku, body: dict[str, Any]) -> None:
    names = {"enabled": "enabled", "warning": "warning", "suspended": "suspended", "lockedOut": "locked_out"}
    units = body.get("prepaidUnits", {})
    if not all(isinstance(value, int) and value >= 0 for value in units.values()):
        raise ValueError("prepaidUnits are whole numbers")
    for name, value in units.items():
        if name in names:
            setattr(sku, names[name], value)
    status = body.get("capabilityStatus", sku.capability_status)
    if not isinstance(status, str):
        raise ValueError("capabilityStatus is a word")
    sku.capability_status = status
    tenant.touched_skus.add(sku.sku_id)
