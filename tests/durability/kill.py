"""The kill test: workers of one change are killed again and again, and everybody is changed once, and told the truth.

`run` measures in a process and on a database of its own, as the benchmarks do; experiment.py holds what happens there.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from licensing_portal.sandbox import PARTNER_TENANT_ID

BASE = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, slots=True)
class Figures:
    """What a kill test did and found; `violations` must be empty."""

    database: str
    seed: int
    kills: int
    users: int
    seconds: float
    # From the last kill until the change was finished.
    resume_seconds: float
    updated: int
    applied: int
    # Writes that were sent for somebody who had them already.
    repeated: int
    reported_wrongly: int
    throttled: int
    answers_lost: int
    violations: list[str] = field(default_factory=list)


def run(
    kills: int = 50, users: int = 2_000, database: str = "sqlite", *, seed: int = 1, blind: bool = False
) -> Figures:
    """Run the kill test by itself on "sqlite", on "postgresql", or on the empty database of an address."""
    with _database(database) as url, tempfile.TemporaryDirectory(prefix="licensing-portal-kill-") as folder:
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "SECRET_KEY": "durability",
            "DEMO": "1",
            "ALLOWED_HOSTS": "testserver",
            "DJANGO_SETTINGS_MODULE": "licensing_portal.settings",
            "DATABASE_URL": url or f"sqlite:///{folder}/kill.sqlite3",
            "VAR_DIR": folder,
            "ENTRA_TENANT_ID": PARTNER_TENANT_ID,
            "ENTRA_CLIENT_ID": "durability",
            "ENTRA_CLIENT_SECRET": "durability",
            "CALLS_AT_ONCE": "1",
            "LOG_LEVEL": "ERROR",
        }
        command = [sys.executable, "-m", "tests.durability.kill", str(kills), str(users), str(seed)]
        command += ["--blind"] if blind else []
        done = subprocess.run(command, cwd=BASE, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return Figures(**json.loads(done.stdout.splitlines()[-1]))


@contextmanager
def _database(name: str) -> Iterator[str]:
    """Give the address of an empty database; an empty address stands for a file in the run's folder."""
    if name != "postgresql":
        yield "" if name == "sqlite" else name
        return
    from tests import postgres

    server = postgres.start()
    try:
        yield server.url
    finally:
        server.stop()


def main() -> None:
    """Run in this process and print the figures as the last line."""
    import django

    parser = argparse.ArgumentParser(prog="python -m tests.durability.kill", description=__doc__)
    parser.add_argument("kills", type=int)
    parser.add_argument("users", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("--blind", action="store_true")
    asked = parser.parse_args()
    os.environ.setdefault("GRAPH_BASE_URL", "http://127.0.0.1/graph/v1.0")
    django.setup()
    from django.core.management import call_command

    from tests.durability.experiment import experiment

    call_command("migrate", verbosity=0)
    print(json.dumps(asdict(experiment(asked.kills, asked.users, asked.seed, blind=asked.blind))))


if __name__ == "__main__":
    main()
