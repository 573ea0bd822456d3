"""`$batch`: at most 20 requests, each judged alone (graph-api.md, section 3)."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from licensing_portal.sandbox.http import Json, Reply, Request, bad_request, parse_query

SIZE = 20
_METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})

type RunPart = Callable[[Request], Reply]


def run_batch(request: Request, run_part: RunPart) -> Reply:
    """Answer POST /$batch; parts run in the order of their dependencies."""
    parts = _parse(request)
    replies: dict[str, Reply] = {}
    waiting = list(parts)
    while waiting:
        ready = [part for part in waiting if all(name in replies for name in _needs(part))]
        if not ready:
            raise bad_request("The dependsOn of the batch requests cannot be resolved.", "BadRequest")
        for part in ready:
            failed = any(replies[name].status >= 400 for name in _needs(part))
            replies[_id(part)] = _failed_dependency() if failed else run_part(_request(part, request))
        waiting = [part for part in waiting if _id(part) not in replies]
    return Reply(200, {"responses": [_response(_id(part), part["id"], replies[_id(part)]) for part in parts]})


def _parse(request: Request) -> list[dict[str, Any]]:
    """Return the parts; raises Problem for what makes the whole batch a 400."""
    try:
        body = request.json()
    except ValueError as error:
        raise bad_request("Unable to read JSON request payload.", "BadRequest") from error
    parts = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(parts, list) or not parts:
        raise bad_request("Invalid batch payload format.", "BadRequest")
    if len(parts) > SIZE:
        raise bad_request(f"Number of batch request steps exceeds the maximum value of {SIZE}.", "BadRequest")
    for part in parts:
        _check(part)
    ids = [_id(part) for part in parts]
    if len(set(ids)) != len(ids):
        raise bad_request("Request Id values must be unique in a batch.", "BadRequest")
    if unknown := {name for part in parts for name in _needs(part)} - set(ids):
        raise bad_request(f"Unknown dependsOn id: {min(unknown)}.", "BadRequest")
    return parts


def _check(part: Json) -> None:
    if not isinstance(part, dict) or not isinstance(part.get("id"), str) or not part["id"]:
        raise bad_request("Invalid batch payload format: id is required.", "BadRequest")
    if str(part.get("method", "")).upper() not in _METHODS or not isinstance(part.get("url"), str):
        raise bad_request("Invalid batch payload format: method and url are required.", "BadRequest")
    if part["url"].startswith(("http://", "https://")):
        raise bad_request("Invalid batch payload format: url must be relative.", "BadRequest")
    names = {str(name).casefold() for name in part.get("headers") or {}}
    if part.get("body") is not None and "content-type" not in names:
        raise bad_request("Write request id : {0} does not contain Content-Type header or body.", "BadRequest")


def _id(part: dict[str, Any]) -> str:
    return str(part["id"]).casefold()


def _needs(part: dict[str, Any]) -> list[str]:
    return [str(name).casefold() for name in part.get("dependsOn") or []]


def _request(part: dict[str, Any], outer: Request) -> Request:
    """Return a part as a request of its own."""
    address = urlsplit(part["url"] if part["url"].startswith("/") else f"/{part['url']}")
    return Request(
        method=part["method"].upper(),
        path=unquote(address.path),
        query=parse_query(address.query),
        headers={
            "client-request-id": outer.headers.get("client-request-id", ""),
            **{str(name).casefold(): str(value) for name, value in (part.get("headers") or {}).items()},
        },
        root=outer.root,
        data=part.get("body"),
    )


def _failed_dependency() -> Reply:
    error = {"code": "FailedDependency", "message": "Failed dependency"}
    return Reply(424, {"error": error})


def _response(folded: str, part_id: str, reply: Reply) -> Json:
    headers = {"Cache-Control": "no-cache", "x-ms-resource-unit": "1", **reply.headers}
    if reply.raw is not None:
        return {"id": part_id, "status": reply.status, "headers": headers, "body": reply.raw.decode("utf-8", "replace")}
    if reply.data is not None:
        headers["Content-Type"] = "application/json"
    return {"id": part_id, "status": reply.status, "headers": headers, "body": reply.data}
