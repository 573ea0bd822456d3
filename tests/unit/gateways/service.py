"""A Graph of the test's own: gives scripted answers and remembers what it was asked."""

import json
import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import requests

from licensing_portal.sandbox import ConnectionDropped
from tests.environment import SANDBOX
from tests.sandbox_session import WsgiAdapter

ROOT = f"{SANDBOX}/graph/v1.0"
TENANT = "48a80680-7326-48cd-9935-b556b81d3a4e"


@dataclass(frozen=True)
class Call:
    """One request as it arrived; header names are lower-case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def options(self) -> dict[str, str]:
        return {name: found[0] for name, found in parse_qs(self.query).items()}

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def parts(self) -> list[Any]:
        requests: list[Any] = self.json["requests"]
        return requests


@dataclass(frozen=True)
class Reply:
    status: int
    content: bytes
    headers: Mapping[str, str]


class Service:
    """Gives one prepared answer after the other; the last prepared function answers for ever."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._replies: deque[Reply | Exception] = deque()
        self._always: Callable[[Call], Any] | None = None

    def answers(self, body: Any = None, status: int = 200, **headers: str) -> None:
        """Prepare one answer: JSON, bytes as they are, or nothing; `Retry_After="2"` is a header."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self._replies.append(Reply(status, content, {name.replace("_", "-"): value for name, value in headers.items()}))

    def drops(self) -> None:
        """Prepare a connection that ends without an answer."""
        self._replies.append(ConnectionDropped())

    def always(self, answer: Callable[[Call], Any]) -> None:
        """Answer with the JSON that a function makes of each call."""
        self._always = answer

    @property
    def unused(self) -> int:
        return len(self._replies)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        call = Call(
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"],
            environ["QUERY_STRING"],
            {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name[:5] == "HTTP_"},
            environ["wsgi.input"].read(),
        )
        self.calls.append(call)
        if self._always is not None and not self._replies:
            self.answers(self._always(call))
        reply = self._replies.popleft()
        if isinstance(reply, Exception):
            raise reply
        start_response(f"{reply.status} Answer", list(reply.headers.items()))
        return [reply.content]

    def session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.mount(SANDBOX, WsgiAdapter(self))
        return session


@dataclass
class Clock:
    """Time that passes only while somebody sleeps, and `step` seconds at every look."""

    step: float = 0.0
    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        self.now += self.step
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Half(random.Random):
    """Dice that always show the middle."""

    def random(self) -> float:
        return 0.5


@dataclass
class Tokens:
    """Gives "token-1", and the next one after each time it was told to forget the present one."""

    forgotten: list[str] = field(default_factory=list)

    def token(self, tenant_id: str) -> str:
        return f"token-{len(self.forgotten) + 1}"

    def forget(self, tenant_id: str, token: str) -> None:
        assert token == self.token(tenant_id)
        self.forgotten.append(tenant_id)
