"""Writes to users: properties, licences, creation, deletion and what is in the bin."""

import uuid

from licensing_portal.sandbox import processing
from licensing_portal.sandbox.http import Json, Problem, Reply, Request, bad_request, not_found
from licensing_portal.sandbox.licensing import assign, check_seats, parse
from licensing_portal.sandbox.model import EVERYTHING, Tenant, User, iso
from licensing_portal.sandbox.paging import page_of
from licensing_portal.sandbox.render import DEFAULT_USER, selected, user_json
from licensing_portal.sandbox.users import find, get_user

# Graph's names of what may be changed; the control room changes what only synchronization sets, too.
_PATCHABLE = {
    "usageLocation": "location",
    "displayName": "name",
    "department": "department",
    "jobTitle": "job_title",
    "accountEnabled": "enabled",
    "givenName": "given_name",
    "surname": "surname",
    "mail": "mail",
    "userType": "user_type",
    "userPrincipalName": "upn",
}
_SYNCED = {"onPremisesSyncEnabled": "on_premises", "proxyAddresses": "other_addresses"}


def body_of(request: Request) -> dict[str, Json]:
    """Return a request's JSON object; raises Problem."""
    try:
        body = request.json()
    except ValueError as error:
        raise bad_request("Unable to read JSON request payload.", "BadRequest") from error
    if not isinstance(body, dict):
        raise bad_request("Empty Payload. JSON content expected.", "BadRequest")
    return body


