"""Where bearer tokens come from: a fixed one for a stand-in, or the client credentials flow of an Entra endpoint."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from licensing_portal.gateways.answers import Answer, Json, decode, read_fault, retry_after
from licensing_portal.gateways.errors import AuthenticationFailed, Unavailable, Unreadable
from licensing_portal.gateways.exchange import Limits, SessionFactory, exchange

# A token is not used in the last two minutes of its life.
_EARLY = 120.0
# A token is asked for in front of pages, too, and comes in a moment or not at all.
_LIMITS = Limits(connect=3.0, read=8.0, total=8.0).of_writes()


@dataclass(frozen=True)
class StaticToken:
    """One token for one tenant; any other tenant is refused."""

    value: str
    tenant_id: str

    def token(self, tenant_id: str) -> str:
        """Return the token of its own tenant."""
        if tenant_id != self.tenant_id:
            raise AuthenticationFailed("token", message="there is no token for this tenant")
        return self.value

    def forget(self, tenant_id: str, token: str) -> None:
        """Keep it: there is no other."""


@dataclass
class ClientCredentialsTokens:
    """Tokens by the client credentials flow at `<authority>/<tenant>/oauth2/v2.0/token`, kept per tenant."""

    authority: str
    client_id: str
    client_secret: str
    scope: str
    session_factory: SessionFactory
    clock: Callable[[], float] = time.monotonic
    _kept: dict[str, tuple[str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def token(self, tenant_id: str) -> str:
        """Return a kept token, or ask for a new one."""
        with self._lock:
            kept = self._kept.get(tenant_id)
        if kept is not None and kept[1] > self.clock():
            return kept[0]
        value, lives = self._ask(tenant_id)
        with self._lock:
            self._kept[tenant_id] = (value, self.clock() + max(0.0, lives - _EARLY))
        return value

    def forget(self, tenant_id: str, token: str) -> None:
        """Drop the tenant's token, unless another thread has brought a new one meanwhile."""
        with self._lock:
            if self._kept.get(tenant_id, ("",))[0] == token:
                del self._kept[tenant_id]

    def _ask(self, tenant_id: str) -> tuple[str, float]:
        """Ask the authority once; return the token and its life in seconds."""
        operation = "POST token"
        with self.session_factory() as session:
            answer = exchange(
                session,
                "POST",
                f"{self.authority}/{tenant_id}/oauth2/v2.0/token",
                operation=operation,
                limits=_LIMITS,
                clock=self.clock,
                data={
                    "grant_type": "client_credentials",
                    "client_id": self.client_id,
                    "client_secret": self.client_secret,
                    "scope": self.scope,
                },
            )
        return _read_token(answer, operation)


def _read_token(answer: Answer, operation: str) -> tuple[str, float]:
    """Return token and life of an answer; raises AuthenticationFailed, Unavailable or Unreadable."""
    if answer.status != 200:
        fault = read_fault(answer)
        refused = 400 <= answer.status < 500 and answer.status not in (408, 429)
        raise (AuthenticationFailed if refused else Unavailable)(
            operation,
            status=answer.status,
            code=fault.code,
            message=fault.message,
            request_id=fault.request_id,
            retry_after=retry_after(answer.headers, datetime.now(UTC)),
        )
    body = decode(answer.body, operation)
    value = body.get("access_token") if isinstance(body, dict) else None
    lives = body.get("expires_in", 0) if isinstance(body, dict) else 0
    if not isinstance(value, str) or not value:
        # Nobody was refused: whoever asks again may get one.
        raise Unreadable(operation, status=200, message="the answer holds no token")
    return value, _seconds(lives)


def _seconds(lives: Json) -> float:
    """Return a life in seconds, whole or not, as a number or as text; 0 when it is none."""
    try:
        seconds = float(lives) if isinstance(lives, (int, float, str)) and not isinstance(lives, bool) else 0.0
    except (ValueError, OverflowError):
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0
