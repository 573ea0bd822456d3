"""Rounds of changes: GET /users/delta (graph-api.md 2.3).

A round tells who changed. What changed is read by id afterwards: Graph does not promise that a round holds licences,
and replays are allowed.
"""

from typing import Final

from licensing_portal.gateways.answers import Json
from licensing_portal.gateways.errors import AccessDenied, LinkExpired, NotFound, Rejected, Unreadable
from licensing_portal.gateways.links import is_below
from licensing_portal.gateways.protocol import DeltaRound
from licensing_portal.gateways.transport import Transport, page_values

_LINK: Final = "@odata.deltaLink"
# Asked for once, in the first call: the links that follow carry it. A change of one of these is a change to us.
_PROPERTIES: Final = (
    "id,displayName,userPrincipalName,mail,usageLocation,accountEnabled,userType,department,jobTitle,"
    "onPremisesSyncEnabled,assignedLicenses"
)
_NOW: Final = f"/users/delta?$select={_PROPERTIES}&$deltatoken=latest"
_WALK: Final = f"/users/delta?$select={_PROPERTIES}"


def link_from_now(transport: Transport) -> str:
    """Return the link of a round that begins now; empty where the service refuses to give one.

    A service that does not know `latest` passes it over and answers with all users, or refuses it: then all ids are
    walked through.
    """
    for path in (_NOW, _WALK):
        try:
            return _last_link(transport, path)
        except (AccessDenied, NotFound):
            return ""
        except Rejected:
            continue
    return ""


def _last_link(transport: Transport, path: str) -> str:
    """Return the delta link of the last page; the users on the way to it are passed over."""
    link = ""
    for page in transport.whole_pages(path):
        link = transport.next_path(page, path, _LINK) or ""
    return link


def changed_users(transport: Transport, link: str) -> DeltaRound:
    """Return the ids that a round names, each once, with the link of the next round."""
    if not is_below(transport.base_url, link):
        # Stored under another root: the service that gave it out is not the one we ask.
        raise LinkExpired("GET /users/delta", message="the link is of another root")
    ids: dict[str, bool] = {}
    page: Json = None
    try:
        for page in transport.whole_pages(link):
            # Who is named twice is what the last entry says.
            ids.update(_entries(page_values(page, link)))
    except (NotFound, Rejected) as error:
        # 410 is what Graph documents; a link that it cannot read any more comes back as 400 or 404.
        raise LinkExpired.after(error) from None
    following = transport.next_path(page, link, _LINK)
    if following is None:
        raise Unreadable("GET /users/delta", message="the round has no delta link")
    removed = frozenset(user_id for user_id, is_removed in ids.items() if is_removed)
    return DeltaRound(user_ids=tuple(ids), link=following, removed=removed)


def _entries(entries: list[Json]) -> list[tuple[str, bool]]:
    """Return id and "is removed" of each entry; an entry without an id is no entry we can use."""
    found = []
    for entry in entries:
        user_id = entry.get("id") if isinstance(entry, dict) else None
        if not isinstance(user_id, str) or not user_id or len(user_id) > 36:
            raise Unreadable("GET /users/delta", message="an entry has no id")
        found.append((user_id.lower(), "@removed" in entry))
    return found
