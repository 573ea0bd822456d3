"""Users as they are read: lists with their query options, one user, counts, licence details."""

from collections.abc import Callable, Iterator
from itertools import islice

from licensing_portal.sandbox.http import Json, Reply, Request, bad_request, not_found
from licensing_portal.sandbox.model import Tenant, User
from licensing_portal.sandbox.odata import Filter, search
from licensing_portal.sandbox.paging import next_link, page_size, read_token
from licensing_portal.sandbox.render import license_detail, only, proxy_addresses, selected, user_json

type Placed = Iterator[tuple[int, User]]

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
_EXPANDABLE = ("manager", "memberof", "transitivememberof")


def list_users(tenant: Tenant, request: Request) -> Reply:
    """Answer GET /users."""
    query = request.query
    names = selected(query.get("$select"))
    size, start = page_size(query), read_token(request)
    condition = user_filter(tenant, query)
    _check_advanced(request, condition)
    wanted = _wanted(tenant, query, condition)
    rows = list(islice(_found(tenant, request, condition, wanted, start), size + 1))
    page: dict[str, Json] = {"@odata.context": f"{request.root}/$metadata#users({','.join(names)})"}
    if request.advanced and not start:
        page["@odata.count"] = sum(1 for _ in _found(tenant, request, condition, wanted, 0))
    if len(rows) > size:
        page["@odata.nextLink"] = next_link(request, rows[-1][0])
    also = expanded(query)
    page["value"] = [_with_expanded(tenant, user, names, also) for _, user in rows[:size]]
    return Reply(200, page)


def getter(tenant: Tenant) -> Callable[[User, str], Json]:
    """Return the function that reads a user's property for filters."""

    def get(user: User, name: str) -> Json:
        if name == "assignedlicenses":
            return tenant.held_skus(user)
        if name == "proxyaddresses":
            return proxy_addresses(user)
        return getattr(user, _FIELDS[name])

    return get


def user_filter(tenant: Tenant, query: dict[str, str]) -> Filter | None:
    """Return the parsed `$filter` of a query over users."""
    return Filter(query["$filter"], getter(tenant), frozenset(_FIELDS)) if "$filter" in query else None


def _wanted(tenant: Tenant, query: dict[str, str], condition: Filter | None) -> Callable[[User], bool] | None:
    """Return what a user must fulfil by filter and search."""
    parts = [condition.matches] if condition is not None else []
    if "$search" in query:
        parts.append(search(query["$search"], getter(tenant)))
    if len(parts) < 2:
        return parts[0] if parts else None
    return lambda user: all(part(user) for part in parts)


def _check_advanced(request: Request, condition: Filter | None) -> None:
    """Refuse what Graph allows only with the header and `$count=true`."""
    query = request.query
    if "$search" in query and not request.eventual:
        raise bad_request(_SEARCH_HEADER, "Request_UnsupportedQuery")
    if "$skip" in query:
        raise bad_request("'$skip' is not supported by the service.", "Request_UnsupportedQuery")
    for name in expanded(query):
        if name not in _EXPANDABLE:
            raise bad_request(f"Could not find a property named '{name}' on type 'microsoft.graph.user'.", "BadRequest")
    if request.advanced:
        return
    if condition is not None and (condition.advanced or "$orderby" in query):
        raise bad_request("Unsupported Query.", "Request_UnsupportedQuery")
    if "$search" in query and "$orderby" in query:
        raise bad_request("Unsupported Query.", "Request_UnsupportedQuery")


def _found(
    tenant: Tenant, request: Request, condition: Filter | None, wanted: Callable[[User], bool] | None, start: int
) -> Placed:
    """Yield the matching users from a place on, each with its own; sorted ones have their rank for a place."""
    if condition is not None and condition.ids is not None and not request.eventual:
        # Reads by id see every write at once, and look at nobody else.
        known = (tenant.users[key] for key in dict.fromkeys(condition.ids) if key in tenant.users)
        placed: Placed = enumerate(known)
    else:
        indexed = request.eventual or (condition is not None and condition.indexed)
        placed = tenant.users_from(0 if "$orderby" in request.query else start, indexed=indexed)
    if wanted is not None:
        placed = (entry for entry in placed if wanted(entry[1]))
    if "$orderby" in request.query:
        placed = enumerate(_ordered((user for _, user in placed), request.query["$orderby"]))
    return (entry for entry in placed if entry[0] >= start) if start else placed


def _ordered(found: Iterator[User], text: str) -> list[User]:
    """Sort by displayName or userPrincipalName."""
    words = text.split()
    field = _FIELDS.get(words[0].casefold()) if words else None
    if field not in ("name", "upn") or words[1:] not in ([], ["asc"], ["desc"]):
        raise bad_request("Unsupported Query.", "Request_UnsupportedQuery")
    return sorted(found, key=lambda user: getattr(user, field).casefold(), reverse=words[1:] == ["desc"])


def expanded(query: dict[str, str]) -> tuple[str, ...]:
    """Return the navigation properties that `$expand` names, in lower case."""
    text = query.get("$expand", "")
    return tuple(part.partition("(")[0].strip().casefold() for part in text.split("),") if part.strip())


def _with_expanded(tenant: Tenant, user: User, names: tuple[str, ...], also: tuple[str, ...]) -> dict[str, Json]:
    """Return a user with what `$expand` asks for; nobody has a manager here, and Graph then leaves it out."""
    data = user_json(tenant, user, names)
    for name in also:
        if name in ("memberof", "transitivememberof"):
            data["memberOf" if name == "memberof" else "transitiveMemberOf"] = [
                {"@odata.type": "#microsoft.graph.group", "id": key, "displayName": tenant.groups[key].name}
                for key in tenant.group_ids(user)
            ]
    return data


def count_users(tenant: Tenant, request: Request) -> Reply:
    """Answer GET /users/$count: a number as text, only for advanced queries."""
    if not request.eventual:
        raise bad_request("$count is not currently supported.")
    condition = user_filter(tenant, request.query)
    wanted = _wanted(tenant, request.query, condition)
    number = sum(1 for _ in _found(tenant, request, condition, wanted, 0))
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
    _check_advanced(request, None)
    data = _with_expanded(tenant, find(tenant, key), names, expanded(request.query))
    listed = f"({','.join(names)})" if "$select" in request.query else ""
    return Reply(200, {"@odata.context": f"{request.root}/$metadata#users{listed}/$entity", **data})


def license_details(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer GET /users/{id}/licenseDetails; `$select` is the only option."""
    user = find(tenant, key)
    value = [
        only(license_detail(tenant, user, sku_id, disabled), request.query.get("$select"), "licenseDetails")
        for sku_id, disabled in tenant.held_skus(user).items()
        if sku_id in tenant.skus
    ]
    context = f"{request.root}/$metadata#users('{user.user_id}')/licenseDetails"
    return Reply(200, {"@odata.context": context, "value": value})


def no_manager(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer GET /users/{id}/manager: nobody has one here."""
    find(tenant, key)
    raise not_found("manager")
