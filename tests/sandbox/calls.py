"""Calls to the sandbox without a socket and without our client: plain requests of its own."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from licensing_portal.sandbox import STORY_TENANT_ID, Sandbox, SandboxOptions
from licensing_portal.sandbox.http import Reply, Request, parse_query

ROOT = "http://sandbox.test/graph/v1.0"
EVENTUAL = {"ConsistencyLevel": "eventual"}


def calm(**options: Any) -> Sandbox:
    """A sandbox with the story alone, without limits and lags."""
    usual = {"customers": 1, "writes_per_second": 0, "consumed_lag_seconds": 0, "index_lag_seconds": 0}
    return Sandbox(SandboxOptions(**{**usual, **options}))


@dataclass
class Caller:
    """Somebody with the story's token."""

    sandbox: Sandbox
    token: str | None = None
    tenant_id: str = STORY_TENANT_ID
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Send one request; `path` may be a whole next link."""
        address = urlsplit(path.removeprefix(ROOT) if path.startswith(ROOT) else path)
        root = "" if address.path.startswith(("/_control", "/entra", "/graph", "/partner")) else "/graph/v1.0"
        token = self.sandbox.token_for(self.tenant_id) if self.token is None else self.token
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        named = {"authorization": f"Bearer {token}", **self.headers, **headers}
        return self.sandbox.handle(
            Request(
                method,
                f"{root}{address.path}",
                parse_query(address.query),
                {name.casefold().replace("_", "-"): value for name, value in named.items()},
                content,
                ROOT,
            )
        )

    def get(self, path: str, **headers: str) -> Any:
        """Return the JSON of a GET that must succeed."""
        reply = self("GET", path, **headers)
        assert reply.status == 200, reply.data
        return reply.data

    def pages(self, path: str, **headers: str) -> list[Any]:
        """Return every page of a list."""
        found = [self.get(path, **headers)]
        while "@odata.nextLink" in found[-1]:
            found.append(self.get(found[-1]["@odata.nextLink"], **headers))
        return found
