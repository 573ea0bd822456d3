"""The write budget of each tenant: a token bucket (graph-api.md, section 4)."""

import math
import threading
import time

from licensing_portal.sandbox.http import Problem, Request


class WriteBudget:
    """Writes a second with a burst, per tenant; a rate of 0 is no limit."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, float(max(1, burst))
        self._levels: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def spend(self, tenant_id: str) -> float:
        """Take one write and return how much of the budget is used (0 to 1), or raise 429 with the time to wait."""
        if not self._rate:
            return 0.0
        now = time.monotonic()
        with self._lock:
            level, at = self._levels.get(tenant_id, (self._burst, now))
            level = min(self._burst, level + (now - at) * self._rate)
            if level >= 1:
                self._levels[tenant_id] = (level - 1, now)
                return 1 - (level - 1) / self._burst
            self._levels[tenant_id] = (level, now)
        raise throttled(tenant_id, max(1, math.ceil((1 - level) / self._rate)))


# Resource units of reads that cost more than one (graph-api.md, section 4).
_UNITS = {"users": 2, "subscribedskus": 3, "contracts": 3}
_UNITS_BELOW = {"licensedetails": 2, "memberof": 2, "transitivememberof": 2, "members": 3, "transitivemembers": 3}
_WARNING_FROM = 0.8


def cost_headers(request: Request, path: str, used: float) -> dict[str, str]:
    """Return what Graph says of a call's cost, and of the limit once most of it is used up."""
    headers = {"x-ms-resource-unit": str(_units(request, path.strip("/").casefold()))}
    if used > _WARNING_FROM:
        headers["x-ms-throttle-limit-percentage"] = f"{used:.2f}"
    return headers


def _units(request: Request, path: str) -> int:
    if request.method != "GET":
        return 1
    parts = path.split("/")
    units = _UNITS.get(path, 1) if len(parts) == 1 else _UNITS_BELOW.get(parts[2], 1) if len(parts) == 3 else 1
    query, top = request.query, request.query.get("$top", "")
    units += ("$expand" in query) - ("$select" in query) - (top.isdigit() and int(top) < 20)
    return max(1, units)


def throttled(tenant_id: str, seconds: int) -> Problem:
    """Return Graph's 429 of the write limit."""
    headers = {
        "Retry-After": str(seconds),
        "x-ms-throttle-scope": f"Tenant_Application/ReadWrite/sandbox/{tenant_id}",
        "x-ms-throttle-information": "WriteLimitExceeded",
    }
    return Problem(429, "TooManyRequests", "Please retry again later.", headers)
