"""How the benchmarks measure: medians after a warm-up, numbers of queries, memory; one `Figure` per row."""

import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.db import close_old_connections, connection
from django.test.utils import CaptureQueriesContext

_WARM_UPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What one row measured at one size; a value above its budget, or below `at_least`, is a failure."""

    row: str
    value: float
    unit: str = "ms"
    budget: float | None = None
    # The lower bound of a row of which more is better.
    at_least: float | None = None
    queries: int | None = None
    most_queries: int | None = None
    # The cheapest raw SQL that answers the same, in the row's unit.
    floor: float | None = None
    # Time to fill the template, for rows whose budget is a multiple of floor plus template.
    rendering: float | None = None
    most_times_floor: float | None = None

    @property
    def times_floor(self) -> float | None:
        """How many times the floor (with rendering, where it is known) the row took."""
        return self.value / (self.floor + (self.rendering or 0)) if self.floor else None

    @property
    def complaints(self) -> list[str]:
        """Which of the row's budgets are missed, in words."""
        found = []
        if self.budget is not None and self.value > self.budget:
            found.append(f"{self.value:.4g} {self.unit}, allowed {self.budget:g}")
        if self.at_least is not None and self.value < self.at_least:
            found.append(f"{self.value:.4g} {self.unit}, wanted at least {self.at_least:g}")
        if self.most_queries is not None and self.queries is not None and self.queries > self.most_queries:
            found.append(f"{self.queries} queries, allowed {self.most_queries}")
        times = self.times_floor
        if self.most_times_floor is not None and times is not None and times > self.most_times_floor:
            found.append(f"{times:.1f} × floor and rendering, allowed {self.most_times_floor:g}")
        return found


def median_ms(
    work: Callable[[], object],
    rounds: int,
    before: Callable[[], object] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return the median time of some work in milliseconds, warmed up; `before` runs untimed ahead of each round."""
    times = []
    for _round in range(_WARM_UPS + rounds):
        if before is not None:
            before()
        start = clock()
        work()
        times.append(clock() - start)
    return statistics.median(times[_WARM_UPS:]) * 1000


def count_queries(work: Callable[[], object]) -> int:
    """Return how many statements some work sends to the database."""
    with CaptureQueriesContext(connection) as queries:
        work()
        # The context keeps them with the connection, which the work may have closed.
        return len(connection.queries_log) - queries.initial_queries


def as_served(work: Callable[[], object]) -> None:
    """Do some work as a request does it: with the database connection that the server would have."""
    _end_of_request()
    work()
    _end_of_request()


def _end_of_request() -> None:
    """Close the connection if the settings say so; inside a test's transaction it is the test's."""
    if not connection.in_atomic_block:
        close_old_connections()


def peak_mib() -> float:
    """Return the most memory that this process ever held."""
    status = Path("/proc/self/status")
    if status.exists():
        # What getrusage says on Linux may be the peak of the process that started this one.
        peaks = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        if (kibibytes := next(peaks, None)) is not None:
            return int(kibibytes) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
