"""Groups: lists, members, and the licences that they hand out (graph-api.md 2.7; Graph docs: group)."""

from licensing_portal.sandbox import processing
from licensing_portal.sandbox.http import Json, Reply, Request, bad_request, not_found
from licensing_portal.sandbox.licensing import parse
from licensing_portal.sandbox.model import Group, Tenant, User
from licensing_portal.sandbox.odata import Filter
from licensing_portal.sandbox.paging import page_of
from licensing_portal.sandbox.render import group_json, selected, user_json
from licensing_portal.sandbox.users import find

_FILTERABLE = frozenset({"id", "displayname", "hasmemberswithlicenseerrors", "securityenabled"})


def groups(tenant: Tenant, request: Request) -> Reply:
    """Answer GET /groups."""
    found = list(tenant.groups.values())
    if "$filter" in request.query:

        def get(group: Group, name: str) -> Json:
            return _field(tenant, group, name)

        condition = Filter(request.query["$filter"], get, _FILTERABLE)
        if condition.advanced and not request.advanced:
            raise bad_request("Unsupported Query.", "Request_UnsupportedQuery")
        found = [group for group in found if condition.matches(group)]
    return page_of(request, [_shown(tenant, group, request) for group in found], "groups")


def _field(tenant: Tenant, group: Group, name: str) -> Json:
    if name == "hasmemberswithlicenseerrors":
        return bool(_failing(tenant, group))
    return {
        "id": group.group_id,
        "displayname": group.name,
        "securityenabled": True,
        "assignedlicenses": group.shown_licenses,
    }[name]


def _failing(tenant: Tenant, group: Group) -> list[User]:
    """Return the members to whom the group could not give something."""
    members = (tenant.users[key] for key in sorted(group.members) if key in tenant.users)
    return [user for user in members if any(key == group.group_id for _, key in user.errors)]


def _shown(tenant: Tenant, group: Group, request: Request) -> dict[str, Json]:
    select = request.query.get("$select")
    # The members are looked through only for who asks.
    asked = (select or "").casefold()
    failing = ("hasmemberswithlicenseerrors" in asked or "*" in asked) and bool(_failing(tenant, group))
    return group_json(group, select, failing=failing)


def group(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer GET /groups/{id}."""
    data = _shown(tenant, _find(tenant, key), request)
    return Reply(200, {"@odata.context": f"{request.root}/$metadata#groups/$entity", **data})


def members(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer GET /groups/{id}/members and transitiveMembers: users only, and no groups in groups here."""
    found = _find(tenant, key)
    return _people(tenant, request, [tenant.users[key] for key in sorted(found.members) if key in tenant.users])


def failing_members(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer GET /groups/{id}/membersWithLicenseErrors."""
    return _people(tenant, request, _failing(tenant, _find(tenant, key)))


def _people(tenant: Tenant, request: Request, people: list[User]) -> Reply:
    names = selected(request.query.get("$select"))
    rows: list[Json] = [{"@odata.type": "#microsoft.graph.user", **user_json(tenant, user, names)} for user in people]
    return page_of(request, rows, "directoryObjects")


def member_of(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer GET /users/{id}/memberOf and transitiveMemberOf."""
    user = find(tenant, key)
    rows: list[Json] = [
        {"@odata.type": "#microsoft.graph.group", **group_json(tenant.groups[key], None)}
        for key in tenant.group_ids(user)
    ]
    return page_of(request, rows, "directoryObjects")


def assign_license(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer POST /groups/{id}/assignLicense: 202, the members follow later."""
    found = _find(tenant, key)
    try:
        wanted = parse(request.json())
    except ValueError as error:
        raise bad_request("Unable to read JSON request payload.", "BadRequest") from error
    if not wanted.add and not wanted.remove:
        raise bad_request("No license changes provided.")
    processing.start(tenant, found, wanted)
    data = group_json(found, None)
    return Reply(202, {"@odata.context": f"{request.root}/$metadata#groups/$entity", **data})


def _find(tenant: Tenant, key: str) -> Group:
    found = tenant.groups.get(key.casefold())
    if found is None:
        raise not_found(key)
    return found
