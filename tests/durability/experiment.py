"""One run of the kill test, on the database and with the settings of this process."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test import override_settings

from licenses import doorbell
from licenses.models import LicenseChange, UserChange
from licensing_portal.sandbox import serve
from tests.durability.crew import Crew, wait_until
from tests.durability.invariants import page_violations, violations
from tests.durability.kill import Figures
from tests.durability.watched import PART, WatchedSandbox
from tests.durability.world import World, child_environment, new_sandbox, read_world

WORKERS = 2
SPARES = 3
# A kill comes this long after the one before it, at most.
LONGEST_LIFE = 0.4
# Of so many users, one is throttled and one has an answer that is lost after the change.
ONE_IN = 100


def experiment(kills: int, users: int, seed: int, *, blind: bool = False) -> Figures:
    """Change so many users while random workers are killed; on the database and settings of this process."""
    dice = random.Random(seed)
    sandbox = new_sandbox(users)
    server = serve(sandbox)
    try:
        with _calling(server.port):
            world = read_world(sandbox)
        change = world.swap(users)
        sandbox.forget()
        _add_faults(sandbox, users, dice)
        sandbox.is_served, sandbox.latency = True, (0.05, 0.2)
        environment = child_environment(server.port, DURABILITY_BLIND="1" if blind else "")
        with Crew(environment, spares=SPARES) as crew:
            start = time.monotonic()
            done, resume = _kill_again_and_again(change, crew, kills, dice)
            seconds = time.monotonic() - start
        sandbox.is_served, sandbox.latency = False, (0, 0)
        return _figures(world, change, seed, done, seconds, resume)
    finally:
        server.close()


@contextmanager
def _calling(port: int) -> Iterator[None]:
    """Let this process's own gateways reach the served sandbox."""
    address = f"http://127.0.0.1:{port}"
    with override_settings(
        GRAPH_BASE_URL=f"{address}/graph/v1.0",
        ENTRA_AUTHORITY=f"{address}/entra",
        GATEWAY_SESSION_FACTORY="licensing_portal.gateways.transport.new_session",
    ):
        yield


def _add_faults(sandbox: WatchedSandbox, users: int, dice: random.Random) -> None:
    """Throttle one user in a hundred, and lose one answer in a hundred after the change was made."""
    number = max(1, users // ONE_IN)
    for place in dice.sample(range(users), number):
        sandbox.faults.add({"match": PART, "status": 429, "headers": {"Retry-After": "0.3"}, "skip": place})
    for turn, place in enumerate(dice.sample(range(users), number)):
        # Half of them take the answers of a whole call along.
        lost = {"status": 504, "after_commit": True} if turn % 2 else {"reset": "after"}
        sandbox.faults.add({"match": PART, "skip": place, **lost})


def _kill_again_and_again(change: LicenseChange, crew: Crew, kills: int, dice: random.Random) -> tuple[int, float]:
    """Kill a random worker after 0 to 0.4 s of work, so often; then let the rest finish."""
    for _ in range(WORKERS):
        doorbell.ring(change)
        crew.add()
    done = 0
    while done < kills and _is_worked_on(change):
        time.sleep(dice.uniform(0, LONGEST_LIFE))
        crew.replace(dice.choice(crew.workers))
        done += 1
        # The sweeper would ring too, 5 s later; a doubled ring is harmless.
        doorbell.ring(change)
    return done, wait_until(lambda: _is_finished(change), 120, "the change after the last kill")


def _is_worked_on(change: LicenseChange) -> bool:
    """Wait for a worker that has claimed something; False when the change is finished."""
    claimed = change.user_changes.filter(state=UserChange.State.IN_FLIGHT)
    wait_until(lambda: claimed.exists() or _is_finished(change), 60, "a claim")
    return not _is_finished(change)


def _is_finished(change: LicenseChange) -> bool:
    change.refresh_from_db(fields=["status"])
    return bool(change.is_finished)


def _figures(world: World, change: LicenseChange, seed: int, kills: int, seconds: float, resume: float) -> Figures:
    """Compare everything with the sandbox."""
    found = violations(world, change) + page_violations(world, change)
    statuses = [call["status"] for call in world.sandbox.journal.show()["calls"] if call["batch"]]
    return Figures(
        database=connection.vendor,
        seed=seed,
        kills=kills,
        users=change.total,
        seconds=round(seconds, 1),
        resume_seconds=round(resume, 1),
        updated=change.user_changes.filter(state=UserChange.State.UPDATED).count(),
        applied=len(set(world.sandbox.applied)),
        repeated=len(world.sandbox.repeated),
        reported_wrongly=sum(line.startswith("V1") for line in found),
        throttled=statuses.count(429),
        answers_lost=statuses.count(504) + statuses.count(0),
        violations=found,
    )
