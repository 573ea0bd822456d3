"""One HTTP request and its whole answer: limits of time and size, nothing from the environment, no redirects."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote, urlsplit

import requests
import urllib3
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from licensing_portal.gateways.answers import Answer, lower_headers
from licensing_portal.gateways.errors import NotSent, Unavailable, Unreadable
from licensing_portal.gateways.wire import Call, TimedAdapter, carrying

type SessionFactory = Callable[[], requests.Session]

MAX_BODY: Final = 50 * 1024 * 1024
# Of errors, of writes and of tokens.
MAX_SMALL_BODY: Final = 5 * 1024 * 1024
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may last, in seconds: to connect, one silence, one whole answer; all tries of one read.

    `body` is the largest answer in bytes.
    """

    connect: float = 5.0
    read: float = 30.0
    total: float = 60.0
    # No wait of a read begins that would last beyond this, and no try of it.
    patience: float = 150.0
    body: int = MAX_BODY

    def within(self, seconds: float) -> "Limits":
        """Return the limits of a try that has only so many seconds left; one second it gets in any case."""
        return replace(self, total=min(self.total, max(seconds, 1.0)))

    def of_writes(self) -> "Limits":
        """Return the limits of a request whose answer holds a few words for each user, never lists."""
        return replace(self, body=MAX_SMALL_BODY)


# For work that nobody waits for.
PATIENT: Final = Limits()


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Look at no redirect: requests would read its body, as long as it may be."""
        return None


def new_session() -> requests.Session:
    """Return a session that sends each request once and takes nothing from the environment."""
    session = _Session()
    session.trust_env = False
    adapter = TimedAdapter()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def exchange(
    session: requests.Session,
    method: str,
    url: str,
    *,
    operation: str,
    limits: Limits = PATIENT,
    clock: Callable[[], float] = time.monotonic,
    **content: Any,
) -> Answer:
    """Send one request once and read its whole answer within the total time; `content` is headers and body.

    Returns any answer, errors too. Raises NotSent without a connection, Unavailable when there is no answer,
    Unreadable when it is too large.
    """
    ends_at = clock() + limits.total
    timeouts = (min(limits.connect, limits.total), min(limits.read, limits.total))
    try:
        request = session.prepare_request(requests.Request(method, url, **content))
        host, target = _split(request.url or "", url)
        request.url = host + target
        with (
            carrying(Call(target, ends_at, limits.read, clock)),
            session.send(request, timeout=timeouts, allow_redirects=False, stream=True) as response,
        ):
            body = _body(response, operation, ends_at, limits, clock)
            return Answer(response.status_code, lower_headers(response.headers), body)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        # Only the kind of the error: its text may hold addresses and tokens.
        kind = NotSent if _is_unconnected(error) else Unavailable
        raise kind(operation, message=type(error).__name__) from None


def _is_unconnected(error: Exception) -> bool:
    """Tell whether no connection was made: then no byte of the request has left."""
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), (NewConnectionError, ConnectTimeoutError))


def _split(prepared: str, url: str) -> tuple[str, str]:
    """Return scheme and host as requests prepared them, and path and query as they were given.

    Only what no request line can hold is encoded: spaces, controls, letters beyond ASCII.
    """
    ready = urlsplit(prepared)
    target = url.partition("://")[2].partition("#")[0]
    start = min((at for at in (target.find("/"), target.find("?")) if at >= 0), default=len(target))
    path = target[start:] if target[start : start + 1] == "/" else f"/{target[start:]}"
    return f"{ready.scheme}://{ready.netloc}", quote(path, safe=_PRINTABLE)


def _body(
    response: requests.Response, operation: str, ends_at: float, limits: Limits, clock: Callable[[], float]
) -> bytes:
    """Read a body as it arrives: a drip must not outlast the total time, nor a flood the memory.

    `read1` returns what is there; `iter_content` would wait until its whole piece has dripped in.
    """
    limit = limits.body if response.status_code < 400 else MAX_SMALL_BODY
    pieces: list[bytes] = []
    size = 0
    while piece := response.raw.read1(64 * 1024, decode_content=True):
        size += len(piece)
        if size > limit:
            raise Unreadable(operation, status=response.status_code, message="the answer is too large")
        if clock() > ends_at:
            raise Unavailable(operation, message="the answer took too long")
        pieces.append(piece)
    return b"".join(pieces)
