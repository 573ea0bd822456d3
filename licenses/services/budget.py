"""The write budget of one tenant, shared by all workers of all machines: a token bucket in one row.

Graph allows 3,000 writes in 150 s per tenant and app (graph-api.md, section 4); every user of a batch costs one.
The circuit beside it stops calling a tenant whose answers stay away (security-reliability.md, 5.2).
"""

import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.db.models.functions import Greatest, Least

from licenses.models import Throttle

# The rate after a 429: half, never below a quarter of the configured one; it grows by one write a second each minute.
_PACE = "{least}(rate, pace + {greatest}(0, %(now)s - paced_at) / 60.0)"
_LEFT_TO_SMALL = "CASE WHEN %(is_small)s = 0 AND reserved_until > %(now)s THEN reserved ELSE 0 END"
_FILLED = "{least}(cap, tokens + " + _PACE + " * {greatest}(0, %(now)s - at))"
# One UPDATE, granted when it changed the row: two workers can never spend the same token. While the circuit is open
# the one who is granted is the probe, and everybody else waits for what becomes of it.
_TAKE = f"""
UPDATE licenses_throttle
SET tokens = {_FILLED} - %(n)s, at = {{greatest}}(at, %(now)s), is_probing = open_seconds > 0,
    blocked_until = CASE WHEN open_seconds > 0 THEN %(now)s + %(probe)s ELSE blocked_until END
WHERE key = %(key)s AND blocked_until <= %(now)s
  AND (%(n)s = 0 OR {_FILLED} >= %(n)s + {_LEFT_TO_SMALL})
"""
# Longer than one call may take.
_PROBE_SECONDS = 75.0
# A small change that has not begun by then, lost its worker.
_RESERVED_SECONDS = 30.0

# So many calls without a clear answer, in a row or among the last 20, open the circuit.
_IN_A_ROW, _OF_LAST, _LAST = 5, 10, 20
_MASK = (1 << _LAST) - 1
_OPENS_FOR, _OPENS_AT_MOST = 30.0, 300.0


