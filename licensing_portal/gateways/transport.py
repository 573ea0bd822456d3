"""The one place with a session, timeouts and retries: sends one request to one tenant's Graph.

A request never follows a redirect, never takes credentials or proxies from the environment, and never goes to an
address that does not begin with the configured root.
"""

import logging
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import requests
from requests.adapters import HTTPAdapter

from licensing_portal.gateways.answers import Answer, Json, decode, error_for, lower_headers, retry_after, wait_before
from licensing_portal.gateways.errors import AuthenticationFailed, GatewayError, Throttled, Unavailable, Unreadable
from licensing_portal.gateways.protocol import TokenSource

logger = logging.getLogger(__name__)

type SessionFactory = Callable[[], requests.Session]

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 30.0
TOTAL_SECONDS: Final = 60.0
MAX_BODY: Final = 50 * 1024 * 1024
MAX_ERROR_BODY: Final = 5 * 1024 * 1024
MAX_PAGES: Final = 10_000
READ_TRIES: Final = 6
# Reads give up when the waits together would grow longer than this.
READ_PATIENCE: Final = 150.0
_RETRIED: Final = frozenset({429, 500, 502, 503, 504})


def new_session() -> requests.Session:
    """Return a session that sends each request once and takes nothing from the environment."""
    session = requests.Session()
    session.trust_env = False
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=16, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


@dataclass
class Transport:
    """Requests to one tenant under one root address.

    `sleep`, `clock` and `dice` are given by tests. The session is made on first use and kept.
    """

    base_url: str
    tenant_id: str
    tokens: TokenSource
    session_factory: SessionFactory = new_session
    priority: str = "high"
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    dice: random.Random = field(default_factory=random.Random)
    _session: requests.Session | None = None

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Json:
        """Read one object or page; retries by itself. Raises GatewayError."""
        return self.read("GET", path, headers=headers)

    def read(self, method: str, path: str, *, body: Json = None, headers: Mapping[str, str] | None = None) -> Json:
        """Send a request that changes nothing, and repeat it while that may help; return its JSON."""
        started = self.clock()
        for attempt in range(READ_TRIES):
            error = self._try_read(method, path, body, headers)
            if not isinstance(error, GatewayError):
                return error[0]
            asked = error.retry_after
            wait = wait_before(attempt, asked, self.dice)
            last = attempt == READ_TRIES - 1
            if not _is_retried(error) or last or self.clock() - started + wait > READ_PATIENCE:
                raise error
            logger.info("repeating %s in %.1f s", error, wait)
            self.sleep(wait)
        raise AssertionError("unreachable")

    def pages(self, path: str, *, headers: Mapping[str, str] | None = None) -> Iterator[list[Json]]:
        """Yield the `value` lists of all pages; the same headers go with every page."""
        seen: set[str] = set()
        following: str | None = path
        while following is not None:
            if following in seen or len(seen) >= MAX_PAGES:
                raise Unreadable(f"GET {path}", message="the next links do not end")
            seen.add(following)
            page = self.get(following, headers=headers)
            yield page_values(page, path)
            following = self.next_path(page, path)

    def next_path(self, page: Json, operation: str) -> str | None:
        """Return the next link of a page, whole; one that leaves the configured root is refused."""
        link = page.get("@odata.nextLink") if isinstance(page, dict) else None
        if link is None:
            return None
        if not isinstance(link, str) or not link.startswith(f"{self.base_url}/"):
            raise Unreadable(f"GET {operation}", message="the next link leads elsewhere")
        return link

    def send(self, method: str, path: str, body: Json, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request once (twice when the token is refused, which proves that nothing happened).

        Returns any answer, errors too. Raises Unavailable when there is none, AuthenticationFailed without a token.
        """
        answer = self._send_once(method, path, body, headers)
        if answer.status != 401:
            return answer
        self.tokens.forget(self.tenant_id)
        return self._send_once(method, path, body, headers)

    def _try_read(
        self, method: str, path: str, body: Json, headers: Mapping[str, str] | None
    ) -> GatewayError | tuple[Json]:
        """Return the JSON in a tuple, or the error of one try."""
        operation = f"{method} {_without_query(path)}"
        try:
            answer = self.send(method, path, body, headers=headers)
            if 200 <= answer.status < 300:
                return (decode(answer.body, operation),)
            return error_for(answer, operation)
        except AuthenticationFailed:
            raise
        except GatewayError as error:
            return error

    def _send_once(self, method: str, path: str, body: Json, headers: Mapping[str, str] | None) -> Answer:
        """Send, and read the whole answer within the total time."""
        operation = f"{method} {_without_query(path)}"
        url = path if path.startswith(f"{self.base_url}/") else f"{self.base_url}{path}"
        if self._session is None:
            self._session = self.session_factory()
        ends_at = self.clock() + TOTAL_SECONDS
        try:
            with self._session.request(
                method,
                url,
                json=body,
                headers=self._headers(headers),
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
            ) as response:
                content = self._content(response, operation, ends_at)
                return Answer(response.status_code, lower_headers(response.headers), content)
        except requests.RequestException as error:
            # Only the kind of the error: its text may hold addresses and tokens.
            raise Unavailable(operation, message=type(error).__name__) from None

    def _headers(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.tokens.token(self.tenant_id)}",
            "Accept": "application/json",
            "client-request-id": str(uuid.uuid4()),
            "x-ms-throttle-priority": self.priority,
            **(extra or {}),
        }

    def _content(self, response: requests.Response, operation: str, ends_at: float) -> bytes:
        """Read a body piece by piece: a drip must not outlast the total time, nor a flood the memory."""
        limit = MAX_BODY if response.status_code < 400 else MAX_ERROR_BODY
        pieces: list[bytes] = []
        size = 0
        for piece in response.iter_content(64 * 1024):
            size += len(piece)
            if size > limit:
                raise Unreadable(operation, status=response.status_code, message="the answer is too large")
            if self.clock() > ends_at:
                raise Unavailable(operation, status=response.status_code, message="the answer took too long")
            pieces.append(piece)
        return b"".join(pieces)


def page_values(page: Json, operation: str) -> list[Json]:
    """Return a page's list; an answer without one is not a page."""
    values = page.get("value") if isinstance(page, dict) else None
    if not isinstance(values, list):
        raise Unreadable(f"GET {_without_query(operation)}", message="the answer has no list")
    return values


def _is_retried(error: GatewayError) -> bool:
    """Tell whether repeating a read may help."""
    if isinstance(error, Throttled):
        return True
    return isinstance(error, Unavailable) or (isinstance(error, Unreadable) and error.status in {0, *_RETRIED})


def _without_query(path: str) -> str:
    return path.partition("?")[0]


__all__ = ["SessionFactory", "Transport", "new_session", "page_values", "retry_after"]
