"""The log of calls, one entry per HTTP call and per part of a `$batch`."""

import re
import threading
import time
from collections import Counter, deque
from typing import Any

_KEPT = 300_000
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_USER = re.compile(r"/users/(?!delta\b|\$count\b)([^/?]+)")


class Journal:
    """A ring of calls with counts by method and path."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._number = 0
            self._calls: deque[dict[str, Any]] = deque(maxlen=_KEPT)
            self._counts: Counter[str] = Counter()

    def begin(self, method: str, path: str, tenant: str | None, batch: int | None, body: Any) -> dict[str, Any]:
        """Note a call before it is worked on; its status follows."""
        user = _USER.search(path)
        entry: dict[str, Any] = {
            "n": 0,
            "at": time.time(),
            "method": method,
            "path": path,
            "tenant": tenant,
            "status": 0,
            "batch": batch,
            "user": user.group(1) if user else None,
            "body": body,
        }
        bare = _GUID.sub("{id}", _USER.sub("/users/{id}", path))
        with self._lock:
            self._number += 1
            entry["n"] = self._number
            self._calls.append(entry)
            self._counts[f"{method} {bare}"] += 1
        return entry

    def show(self) -> dict[str, Any]:
        """Return calls and counts."""
        with self._lock:
            return {"calls": [dict(entry) for entry in self._calls], "counts": dict(self._counts)}
