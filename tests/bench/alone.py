"""Does a worker's work on one stored change in a process of its own, so that its memory is its own.

`python -m tests.bench.alone plan CHANGE` reads and plans it, `… pump CHANGE` saves it; the costs are printed as one
line of JSON.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import django

BASE = Path(__file__).resolve().parent.parent.parent
_ROWS = "licenses_userchange"
_RUNG_AGAIN_AFTER, _MOST_LOST = 5.0, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the work cost; `reading` are the seconds that it read users before it planned.

    `lost` are the slices that ended because the database did not answer in time.
    """

    seconds: float
    peak_mib: float
    reading: float = 0.0
    lost: int = 0


class Statements:
    """Counts statements apart from the inserts of users' rows: those are as many as the rows need."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.number += not (sql.startswith("INSERT INTO") and _ROWS in sql.partition("(")[0])
        return execute(sql, params, many, context)

    def counting(self) -> AbstractContextManager[None]:
        """Count what this thread's connection executes."""
        from django.db import connection

        return connection.execute_wrapper(self)


def alone(work: str, change_id: object, **changes: str) -> Cost:
    """Let a process of its own do this, on this process's database and with its Microsoft."""
    from tests.bench.save_place import worker_environment

    command = [sys.executable, "-m", "tests.bench.alone", work, str(change_id)]
    environment = worker_environment(**changes)
    done = subprocess.run(command, cwd=BASE, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Do what the arguments say and print its cost."""
    django.setup()
    work, change_id = sys.argv[1:]
    print(json.dumps(asdict({"plan": _plan, "pump": _pump}[work](change_id))))


def _plan(change_id: str) -> Cost:
    """Do what the worker's task does (doorbell.plan_change)."""
    from licenses.services import again, save
    from tests.bench.measure import peak_mib

    start = time.perf_counter()
    again.read_first(change_id)
    read = time.perf_counter()
    save.plan_stored(change_id)
    return Cost(reading=read - start, seconds=time.perf_counter() - read, peak_mib=peak_mib())


def _pump(change_id: str) -> Cost:
    """Save it; after a slice that was lost go on when the worker's sweeper would have rung again."""
    from django.db import OperationalError

    from licenses.models import LicenseChange
    from tests.bench.measure import peak_mib
    from tests.bench.save_place import pump_to_the_end

    change, lost = LicenseChange.objects.get(pk=change_id), 0
    while True:
        try:
            return Cost(seconds=pump_to_the_end(change), peak_mib=peak_mib(), lost=lost)
        except OperationalError:
            lost += 1
            if lost == _MOST_LOST:
                raise
            time.sleep(_RUNG_AGAIN_AFTER)


if __name__ == "__main__":
    main()
