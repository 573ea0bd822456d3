"""Users: lists with their query options, one user, changes, and the delta round."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from itertools import islice
from urllib.parse import urlencode

from licensing_portal.sandbox.http import Json, Problem, Reply, Request, bad_request, not_found
from licensing_portal.sandbox.licensing import assign, parse
from licensing_portal.sandbox.model import Tenant, User
from licensing_portal.sandbox.odata import Filter, search
from licensing_portal.sandbox.render import DEFAULT_USER, license_detail, selected, user_json

MAX_PAGE, DEFAULT_PAGE = 999, 100
_SECRET = b"sandbox next links"
_FIELDS = {
    "id": "user_id",
    "displayname": "name",
    "userprincipalname": "upn",
    "mail": "mail",
    "givenname": "given_name",
    "surname": "surname",
    "accountenabled": "enabled",
    "usertype": "user_type",
    "usagelocation": "location",
    "department": "department",
    "jobtitle": "job_title",
    "onpremisessyncenabled": "on_premises",
}
_SEARCH_HEADER = (
    "Request with $search query parameter only works through MSGraph with a special request header:"
    " 'ConsistencyLevel: eventual'"
)


def list_users(tenant: Tenant, request: Request) -> Reply:
    """Answer GET /users."""
    query = request.query
    names = selected(query.get("$select"))
    size = page_size(query)
    condition = _filter(tenant, query)
    advanced = request.eventual and query.get("$count", "").casefold() == "true"
    _check_advanced(request, condition, advanced)
    if condition is not None and condition.ids is not None and not request.eventual:
        found: Iterable[User] = [tenant.users[key] for key in condition.ids if key in tenant.users]
    else:
        found = _candidates(tenant, request, condition)
        if condition is not None:
            found = filter(condition.matches, found)
    if "$search" in query:
        found = filter(search(query["$search"], getter(tenant)), found)
    if "$orderby" in query:
        found = _ordered(found, query["$orderby"])
    start = read_token(query, request)
    page: dict[str, Json] = {"@odata.context": f"{request.root}/$metadata#users({','.join(names)})"}
    if advanced:
        found = list(found)
        if not start:
            page["@odata.count"] = len(found)
    rows = list(islice(found, start, start + size + 1))
    if len(rows) > size:
        page["@odata.nextLink"] = next_link(request, start + size)
    page["value"] = [user_json(tenant, user, names) for user in rows[:size]]
    return Reply(200, page)


def getter(tenant: Tenant):  # type: ignore[no-untyped-def]
    """Return the function that reads a user's property for filters."""

    def get(user: User, name: str) -> Json:
        if name == "assignedlicenses":
            return tenant.held_skus(user)
        return getattr(user, _FIELDS[name])

    return get


def page_size(query: dict[str, str], largest: int = MAX_PAGE, usual: int = DEFAULT_PAGE) -> int:
    """Return `$top` within Graph's limits."""
    text = query.get("$top")
    if text is None:
        return usual
    if not text.isdigit() or not 1 <= int(text) <= largest:
        raise bad_request(
            f"Invalid page size specified: '{text}'. Must be between 1 and {largest} inclusive.",
            "Request_UnsupportedQuery",
        )
    return int(text)


def _filter(tenant: Tenant, query: dict[str, str]) -> Filter | None:
    return Filter(query["$filter"], getter(tenant), frozenset(_FIELDS)) if "$filter" in query else None


def _check_advanced(request: Request, condition: Filter | None, advanced: bool) -> None:
    """Refuse what Graph allows only with the header and `$count=true`."""
    if "$search" in request.query and not request.eventual:
        raise bad_request(_SEARCH_HEADER, "Request_UnsupportedQuery")
    if "$skip" in request.query:
        raise bad_request("'$skip' is not supported by the service.", "Request_UnsupportedQuery")
    if advanced:
        return
    if condition is not None and (condition.advanced or "$orderby" in request.query):
        raise bad_request("Unsupported Query.", "Request_UnsupportedQuery")
    if "$search" in request.query and "$orderby" in request.query:
        raise bad_request("Unsupported Query.", "Request_UnsupportedQuery")


def _candidates(tenant: Tenant, request: Request, condition: Filter | None) -> Iterable[User]:
    """Return the users in order, as the index shows them where the query reads the index."""
    if request.eventual or (condition is not None and condition.indexed):
        return tenant.indexed_users()
    return (tenant.users[key] for key in tenant.order if key in tenant.users)


def _ordered(found: Iterable[User], text: str) -> list[User]:
    """Sort by displayName or userPrincipalName."""
    words = text.split()
    field = _FIELDS.get(words[0].casefold()) if words else None
    if field not in ("name", "upn") or len(words) > 2:
        raise bad_request("Unsupported Query.", "Request_UnsupportedQuery")
    backwards = len(words) == 2 and words[1].casefold() == "desc"
    return sorted(found, key=lambda user: getattr(user, field).casefold(), reverse=backwards)


def next_link(request: Request, place: int) -> str:
    """Return the whole address of the next page; its token is tied to the query."""
    query = {name: value for name, value in request.query.items() if name != "$skiptoken"}
    query["$skiptoken"] = _token(query, place)
    return f"{request.root}{request.path}?{urlencode(query, safe='$,()')}"


