"""GET /users/delta: rounds of changes (graph-api.md 2.3; Graph docs: delta-query-overview, user-delta).

The first call names properties and users once; the links carry them inside their tokens.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote

from licensing_portal.sandbox.http import Json, Problem, Reply, Request, bad_request
from licensing_portal.sandbox.model import Tenant, User
from licensing_portal.sandbox.paging import page_size, sealed, unsealed
from licensing_portal.sandbox.render import selected, user_json

_PAGE = 200
MAX_FILTERED = 50
_REFUSED = ("$expand", "$orderby", "$search", "$skip")
_ID = re.compile(r"\s*id\s+eq\s+'([^']*)'\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Round:
    """Changes after one version up to another, from a place in the list on; `since` 0 means everybody."""

    names: tuple[str, ...]
    only: frozenset[str] | None
    since: int
    upto: int
    place: int
    size: int

    def link(self, request: Request, tenant: Tenant, name: str, since: int, place: int = 0) -> str:
        """Return the address of the next page or of the next round."""
        only = sorted(self.only) if self.only is not None else None
        upto = self.upto if place else 0
        token = sealed([tenant.epoch, self.names, only, since, upto, place, self.size], tenant.tenant_id)
        return f"{request.root}{request.path}?{name}={quote(token)}"


def users_delta(tenant: Tenant, request: Request) -> Reply:
    """Answer a page of a round: first all users, later those that changed since the stored link."""
    round_ = _opened(tenant, request) or _started(tenant, request)
    minimal = "return=minimal" in request.headers.get("prefer", "").replace(" ", "").casefold()
    found = list(islice(_entries(tenant, round_), round_.size + 1))
    page: dict[str, Json] = {"@odata.context": f"{request.root}/$metadata#users({','.join(round_.names)})"}
    if len(found) > round_.size:
        page["@odata.nextLink"] = round_.link(request, tenant, "$skiptoken", round_.since, found[-1][0])
    else:
        page["@odata.deltaLink"] = round_.link(request, tenant, "$deltatoken", round_.upto)
    page["value"] = [
        entry if isinstance(entry, dict) else _shown(tenant, entry, round_, minimal=minimal)
        for _, entry in found[: round_.size]
    ]
    return Reply(200, page, {"Preference-Applied": "return=minimal"} if minimal else {})


def _started(tenant: Tenant, request: Request) -> _Round:
    """Read the first call of a round."""
    query = request.query
    if refused := next((name for name in _REFUSED if name in query), None):
        raise bad_request(
            f"The query option '{refused}' is not supported by delta queries.", "Request_UnsupportedQuery"
        )
    names = selected(query.get("$select"))
    names = names if "id" in names else (*names, "id")
    # `latest` asks only for what comes after now: an empty page with the link to start from.
    since = tenant.version if query.get("$deltatoken") == "latest" else 0
    return _Round(names, _only(query.get("$filter")), since, tenant.version, 0, page_size(query, usual=_PAGE))


def _only(text: str | None) -> frozenset[str] | None:
    """Return the ids of `id eq '…' or id eq '…'`, the only filter there is."""
    if text is None:
        return None
    found = [_ID.fullmatch(part) for part in re.split(r"\sor\s", text, flags=re.IGNORECASE)]
    if len(found) > MAX_FILTERED:
        raise bad_request(
            f"Too many filter clauses specified. Maximum allowed: {MAX_FILTERED}.", "Request_UnsupportedQuery"
        )
    ids = [match.group(1).casefold() for match in found if match]
    if len(ids) != len(found):
        raise bad_request("Unsupported Query.", "Request_UnsupportedQuery")
    return frozenset(ids)


def _opened(tenant: Tenant, request: Request) -> _Round | None:
    """Read a link of ours; None for a first call. One of an earlier life or of nobody is 410 with where to begin."""
    token = request.query.get("$skiptoken") or request.query.get("$deltatoken")
    if not token or token == "latest":
        return None
    values = unsealed(token, tenant.tenant_id)
    if not values or values[0] != tenant.epoch:
        raise Problem(
            410,
            "syncStateNotFound",
            "The delta token is no longer valid, and the application must reset the sync state.",
            {"Location": f"{request.root}{request.path}?$deltatoken="},
        )
    _, names, only, since, upto, place, size = values
    ids = frozenset(only) if only is not None else None
    return _Round(tuple(names), ids, since, upto or tenant.version, place, size)


def _entries(tenant: Tenant, round_: _Round) -> Iterator[tuple[int, User | dict[str, Json]]]:
    """Yield the entries from the round's place on, each with its own place.

    Places never move, so a change between two pages makes nobody fall out; who changes again comes again.
    """
    if not round_.since:
        for place, user in tenant.users_from(round_.place, indexed=False):
            if round_.only is None or user.user_id in round_.only:
                yield place, user
        return
    for place, user_id in enumerate(islice(tenant.changes, round_.place, None), round_.place):
        if round_.only is not None and user_id not in round_.only:
            continue
        if (entry := _change(tenant, user_id, round_)) is not None:
            yield place, entry


def _change(tenant: Tenant, user_id: str, round_: _Round) -> User | dict[str, Json] | None:
    """Return a user who changed in a property that the round tracks, or what says that the user has gone."""
    user = tenant.users.get(user_id)
    if user is not None:
        versions = tenant.changes[user_id]
        changed = any(round_.since < versions.get(name, 0) for name in ("", *round_.names))
        return user if changed else None
    for gone, reason in ((tenant.purged, "deleted"), (tenant.deleted, "changed")):
        if round_.since < gone.get(user_id, 0):
            return {"id": user_id, "@removed": {"reason": reason}}
    return None


def _shown(tenant: Tenant, user: User, round_: _Round, *, minimal: bool) -> Json:
    """Print a user: what was never set is left out; `minimal` leaves out what has not changed, too."""
    versions = tenant.changes.get(user.user_id, {})
    all_new = round_.since < versions.get("", 0)
    names = round_.names
    if minimal and round_.since and not all_new:
        names = tuple(name for name in names if name == "id" or round_.since < versions.get(name, 0))
    data = user_json(tenant, user, names)
    return {name: value for name, value in data.items() if value is not None or name in versions}
