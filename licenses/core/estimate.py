"""How long a save takes, reckoned in one way before it, in Review and while it runs.

A burst goes out as fast as Microsoft answers, the rest at the pace that Microsoft allows.
"""

from dataclasses import dataclass
from math import ceil

# Shorter waits are not worth a word.
_WORTH_SAYING = 5
# From here on people would say minutes.
_MINUTES_FROM = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Whole seconds, rounded up; `by_limit` tells whether Microsoft's limit is what takes the time."""

    seconds: int
    by_limit: bool

    @property
    def minutes(self) -> int:
        """Whole minutes; 0 for what is better said in seconds."""
        return round(self.seconds / 60) if self.seconds >= _MINUTES_FROM else 0

    @property
    def is_long(self) -> bool:
        """Whether it is worth saying before anybody waits."""
        return self.seconds > _WORTH_SAYING


def estimate(writes: int, *, rate: float, burst: float, speed: float = 0.0) -> Estimate:
    """Reckon with `writes` calls that are left.

    `rate` is the writes a second that Microsoft allows (0: no limit), `burst` how many may go at once before that,
    `speed` the writes a second that were seen lately (0: none seen yet).
    """
    by_limit = max(0.0, writes - burst) / rate if rate else 0.0
    by_speed = writes / speed if speed else 0.0
    return Estimate(seconds=ceil(max(by_limit, by_speed)), by_limit=by_limit > 0 and by_limit >= by_speed)
