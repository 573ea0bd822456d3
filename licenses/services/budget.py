"""The write budget of one tenant, shared by all workers of all machines: a token bucket in one row.

Graph allows 3,000 writes in 150 s per tenant and app (graph-api.md, section 4); every user of a batch costs one.
"""

import time
from dataclasses import dataclass

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest

from licenses.models import Throttle

# One UPDATE, granted when it changed the row: two workers can never spend the same token.
_TAKE = """
UPDATE licenses_throttle
SET tokens = {least}(cap, tokens + rate * {greatest}(0, %(now)s - at)) - %(n)s, at = {greatest}(at, %(now)s)
WHERE key = %(key)s AND blocked_until <= %(now)s
  AND {least}(cap, tokens + rate * {greatest}(0, %(now)s - at)) >= %(n)s
"""


@dataclass(frozen=True, slots=True)
class Budget:
    """The bucket of one tenant; `rate` is writes a second (0: no limit), `cap` its burst."""

    tenant_id: str
    rate: float
    cap: float

    @classmethod
    def of(cls, tenant_id: str) -> "Budget":
        """Return the tenant's bucket with the configured limits, made on first use."""
        budget = cls(tenant_id, settings.WRITES_PER_SECOND, settings.WRITE_BURST)
        budget._ensure()
        return budget

    @property
    def largest_grant(self) -> int:
        """The most tokens that one grant can hold."""
        return max(1, int(self.cap)) if self.rate else 20

    def take(self, number: int) -> bool:
        """Take `number` tokens if they are there and Microsoft has not asked everybody to wait."""
        now = time.time()
        if not self.rate:
            return not Throttle.objects.filter(key=self.tenant_id, blocked_until__gt=now).exists()
        names = ("LEAST", "GREATEST") if connection.vendor == "postgresql" else ("MIN", "MAX")
        with connection.cursor() as cursor:
            cursor.execute(
                _TAKE.format(least=names[0], greatest=names[1]), {"now": now, "n": float(number), "key": self.tenant_id}
            )
            return bool(cursor.rowcount == 1)

    def give_back(self, number: int) -> None:
        """Return tokens that a claim did not use."""
        if self.rate and number > 0:
            Throttle.objects.filter(key=self.tenant_id).update(tokens=F("tokens") + number)

    def block(self, seconds: float) -> None:
        """Let no worker call this tenant for so many seconds; an earlier, longer wait stands."""
        until = time.time() + seconds
        Throttle.objects.filter(key=self.tenant_id).update(blocked_until=Greatest(F("blocked_until"), Value(until)))

    def blocked_for(self) -> float:
        """Return how many seconds Microsoft still wants us to wait; 0 when calls may go out."""
        until = Throttle.objects.filter(key=self.tenant_id).values_list("blocked_until", flat=True).first()
        return max(0.0, (until or 0.0) - time.time())

    def wait_for(self, number: int) -> float:
        """Return the seconds after which `number` tokens may be there, at least a hundredth."""
        row = Throttle.objects.get(key=self.tenant_id)
        now = time.time()
        blocked = max(0.0, row.blocked_until - now)
        if not self.rate:
            return max(0.01, blocked)
        return max(0.01, blocked, (number - _tokens(row, now)) / row.rate)

    def _ensure(self) -> None:
        """Create the row, or bring it to the configured limits."""
        limits = {"rate": self.rate, "cap": self.cap}
        with transaction.atomic():
            row, made = Throttle.objects.get_or_create(
                key=self.tenant_id, defaults={**limits, "tokens": self.cap, "at": time.time()}
            )
        if not made and (row.rate, row.cap) != (self.rate, self.cap):
            Throttle.objects.filter(pk=row.pk).update(**limits)


def tokens_left(tenant_id: str) -> float:
    """Return how many writes may go out at once now: a whole burst where none has gone out yet."""
    row = Throttle.objects.filter(key=tenant_id).first()
    return _tokens(row, time.time()) if row is not None else float(settings.WRITE_BURST)


def _tokens(row: Throttle, now: float) -> float:
    return min(row.cap, row.tokens + row.rate * max(0.0, now - row.at))
