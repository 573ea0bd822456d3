"""The sandbox as one WSGI application: Graph, the token endpoint and the control room under one address."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from licensing_portal.sandbox import control, entra, graph
from licensing_portal.sandbox.batch import run_batch
from licensing_portal.sandbox.faults import Faults, wrong_answer
from licensing_portal.sandbox.http import Json, Problem, Reply, Request, error_reply, parse_query
from licensing_portal.sandbox.journal import Journal
from licensing_portal.sandbox.model import Tenant
from licensing_portal.sandbox.seed import PARTNER_TENANT_ID, STORY_TENANT_ID, Blueprint, blueprints, build
from licensing_portal.sandbox.store import Store
from licensing_portal.sandbox.throttle import WriteBudget, cost_headers

GRAPH = "/graph/v1.0"


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How the sandbox behaves; `users` None means 5 to 2,000 users a tenant, `writes_per_second` 0 no limit."""

    customers: int = 25
    users: int | None = None
    seed: int = 1
    latency_ms: float = 0
    writes_per_second: float = 20.0
    write_burst: int = 300
    state_file: str | None = None
    consumed_lag_seconds: float = 5.0
    index_lag_seconds: float = 10.0
    # So long after a change of a group's licences its members get them.
    group_lag_seconds: float = 3.0
    # Also apply the dependencies that are widely told and confirmed by no source.
    strict_dependencies: bool = False


