"""Pages of lists: sizes, next links whose tokens are tied to their query, and signed texts for opaque tokens."""

import base64
import hashlib
import hmac
import json
from urllib.parse import urlencode

from licensing_portal.sandbox.http import Json, Problem, Reply, Request, bad_request

MAX_PAGE, DEFAULT_PAGE = 999, 100
_SECRET = b"sandbox next links"


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


def page_of(request: Request, rows: list[Json], context: str, *, usual: int = 100, largest: int = 999) -> Reply:
    """Answer one page of a list that is short enough to be made whole."""
    size, start = page_size(request.query, largest, usual), read_token(request)
    page: dict[str, Json] = {"@odata.context": f"{request.root}/$metadata#{context}"}
    if request.advanced and not start:
        page["@odata.count"] = len(rows)
    if len(rows) > start + size:
        page["@odata.nextLink"] = next_link(request, start + size)
    page["value"] = rows[start : start + size]
    return Reply(200, page)


def next_link(request: Request, place: int) -> str:
    """Return the whole address of the next page; its token is tied to the query."""
    query = {name: value for name, value in request.query.items() if name != "$skiptoken"}
    query["$skiptoken"] = _token(query, place)
    return f"{request.root}{request.path}?{urlencode(query, safe='$,()')}"


def _token(query: dict[str, str], place: int) -> str:
    return sealed([place], sorted(query.items()))


def read_token(request: Request) -> int:
    """Return the place of a `$skiptoken`; one that does not belong to this very query is dead."""
    token = request.query.get("$skiptoken")
    if token is None:
        return 0
    rest = sorted((name, value) for name, value in request.query.items() if name != "$skiptoken")
    opened = unsealed(token, rest)
    if not opened or not isinstance(opened[0], int):
        raise Problem(400, "Directory_ExpiredPageToken", "The specified page token value has expired or is not valid.")
    return opened[0]


def sealed(values: list[Json], context: Json = None) -> str:
    """Return values as an opaque text that only `unsealed` with the same context opens."""
    text = json.dumps(values, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_sign(text, context) + text).decode().rstrip("=")


def unsealed(token: str, context: Json = None) -> list[Json] | None:
    """Return the values of a sealed text; None for one that was altered or is none."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return None
    sign, text = raw[:9], raw[9:]
    if not hmac.compare_digest(_sign(text, context), sign):
        return None
    values = json.loads(text)
    return values if isinstance(values, list) else None


def _sign(text: bytes, context: Json) -> bytes:
    return hmac.new(_SECRET, text + b"\n" + json.dumps(context).encode(), hashlib.sha256).digest()[:9]
