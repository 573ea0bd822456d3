"""GET /users/delta: rounds of changes (graph-api.md 2.3)."""

from urllib.parse import urlencode

from licensing_portal.sandbox.http import Json, Problem, Reply, Request
from licensing_portal.sandbox.model import Tenant
from licensing_portal.sandbox.render import selected, user_json
from licensing_portal.sandbox.users import page_size

_PAGE = 200


def users_delta(tenant: Tenant, request: Request) -> Reply:
    """Answer a page of a round: first all users, later those that changed since the stored link."""
    query = request.query
    names = selected(query.get("$select"))
    names = names if "id" in names else (*names, "id")
    since, upto, place = _state(tenant, query)
    changed = (
        [user for user in tenant.users.values() if since < user.version <= upto]
        if since
        else list(tenant.users.values())
    )
    rows: list[Json] = [user_json(tenant, user, names) for user in changed]
    if since:
        gone = [key for key, version in tenant.deleted.items() if since < version <= upto]
        rows += [{"id": key, "@removed": {"reason": "changed"}} for key in gone]
    size = page_size(query, usual=_PAGE)
    page: dict[str, Json] = {"@odata.context": f"{request.root}/$metadata#users({','.join(names)})"}
    if len(rows) > place + size:
        page["@odata.nextLink"] = _link(request, "$skiptoken", tenant, since, upto, place + size)
    else:
        page["@odata.deltaLink"] = _link(request, "$deltatoken", tenant, upto, 0, 0)
    page["value"] = rows[place : place + size]
    return Reply(200, page)


def _state(tenant: Tenant, query: dict[str, str]) -> tuple[int, int, int]:
    """Return (changes after this version, up to this one, place in the list)."""
    token = query.get("$skiptoken") or query.get("$deltatoken")
    if token is None:
        return 0, tenant.version, 0
    if token == "latest":
        # Only what comes after now: an empty page with the link to start from.
        return tenant.version, tenant.version, 0
    numbers = token.split("-")
    if len(numbers) != 4 or not all(number.isdigit() for number in numbers) or int(numbers[0]) != tenant.epoch:
        raise Problem(410, "syncStateNotFound", "The delta token is no longer valid; start again.", {"Location": ""})
    _, since, upto, place = (int(number) for number in numbers)
    return since, upto or tenant.version, place


def _link(request: Request, name: str, tenant: Tenant, since: int, upto: int, place: int) -> str:
    query = {key: value for key, value in request.query.items() if key not in ("$skiptoken", "$deltatoken")}
    query[name] = f"{tenant.epoch}-{since}-{upto}-{place}"
    return f"{request.root}{request.path}?{urlencode(query, safe='$,()')}"