class Sandbox:
    """All tenants and what happens to them; a WSGI callable, safe for threads."""

    partner_tenant_id = PARTNER_TENANT_ID
    story_tenant_id = STORY_TENANT_ID

    def __init__(self, options: SandboxOptions | None = None) -> None:
        self.options = options or SandboxOptions()
        self.faults = Faults()
        self.journal = Journal()
        self._lock = threading.RLock()
        self._store = Store(self.options.state_file)
        self._start()
        self._store.load(self)

    def _start(self) -> None:
        """Begin with the seeded data."""
        self.blueprints: dict[str, Blueprint] = {
            blueprint.tenant_id: blueprint for blueprint in blueprints(self.options)
        }
        self._tenants: dict[str, Tenant] = {}
        self.budget = WriteBudget(self.options.writes_per_second, self.options.write_burst)

    def reset(self) -> None:
        """Bring the seeded data back and drop faults."""
        with self._lock:
            self._start()
            self.faults.clear()
            self._store.changed(self)

    def tenant(self, tenant_id: str) -> Tenant | None:
        """Return a tenant, made on first use; None for an unknown id."""
        with self._lock:
            key = tenant_id.lower()
            if key not in self._tenants and key in self.blueprints:
                self._tenants[key] = build(self.blueprints[key], self.options)
            return self._tenants.get(key)

    @property
    def tenants(self) -> tuple[str, ...]:
        """The customers' tenant ids, the story first."""
        return tuple(key for key in self.blueprints if key != PARTNER_TENANT_ID)

    @property
    def built(self) -> list[Tenant]:
        """Tenants that have been used so far."""
        return list(self._tenants.values())

    def customers(self) -> list[Tenant]:
        """Return the customers for the partner's lists; those not used yet without their users."""
        return [self._tenants.get(key) or self.blueprints[key].outline() for key in self.tenants]

    def token_for(self, tenant_id: str) -> str:
        """Return a bearer token of a tenant."""
        return entra.token_for(tenant_id)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one WSGI request; raises ConnectionDropped where a fault cuts the line."""
        request = _request(environ)
        reply = self.handle(request)
        content = reply.content()
        headers = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-cache", **reply.headers}
        if reply.status == 204 or (not content and reply.data is None):
            headers.pop("Content-Type")
        headers["Content-Length"] = str(len(content))
        start_response(f"{reply.status} {_REASONS.get(reply.status, 'Answer')}", list(headers.items()))
        return [] if request.method == "HEAD" else [content]

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        if request.path.startswith("/_control/"):
            return control.answer(self, request)
        if self.options.latency_ms:
            time.sleep(self.options.latency_ms / 1000)
        return self._call(request, None)

    def save_now(self) -> None:
        """Write the state file if there is one."""
        self._store.save(self)

    def _call(self, request: Request, batch: int | None) -> Reply:
        """Log one call or batch part, let faults have it, and answer."""
        tenant_id = entra.tenant_of(_bearer(request))
        entry = self.journal.begin(request.method, request.path, tenant_id, batch, _logged_body(request))
        rule = self.faults.take(request.method, request.path)
        try:
            good = None
            if rule is None or rule.commits_first:
                good = self._answer(request, tenant_id, entry["n"])
            reply = good if rule is None else wrong_answer(rule, request, good)
            assert reply is not None
        except Problem as problem:
            reply = error_reply(problem, request)
        entry["status"] = reply.status
        if request.method in graph.WRITES:
            self._store.changed(self)
        return reply

    def _answer(self, request: Request, tenant_id: str | None, number: int) -> Reply:
        """Answer without faults; refusals become Graph's error bodies."""
        try:
            reply = self._route(request, tenant_id, number)
        except Problem as problem:
            reply = error_reply(problem, request)
        reply.headers.setdefault("x-ms-resource-unit", "1")
        client_id = request.headers.get("client-request-id")
        if client_id:
            reply.headers.setdefault("client-request-id", client_id)
        return reply

    def _route(self, request: Request, tenant_id: str | None, number: int) -> Reply:
        """Find who answers: a part of a batch has no root of its own."""
        if request.path.startswith("/entra/"):
            return self._entra(request)
        if not request.path.startswith(f"{GRAPH}/"):
            raise Problem(404, "BadRequest", f"Resource not found for the segment '{request.path.strip('/')}'.")
        tenant = self.tenant(tenant_id) if tenant_id else None
        if tenant is None:
            raise Problem(401, "InvalidAuthenticationToken", "Access token is empty or not valid.")
        inner = request.path.removeprefix(GRAPH)
        if inner == "/$batch":
            return self._batch(request, number)
        used = self.budget.spend(tenant.tenant_id) if request.method in graph.WRITES else 0.0
        cost = cost_headers(request, inner, used)
        try:
            with tenant.lock:
                reply = graph.answer(self, tenant, _below(request, inner))
        except Problem as problem:
            problem.headers = {**cost, **problem.headers}
            raise
        reply.headers = {**cost, **reply.headers}
        return reply

    def _batch(self, request: Request, number: int) -> Reply:
        """Run the parts of a batch, each as a call of its own with its own log entry and faults."""
        if request.method != "POST":
            raise Problem(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
        token = request.headers.get("authorization", "")

        def run_part(part: Request) -> Reply:
            part.path = f"{GRAPH}{part.path}"
            part.headers["authorization"] = token
            return self._call(part, number)

        return run_batch(request, run_part)

    def _entra(self, request: Request) -> Reply:
        parts = request.path.strip("/").split("/")
        if len(parts) != 5 or parts[2:] != ["oauth2", "v2.0", "token"]:
            raise Problem(404, "BadRequest", f"Resource not found for the segment '{request.path}'.")
        if request.method != "POST":
            raise Problem(405, "BadRequest", "Specified HTTP method is not allowed for the request target.")
        tenant_id = parts[1].lower()
        known = tenant_id in self.blueprints
        built = self._tenants.get(tenant_id)
        allowed = built is None or built.relationship in ("active", "expiring")
        return entra.token_reply(request, tenant_id, known=known, allowed=allowed)


def _below(request: Request, path: str) -> Request:
    """Return the request with its path below the root; the log keeps the whole one."""
    return Request(request.method, path, request.query, request.headers, request.body, request.root, request.data)


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.casefold() == "bearer" else ""


def _logged_body(request: Request) -> Json:
    """Return a body for the log; parts of a batch are logged on their own, forms not at all."""
    if request.path.endswith("/$batch") or request.path.startswith("/entra/"):
        return None
    try:
        return request.json()
    except ValueError:
        return None


def _request(environ: dict[str, Any]) -> Request:
    """Read a WSGI environment; next links begin with the address that was called."""
    length = environ.get("CONTENT_LENGTH") or "0"
    body = environ["wsgi.input"].read(int(length)) if length.isdigit() and int(length) else b""
    headers = {
        name[5:].replace("_", "-").casefold(): value for name, value in environ.items() if name.startswith("HTTP_")
    }
    host = environ.get("HTTP_HOST") or f"{environ.get('SERVER_NAME')}:{environ.get('SERVER_PORT')}"
    path = environ.get("PATH_INFO", "").encode("latin-1", "replace").decode("utf-8", "replace")
    return Request(
        method=environ["REQUEST_METHOD"].upper(),
        path=unquote(quote(path)),
        query=parse_query(environ.get("QUERY_STRING", "")),
        headers=headers,
        body=body,
        root=f"{environ.get('wsgi.url_scheme', 'http')}://{host}{GRAPH}",
    )


_REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