def _token(query: dict[str, str], place: int) -> str:
    sign = hmac.new(_SECRET, json.dumps([sorted(query.items()), place]).encode(), hashlib.sha256).digest()[:9]
    return base64.urlsafe_b64encode(f"{place}:".encode() + sign).decode().rstrip("=")


def read_token(query: dict[str, str], request: Request) -> int:
    """Return the place of a `$skiptoken`; one that does not belong to this very query is dead."""
    token = query.get("$skiptoken")
    if token is None:
        return 0
    rest = {name: value for name, value in query.items() if name != "$skiptoken"}
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        place = int(raw.partition(b":")[0])
    except ValueError:
        place = -1
    if place < 0 or not hmac.compare_digest(_token(rest, place), token):
        raise Problem(400, "Directory_ExpiredPageToken", "The specified page token value has expired or is not valid.")
    return place


def count_users(tenant: Tenant, request: Request) -> Reply:
    """Answer GET /users/$count: a number as text, only for advanced queries."""
    if not request.eventual:
        raise bad_request("$count is not currently supported.")
    condition = _filter(tenant, request.query)
    users = tenant.indexed_users()
    number = sum(1 for user in users if condition is None or condition.matches(user))
    return Reply(200, None, {"Content-Type": "text/plain"}, raw=str(number).encode())


def find(tenant: Tenant, key: str) -> User:
    """Return a user or raise Graph's 404."""
    user = tenant.find(key)
    if user is None:
        raise not_found(key)
    return user


def get_user(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer GET /users/{id}."""
    names = selected(request.query.get("$select"))
    data = user_json(tenant, find(tenant, key), names)
    return Reply(200, {"@odata.context": f"{request.root}/$metadata#users/$entity", **data})


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
    "onPremisesSyncEnabled": "on_premises",
}


def patch_user(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer PATCH /users/{id}."""
    user = find(tenant, key)
    change_user(tenant, user, _object(request))
    return Reply(204)


def _object(request: Request) -> dict[str, Json]:
    """Return a request's JSON object; raises Problem."""
    try:
        body = request.json()
    except ValueError as error:
        raise bad_request("Unable to read JSON request payload.", "BadRequest") from error
    if not isinstance(body, dict):
        raise bad_request("Empty Payload. JSON content expected.", "BadRequest")
    return body


def change_user(tenant: Tenant, user: User, body: dict[str, Json]) -> None:
    """Set the known properties of a body; unknown ones are ignored, a wrong value changes nothing."""
    changes = {_PATCHABLE[name]: value for name, value in body.items() if name in _PATCHABLE}
    location = changes.get("location")
    if "location" in changes and location is not None:
        if not isinstance(location, str) or len(location) != 2 or not location.isalpha():
            raise bad_request("Invalid value specified for property 'usageLocation' of resource 'User'.")
        changes["location"] = location.upper()
    if not isinstance(changes.get("enabled", True), bool):
        raise bad_request("Invalid value specified for property 'accountEnabled' of resource 'User'.")
    if not all(changes.get(name, "x") for name in ("name", "upn")):
        raise bad_request("Invalid value specified for property 'displayName' of resource 'User'.")
    tenant.before_change(user.user_id)
    held = frozenset(tenant.held_skus(user))
    if "upn" in changes:
        tenant.by_upn.pop(user.upn.casefold(), None)
        tenant.by_upn[str(changes["upn"]).casefold()] = user.user_id
    for name, value in changes.items():
        setattr(user, name, value)
    tenant.after_change(user.user_id, held)


def assign_license(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer POST /users/{id}/assignLicense."""
    user = find(tenant, key)
    try:
        body = request.json()
    except ValueError as error:
        raise bad_request("Unable to read JSON request payload.", "BadRequest") from error
    assign(tenant, user, parse(body))
    data = user_json(tenant, user, (*DEFAULT_USER, "assignedLicenses", "usageLocation"))
    return Reply(200, {"@odata.context": f"{request.root}/$metadata#users/$entity", **data})


def reprocess(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer POST /users/{id}/reprocessLicenseAssignment: group paths in error are tried again."""
    user = find(tenant, key)
    held = frozenset(tenant.held_skus(user))
    for sku_id, group_id in list(user.errors):
        sku = tenant.skus.get(sku_id)
        if sku is None or (sku.free < 1 and sku_id not in held):
            raise bad_request(f"Subscription with SKU {sku_id} does not have any available licenses.")
        tenant.before_change(user.user_id)
        del user.errors[sku_id, group_id]
    tenant.after_change(user.user_id, held)
    return get_user(tenant, request, key)


def license_details(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer GET /users/{id}/licenseDetails."""
    user = find(tenant, key)
    value = [license_detail(tenant, sku_id, disabled) for sku_id, disabled in tenant.held_skus(user).items()]
    return Reply(
        200, {"@odata.context": f"{request.root}/$metadata#users('{user.user_id}')/licenseDetails", "value": value}
    )


def member_of(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer GET /users/{id}/memberOf."""
    user = find(tenant, key)
    groups = [group for group in tenant.groups.values() if user.user_id in group.members]
    value = [
        {"@odata.type": "#microsoft.graph.group", "id": group.group_id, "displayName": group.name} for group in groups
    ]
    return Reply(200, {"@odata.context": f"{request.root}/$metadata#directoryObjects", "value": value})