@dataclass(frozen=True, slots=True)
class Budget:
    """The bucket of one tenant; `rate` is writes a second (0: no limit), `cap` its burst.

    A small change (`is_small`) may take what the large ones must leave to it.
    """

    tenant_id: str
    rate: float
    cap: float
    is_small: bool = False

    @classmethod
    def of(cls, tenant_id: str, *, is_small: bool = False) -> "Budget":
        """Return the tenant's bucket with the configured limits, made on first use."""
        budget = cls(tenant_id, settings.WRITES_PER_SECOND, settings.WRITE_BURST, is_small)
        budget._ensure()
        return budget

    @property
    def largest_grant(self) -> int:
        """The most tokens that one call should take: a quarter of the bucket, so that several are on their way."""
        return max(1, int(self.cap) // 4) if self.rate else 20

    def take(self, number: int) -> bool:
        """Take `number` tokens if they are there and nobody has to wait for Microsoft."""
        names = ("LEAST", "GREATEST") if connection.vendor == "postgresql" else ("MIN", "MAX")
        values: dict[str, float | int | str] = {
            "now": time.time(),
            "n": float(number) if self.rate else 0.0,
            "key": self.tenant_id,
            "is_small": int(self.is_small),
            "probe": _PROBE_SECONDS,
        }
        with connection.cursor() as cursor:
            cursor.execute(_TAKE.format(least=names[0], greatest=names[1]), values)
            return bool(cursor.rowcount == 1)

    def give_back(self, number: int) -> None:
        """Return tokens that a claim did not use."""
        if self.rate and number > 0:
            self._row().update(tokens=F("tokens") + number)

    def skip(self, number: int) -> None:
        """Return what was taken for a call that is not needed; if it was to try Microsoft, the next one tries."""
        self.give_back(number)
        self._row().filter(is_probing=True).update(is_probing=False, blocked_until=0)

    def reserve(self, number: int) -> None:
        """Let the large changes leave so many tokens to a small one that is about to call."""
        self._row().update(reserved=number, reserved_until=time.time() + _RESERVED_SECONDS)

    def release(self) -> None:
        """Let the large changes have all tokens again."""
        self._row().update(reserved=0, reserved_until=0)

    def heard(self, number: int, *, is_clear: bool) -> float:
        """Note that a call of `number` writes was answered; return for how many seconds the circuit opens.

        What was taken for it begins to come back only now: Microsoft may have counted it a moment ago.
        """
        now = time.time()
        filled = Least(F("cap") - float(number), F("tokens") + _pace(now) * Greatest(Value(0.0), now - F("at")))
        changes: dict[str, Any] = {"tokens": filled, "at": Greatest(F("at"), Value(now))}
        if is_clear:
            changes |= {
                "unclear": 0,
                "recent": F("recent").bitleftshift(1).bitand(_MASK),
                "open_seconds": 0,
                "is_probing": False,
                # What the circuit put up; a wait that Microsoft named stands.
                "blocked_until": Case(When(open_seconds__gt=0, then=Value(0.0)), default=F("blocked_until")),
            }
        self._row().update(**changes)
        return 0.0 if is_clear else self._note_unclear(now)

    def _note_unclear(self, now: float) -> float:
        with transaction.atomic():
            row = self._row().select_for_update().get()
            if row.open_seconds and not row.is_probing:
                # Sent before the circuit opened: it says nothing new.
                return max(0.0, float(row.blocked_until - now))
            row.unclear = min(row.unclear + 1, _LAST)
            row.recent = (row.recent << 1 | 1) & _MASK
            opens_for = 0.0
            if row.is_probing or row.unclear >= _IN_A_ROW or row.recent.bit_count() > _OF_LAST:
                opens_for = min(_OPENS_AT_MOST, row.open_seconds * 2 or _OPENS_FOR)
                # A wait that Microsoft named stands; what the probe put up is over.
                stands = 0.0 if row.is_probing else row.blocked_until
                row.open_seconds, row.unclear, row.recent, row.is_probing = opens_for, 0, 0, False
                row.blocked_until = max(stands, now + opens_for)
            row.save(update_fields=["unclear", "recent", "open_seconds", "is_probing", "blocked_until"])
        return opens_for

    def block(self, seconds: float, *, slower: bool = False) -> None:
        """Let no worker call this tenant for so many seconds; an earlier, longer wait stands.

        `slower`: Microsoft refused the whole call, so the rate is halved, once for each wait.
        """
        now = time.time()
        if slower and self.rate:
            half = Greatest(_pace(now) / 2, F("rate") / 4)
            self._row().filter(blocked_until__lte=now).update(pace=half, paced_at=now)
        self._row().update(blocked_until=Greatest(F("blocked_until"), Value(now + seconds)))

    def blocked_for(self) -> float:
        """Return how many seconds everybody still has to wait for Microsoft; 0 when calls may go out."""
        until = self._row().values_list("blocked_until", flat=True).first()
        return max(0.0, (until or 0.0) - time.time())

    def wait_for(self, number: int) -> float:
        """Return the seconds after which `number` tokens may be there, at least a hundredth."""
        row = self._row().get()
        now = time.time()
        blocked = max(0.0, row.blocked_until - now)
        if not self.rate:
            return max(0.01, blocked)
        wanted = number + (row.reserved if not self.is_small and row.reserved_until > now else 0)
        # What is reserved may be more than the bucket holds: then it is over when the small change has had its turn.
        return max(0.01, blocked, (min(wanted, row.cap) - _tokens(row, now)) / _pace_of(row, now))

    def _row(self) -> QuerySet[Throttle]:
        return Throttle.objects.filter(key=self.tenant_id)

    def _ensure(self) -> None:
        """Create the row, or bring it to the configured limits."""
        limits = {"rate": self.rate, "cap": self.cap}
        with transaction.atomic():
            row, made = Throttle.objects.get_or_create(
                key=self.tenant_id, defaults={**limits, "tokens": self.cap, "at": time.time()}
            )
        if not made and (row.rate, row.cap) != (self.rate, self.cap):
            Throttle.objects.filter(pk=row.pk).update(**limits)


def is_open(tenant_id: str) -> bool:
    """Tell whether a tenant's circuit is open: its answers stay away."""
    return Throttle.objects.filter(key=tenant_id, open_seconds__gt=0).exists()


def tokens_left(tenant_id: str) -> float:
    """Return how many writes may go out at once now: a whole burst where none has gone out yet."""
    row = Throttle.objects.filter(key=tenant_id).first()
    return _tokens(row, time.time()) if row is not None else float(settings.WRITE_BURST)


def _pace(now: float) -> Least:
    return Least(F("rate"), F("pace") + Greatest(Value(0.0), now - F("paced_at")) / 60.0)


def _pace_of(row: Throttle, now: float) -> float:
    return min(row.rate, row.pace + max(0.0, now - row.paced_at) / 60)


def _tokens(row: Throttle, now: float) -> float:
    return min(row.cap, row.tokens + _pace_of(row, now) * max(0.0, now - row.at))
