"""`python -m tests.bench`: measures the groups at each size on each database and writes the report.

Ends with 1 when a row is over its budget; the report is written all the same.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

from tests import postgres
from tests.bench import report
from tests.bench.groups import GROUPS, names
from tests.bench.report import Result

BASE = Path(__file__).resolve().parent.parent.parent
SIZES, QUICK_SIZES = (1_000, 10_000, 100_000), (1_000, 10_000)
ROUNDS, QUICK_ROUNDS = 15, 5
# Given a size, the address of an empty database.
type NewDatabase = Callable[[int], str]


def main() -> int:
    """Run what is asked for; return the exit code."""
    asked = _arguments()
    sizes = asked.sizes or (QUICK_SIZES if asked.quick else SIZES)
    groups = asked.groups or names(quick=asked.quick)
    rounds = QUICK_ROUNDS if asked.quick else ROUNDS
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="licensing-portal-bench-") as folder:
        for name in asked.databases:
            with DATABASES[name](Path(folder)) as new_database:
                for size in sizes:
                    print(f"{name}, {size:,} users", file=sys.stderr)
                    results.append(_measure(name, new_database(size), Path(folder), size, rounds, groups))
    text = report.write(results)
    if asked.output is None:
        print(text)
    else:
        asked.output.write_text(text, encoding="utf-8")
    over = report.complaints(results)
    print(*over or ["Every row is within its budget."], sep="\n", file=sys.stderr)
    return 1 if over else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--groups", nargs="+", choices=GROUPS, help="left out: all, or those that are quick")
    parser.add_argument("--sizes", nargs="+", type=int, help="numbers of users")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--quick", action="store_true", help="fewer users, repeats and groups")
    parser.add_argument("--output", type=Path, help="file of the report; left out: it is printed")
    return parser.parse_args()


def _measure(database: str, url: str, folder: Path, size: int, rounds: int, groups: Sequence[str]) -> Result:
    """Let a child process measure one size on one database."""
    command = [sys.executable, "-m", "tests.bench.child", str(size), str(rounds), *groups]
    environment = {"PATH": os.environ.get("PATH", ""), "DATABASE_URL": url, "VAR_DIR": str(folder)}
    done = subprocess.run(command, cwd=BASE, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return Result.of(database, size, json.loads(done.stdout))


@contextmanager
def _sqlite(folder: Path) -> Iterator[NewDatabase]:
    """Give databases in files."""
    yield lambda size: f"sqlite:///{folder / f'{size}.sqlite3'}"


@contextmanager
def _postgresql(folder: Path) -> Iterator[NewDatabase]:
    """Give databases on a server that lives as long as it is needed."""
    server = postgres.start()
    try:

        def new_database(size: int) -> str:
            with psycopg.connect(host=str(server.folder), user="tests", dbname="postgres", autocommit=True) as admin:
                admin.execute(f"CREATE DATABASE bench_{size}")
            return f"postgresql://tests@{quote(str(server.folder), safe='')}/bench_{size}"

        yield new_database
    finally:
        server.stop()


DATABASES = {"sqlite": _sqlite, "postgresql": _postgresql}


if __name__ == "__main__":
    sys.exit(main())