def patch_user(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer PATCH /users/{id}."""
    user = find(tenant, key)
    change_user(tenant, user, body_of(request), _PATCHABLE)
    return Reply(204)


def change_user(tenant: Tenant, user: User, body: dict[str, Json], known: dict[str, str] | None = None) -> None:
    """Set the known properties of a body; unknown ones are ignored, a wrong value changes nothing."""
    known = known if known is not None else {**_PATCHABLE, **_SYNCED}
    names = tuple(name for name in body if name in known)
    changes = {known[name]: body[name] for name in names}
    _check(tenant, user, changes)
    if changes.get("location") is not None:
        changes["location"] = changes["location"].upper()
    tenant.before_change(user.user_id)
    held = frozenset(tenant.held_skus(user))
    if "upn" in changes:
        tenant.by_upn.pop(user.upn.casefold(), None)
        tenant.by_upn[changes["upn"].casefold()] = user.user_id
    # What is set to the value that it has is no change for a delta round.
    changed = tuple(name for name in names if getattr(user, known[name]) != changes[known[name]])
    for name, value in changes.items():
        setattr(user, name, value)
    tenant.after_change(user.user_id, held, changed)


def _check(tenant: Tenant, user: User | None, changes: dict[str, Json]) -> None:
    """Raise Problem for a value that Graph refuses."""
    location = changes.get("location")
    if location is not None and not (isinstance(location, str) and len(location) == 2 and location.isalpha()):
        raise _invalid("usageLocation")
    for field, name in (("enabled", "accountEnabled"), ("on_premises", "onPremisesSyncEnabled")):
        allowed = (True, False) if field == "enabled" else (True, False, None)
        if field in changes and not any(changes[field] is value for value in allowed):
            raise _invalid(name)
    for field, name in (("name", "displayName"), ("upn", "userPrincipalName")):
        if field in changes and not (isinstance(changes[field], str) and changes[field]):
            raise _invalid(name)
    if changes.get("user_type", "Member") not in ("Member", "Guest"):
        raise _invalid("userType")
    for field in ("department", "job_title", "given_name", "surname", "mail"):
        if not isinstance(changes.get(field), (str, type(None))):
            raise bad_request("Cannot convert a value to target type 'Edm.String'.", "BadRequest")
    addresses = changes.get("other_addresses", ())
    if not (isinstance(addresses, (list, tuple)) and all(isinstance(address, str) for address in addresses)):
        raise bad_request("Cannot convert a value to target type 'Collection(Edm.String)'.", "BadRequest")
    owner = tenant.by_upn.get(changes.get("upn", "").casefold())
    if owner is not None and (user is None or owner != user.user_id):
        raise bad_request("Another object with the same value for property userPrincipalName already exists.")


def _invalid(name: str) -> Problem:
    return bad_request(f"Invalid value specified for property '{name}' of resource 'User'.")


def create_user(tenant: Tenant, request: Request) -> Reply:
    """Answer POST /users."""
    body = body_of(request)
    for name in ("accountEnabled", "displayName", "mailNickname", "passwordProfile", "userPrincipalName"):
        if body.get(name) in (None, ""):
            raise bad_request(f"A value is required for property '{name}' of resource 'User'.")
    _check(tenant, None, {_PATCHABLE[name]: value for name, value in body.items() if name in _PATCHABLE})
    user = add_user(tenant, str(uuid.uuid4()), body["userPrincipalName"], body["displayName"])
    change_user(tenant, user, body, _PATCHABLE)
    data = user_json(tenant, user, DEFAULT_USER)
    address = f"{request.root}/users/{user.user_id}"
    context = f"{request.root}/$metadata#users/$entity"
    return Reply(201, {"@odata.context": context, **data}, {"Location": address})


def add_user(tenant: Tenant, user_id: str, upn: str, name: str, mail: str | None = None) -> User:
    """Put a new user in who has nothing yet."""
    tenant.before_change(user_id)
    user = User(user_id, upn, name, mail=mail, created=tenant.now())
    tenant.add_user(user)
    tenant.after_change(user_id, frozenset(), EVERYTHING)
    return user


def delete_user(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer DELETE /users/{id}: the user can be restored for 30 days."""
    user = find(tenant, key)
    tenant.audit("Delete user", user, {})
    tenant.delete_user(user)
    return Reply(204)


def assign_license(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer POST /users/{id}/assignLicense."""
    user = find(tenant, key)
    try:
        body = request.json()
    except ValueError as error:
        raise bad_request("Unable to read JSON request payload.", "BadRequest") from error
    before = tenant.held_skus(user)
    assign(tenant, user, parse(body))
    tenant.audit("Change user license", user, before)
    data = user_json(tenant, user, (*DEFAULT_USER, "assignedLicenses", "usageLocation"))
    return Reply(200, {"@odata.context": f"{request.root}/$metadata#users/$entity", **data})


def reprocess(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer POST /users/{id}/reprocessLicenseAssignment: paths in error are tried anew, what still fails is said."""
    user = find(tenant, key)
    before = tenant.held_skus(user)
    message = processing.reprocess(tenant, user)
    if before != tenant.held_skus(user):
        tenant.audit("Change user license", user, before)
    if message is not None:
        raise bad_request(message)
    return get_user(tenant, request, user.user_id)


def deleted_users(tenant: Tenant, request: Request) -> Reply:
    """Answer GET /directory/deletedItems/microsoft.graph.user."""
    names = selected(request.query.get("$select"))
    rows: list[Json] = [_deleted(tenant, user_id, names) for user_id in tenant.bin]
    return page_of(request, rows, f"users({','.join(names)})")


def deleted_user(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer GET /directory/deletedItems/{id}."""
    names = selected(request.query.get("$select"))
    data = _deleted(tenant, _in_bin(tenant, key), names)
    context = f"{request.root}/$metadata#directoryObjects/$entity"
    return Reply(200, {"@odata.context": context, "@odata.type": "#microsoft.graph.user", **data})


def restore_user(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer POST /directory/deletedItems/{id}/restore; licences come back where there are seats for all of them."""
    user_id = _in_bin(tenant, key)
    user = tenant.bin[user_id][0]
    if user.upn.casefold() in tenant.by_upn:
        raise bad_request("Another object with the same value for property userPrincipalName already exists.")
    check_seats(tenant, frozenset(tenant.held_skus(user)))
    tenant.restore_user(user_id)
    tenant.audit("Restore user", user, {})
    data = user_json(tenant, user, DEFAULT_USER)
    context = f"{request.root}/$metadata#directoryObjects/$entity"
    return Reply(200, {"@odata.context": context, "@odata.type": "#microsoft.graph.user", **data})


def purge_user(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer DELETE /directory/deletedItems/{id}: gone for good."""
    tenant.purge_user(_in_bin(tenant, key))
    return Reply(204)


def _in_bin(tenant: Tenant, key: str) -> str:
    user_id = key.casefold()
    if user_id not in tenant.bin:
        raise not_found(key)
    return user_id


def _deleted(tenant: Tenant, user_id: str, names: tuple[str, ...]) -> dict[str, Json]:
    """Print a user in the bin: the sign-in name begins with the id, so that it is free for somebody else."""
    user, at = tenant.bin[user_id]
    data = user_json(tenant, user, names)
    if "userPrincipalName" in data:
        data["userPrincipalName"] = f"{user_id.replace('-', '')}{user.upn}"
    return {**data, "deletedDateTime": iso(at)}
