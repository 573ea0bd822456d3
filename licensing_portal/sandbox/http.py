"""Requests and replies inside the sandbox, and Graph's shapes of them."""

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

type Json = Any


class ConnectionDropped(Exception):
    """A fault cuts the connection: `sent` bytes of the answer go out first (None: not even a status line)."""

    def __init__(self, sent: bytes | None = None) -> None:
        super().__init__("connection dropped by a fault")
        self.sent = sent


@dataclass(slots=True)
class Request:
    """One HTTP request or one part of a `$batch`; header names are lower-case, `path` is without the query."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""
    root: str = ""
    # The decoded body of a batch part, which never was bytes.
    data: Json = None

    def json(self) -> Json:
        """Return the decoded body; raises ValueError."""
        if self.data is not None or not self.body:
            return self.data
        return json.loads(self.body.decode("utf-8-sig"))

    @property
    def eventual(self) -> bool:
        """Whether the advanced query header is there."""
        return self.headers.get("consistencylevel", "").casefold() == "eventual"

    @property
    def advanced(self) -> bool:
        """Whether this is an advanced query: header and `$count=true`, without which Graph ignores either."""
        return self.eventual and self.query.get("$count", "").casefold() == "true"


@dataclass(slots=True)
class Reply:
    """An answer; `data` None is an empty body."""

    status: int
    data: Json = None
    headers: dict[str, str] = field(default_factory=dict)
    # Already encoded JSON, for long lists.
    raw: bytes | None = None

    def content(self) -> bytes:
        """Return the body's bytes."""
        if self.raw is not None:
            return self.raw
        if self.data is None:
            return b""
        return json.dumps(self.data, ensure_ascii=False, separators=(",", ":")).encode()


class Problem(Exception):
    """A refusal in Graph's words."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


def error_reply(problem: Problem, request: Request) -> Reply:
    """Return Graph's error body with its ids."""
    request_id = str(uuid.uuid4())
    inner = {
        "date": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
        "request-id": request_id,
        "client-request-id": request.headers.get("client-request-id", request_id),
    }
    body = {"error": {"code": problem.code, "message": problem.message, "innerError": inner}}
    return Reply(problem.status, body, {"request-id": request_id, **problem.headers})


def parse_query(query: str) -> dict[str, str]:
    """Return query options by name; option names are taken in lower case, `$` included."""
    return {name.casefold(): value for name, value in parse_qsl(query, keep_blank_values=True)}


def bad_request(message: str, code: str = "Request_BadRequest") -> Problem:
    """Return a 400."""
    return Problem(400, code, message)


def not_found(what: str) -> Problem:
    """Return Graph's 404 of an object."""
    return Problem(
        404,
        "Request_ResourceNotFound",
        f"Resource '{what}' does not exist or one of its queried reference-property objects are not present.",
    )
