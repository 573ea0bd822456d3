"""Injected faults: which calls go wrong, how often, and how (design, section 8)."""

import re
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from licensing_portal.sandbox.http import ConnectionDropped, Json, Problem, Reply, Request, error_reply

_CODES = {
    400: "Request_BadRequest",
    401: "InvalidAuthenticationToken",
    403: "Authorization_RequestDenied",
    404: "Request_ResourceNotFound",
    409: "Directory_ConcurrencyViolation",
    429: "TooManyRequests",
    500: "Service_InternalServerError",
    503: "serviceNotAvailable",
    504: "UnknownError",
}


@dataclass
class Fault:
    """One rule; `times` calls go wrong after `skip` matching ones went well."""

    match: str
    times: int = 1
    skip: int = 0
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Json = None
    delay_ms: int = 0
    reset: str | None = None
    truncate: bool = False
    after_commit: bool = False

    def __post_init__(self) -> None:
        method, _, path = self.match.partition(" ")
        pattern = ".*".join(re.escape(part) for part in path.strip().split("*"))
        self._method = method.upper()
        self._path = re.compile(pattern, re.IGNORECASE)

    def fits(self, method: str, path: str) -> bool:
        """Tell whether the rule speaks of this call."""
        return self._method in ("*", method) and self._path.fullmatch(path) is not None

    @property
    def commits_first(self) -> bool:
        """Whether the call does its work before it goes wrong."""
        return self.after_commit or self.reset == "after" or self.truncate or not self.answers

    @property
    def answers(self) -> bool:
        """Whether the rule replaces the answer (a delay alone does not)."""
        return self.status is not None or self.reset is not None or self.truncate or self.body is not None


class Faults:
    """The present rules."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, data: dict[str, Any]) -> Fault:
        """Add a rule from JSON; raises ValueError for a wrong one."""
        known = {name: data[name] for name in Fault.__dataclass_fields__ if name in data}
        if not isinstance(known.get("match"), str) or " " not in known["match"]:
            raise ValueError("match must be a method or *, a space, and a path")
        if known.get("reset") not in (None, "before", "after"):
            raise ValueError("reset must be before or after")
        for name, kind in (("times", int), ("skip", int), ("delay_ms", (int, float)), ("headers", dict)):
            if name in known and not isinstance(known[name], kind):
                raise ValueError(f"{name} has a wrong type")
        if not isinstance(known.get("status", 200), (int, type(None))):
            raise ValueError("status must be a number")
        rule = Fault(**known)
        with self._lock:
            self._rules.append(rule)
        return rule

    def show(self) -> list[dict[str, Any]]:
        """Return the rules that still wait for a call, with how many they have left."""
        with self._lock:
            return [asdict(rule) for rule in self._rules if rule.times > 0]

    def clear(self) -> None:
        """Drop all rules."""
        with self._lock:
            self._rules.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the rule that this call falls under, counting it down."""
        if not self._rules:
            return None
        with self._lock:
            for rule in self._rules:
                if not rule.fits(method, path):
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                if rule.times > 0:
                    rule.times -= 1
                    return rule
        return None


def wrong_answer(rule: Fault, request: Request, good: Reply | None) -> Reply:
    """Return what the caller gets under a rule, or cut the connection. `good` is the true answer, if there is one."""
    if rule.delay_ms:
        time.sleep(rule.delay_ms / 1000)
    if rule.reset is not None:
        raise ConnectionDropped
    if rule.truncate:
        content = (good or Reply(200, {})).content()
        raise ConnectionDropped(sent=content[: max(1, len(content) // 2)])
    if not rule.answers and good is not None:
        return good
    headers = {str(name): str(value) for name, value in rule.headers.items()}
    status = rule.status if rule.status is not None else 200
    if rule.body is not None:
        if isinstance(rule.body, str):
            return Reply(status, None, headers, raw=rule.body.encode())
        return Reply(status, rule.body, headers)
    if status < 400:
        return Reply(status, good.data if good else None, headers)
    return error_reply(Problem(status, _CODES.get(status, "UnknownError"), f"Injected {status}.", headers), request)
