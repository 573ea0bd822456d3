"""Requests to one tenant's Graph: tokens, repeats of reads, lists of many pages.

A request never goes to an address that does not begin with the configured root.
"""

import logging
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import requests

from licensing_portal.gateways.answers import Answer, Json, decode, error_for, wait_before
from licensing_portal.gateways.errors import AuthenticationFailed, GatewayError, NotSent, Unavailable, Unreadable
from licensing_portal.gateways.exchange import PATIENT, Limits, SessionFactory, exchange, new_session
from licensing_portal.gateways.links import address_of
from licensing_portal.gateways.protocol import TokenSource

logger = logging.getLogger(__name__)

BATCH: Final = "/$batch"
MAX_PAGES: Final = 10_000
READ_TRIES: Final = 6
_RETRIED: Final = frozenset({0, 424, 429, 500, 502, 503, 504})


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
    limits: Limits = PATIENT
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    dice: random.Random = field(default_factory=random.Random)
    _session: requests.Session | None = None
    # The one that went with the last request.
    _token: str = field(default="", repr=False)

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Json:
        """Read one object or page; retries by itself. Raises GatewayError."""
        return self.read("GET", path, headers=headers)

    def read(
        self,
        method: str,
        path: str,
        *,
        body: Json = None,
        headers: Mapping[str, str] | None = None,
        ends_at: float | None = None,
    ) -> Json:
        """Send a request that changes nothing, and repeat it while that may help; return its JSON.

        No wait and no try begins that would last beyond `ends_at` (of `clock`; left out: the patience of one read).
        """
        ends_at = self.ends_at() if ends_at is None else ends_at
        attempt = 0
        while True:
            try:
                return self._read_once(method, path, body, headers, self.limits.within(ends_at - self.clock()))
            except GatewayError as error:
                if not _is_retried(error):
                    raise
                self.wait_or_raise(error, attempt, ends_at)
            attempt += 1

    def ends_at(self) -> float:
        """Return when the patience of a read that begins now is at its end."""
        return self.clock() + self.limits.patience

    def wait_or_raise(self, error: GatewayError, attempt: int, ends_at: float) -> None:
        """Wait before the next try; raise the error when tries or patience are used up."""
        wait = wait_before(attempt, error.retry_after, self.dice)
        if attempt == READ_TRIES - 1 or self.clock() + wait > ends_at:
            raise error
        logger.info("repeating %s in %.1f s", error, wait)
        self.sleep(wait)

    def pages(self, path: str, *, headers: Mapping[str, str] | None = None) -> Iterator[list[Json]]:
        """Yield the `value` lists of all pages; the same headers go with every page."""
        for page in self.whole_pages(path, headers=headers):
            yield page_values(page, path)

    def whole_pages(self, path: str, *, headers: Mapping[str, str] | None = None) -> Iterator[Json]:
        """Yield all pages with their links, each of them a page that has a list."""
        seen: set[str] = set()
        following: str | None = path
        while following is not None:
            if following in seen or len(seen) >= MAX_PAGES:
                raise Unreadable(f"GET {_without_query(path)}", message="the next links do not end")
            seen.add(following)
            page = self.get(following, headers=headers)
            page_values(page, path)
            yield page
            following = self.next_path(page, following)

    def next_path(self, page: Json, operation: str, name: str = "@odata.nextLink") -> str | None:
        """Return where the next link of a page leads; one that leaves the configured root is refused."""
        link = page.get(name) if isinstance(page, dict) else None
        if link is None:
            return None
        asked = self._address(operation)
        address = address_of(link, base_url=self.base_url, asked=asked) if isinstance(link, str) else None
        if address is None:
            raise Unreadable(f"GET {_without_query(operation)}", message="the next link leads elsewhere")
        return address

    def send(
        self,
        method: str,
        path: str,
        body: Json,
        *,
        headers: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> Answer:
        """Send one request once (twice when the token is refused, which proves that nothing happened).

        Returns any answer, errors too. Raises Unavailable when there is none (NotSent when the request has not left
        either), AuthenticationFailed when a token is refused.
        """
        limits = limits or self.limits
        answer = self._send_once(method, path, body, headers, limits)
        if answer.status != 401:
            return answer
        self.forget_token()
        return self._send_once(method, path, body, headers, limits)

    def forget_token(self) -> None:
        """Drop the token of the last request: the service has refused it."""
        self.tokens.forget(self.tenant_id, self._token)

    def _read_once(self, method: str, path: str, body: Json, headers: Mapping[str, str] | None, limits: Limits) -> Json:
        """Return the JSON of one try; raises GatewayError."""
        operation = f"{method} {_without_query(path)}"
        answer = self.send(method, path, body, headers=headers, limits=limits)
        # 424: a batch with parts that failed; they are judged one by one.
        if 200 <= answer.status < 300 or (answer.status == 424 and path == BATCH):
            return decode(answer.body, operation)
        raise error_for(answer, operation)

    def _send_once(
        self, method: str, path: str, body: Json, headers: Mapping[str, str] | None, limits: Limits
    ) -> Answer:
        """Send to the tenant's root with the tenant's token."""
        if self._session is None:
            self._session = self.session_factory()
        return exchange(
            self._session,
            method,
            self._address(path),
            operation=f"{method} {_without_query(path)}",
            limits=limits,
            clock=self.clock,
            json=body,
            headers=self._headers(headers),
        )

    def _address(self, path: str) -> str:
        """Return the whole address of a path below the root, or of a link that has passed."""
        return path if path.startswith(f"{self.base_url}/") else f"{self.base_url}{path}"

    def _headers(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        try:
            self._token = self.tokens.token(self.tenant_id)
        except (Unavailable, Unreadable) as error:
            # What is not known is what became of the token: this request has not left.
            raise NotSent.for_want_of(error) from None
        return {
            "Authorization": f"Bearer {self._token}",
            "Accept": "application/json",
            "client-request-id": str(uuid.uuid4()),
            "x-ms-throttle-priority": self.priority,
            **(extra or {}),
        }


def page_values(page: Json, operation: str) -> list[Json]:
    """Return a page's list; an answer without one is not a page."""
    values = page.get("value") if isinstance(page, dict) else None
    if not isinstance(values, list):
        raise Unreadable(f"GET {_without_query(operation)}", message="the answer has no list")
    return values


def _is_retried(error: GatewayError) -> bool:
    """Tell whether repeating a read may help."""
    # Status 0: no answer at all, or one that was cut.
    return error.status in _RETRIED and not isinstance(error, AuthenticationFailed)


def _without_query(path: str) -> str:
    return path.partition("?")[0]
