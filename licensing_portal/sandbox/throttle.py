"""The write budget of each tenant: a token bucket (graph-api.md, section 4)."""

import math
import threading
import time

from licensing_portal.sandbox.http import Problem


class WriteBudget:
    """Writes a second with a burst, per tenant; a rate of 0 is no limit."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, float(max(1, burst))
        self._levels: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def spend(self, tenant_id: str) -> None:
        """Take one write or raise 429 with the time after which one is free."""
        if not self._rate:
            return
        now = time.monotonic()
        with self._lock:
            level, at = self._levels.get(tenant_id, (self._burst, now))
            level = min(self._burst, level + (now - at) * self._rate)
            if level >= 1:
                self._levels[tenant_id] = (level - 1, now)
                return
            self._levels[tenant_id] = (level, now)
        raise throttled(tenant_id, max(1, math.ceil((1 - level) / self._rate)))


def throttled(tenant_id: str, seconds: int) -> Problem:
    """Return Graph's 429 of the write limit."""
    headers = {
        "Retry-After": str(seconds),
        "x-ms-throttle-scope": f"Tenant_Application/ReadWrite/sandbox/{tenant_id}",
        "x-ms-throttle-information": "WriteLimitExceeded",
    }
    return Problem(429, "TooManyRequests", "Please retry again later.", headers)
