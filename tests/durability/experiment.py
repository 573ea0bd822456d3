"""One run of the kill test, on the database and with the settings of this process."""

import random
import time

from django.db import connection

from licenses import doorbell
from licenses.models import LicenseChange, UserChange
from tests.durability.crew import wait_until
from tests.durability.kill import Figures
from tests.durability.stage import Stage, count, is_finished, stage
from tests.durability.watched import PART, WatchedSandbox

WORKERS = 2
# A kill comes this long after the one before it, at most.
LONGEST_LIFE = 0.4
# Of so many users, one is throttled and one has an answer that is lost after the change.
ONE_IN = 100


def experiment(kills: int, users: int, seed: int, *, blind: bool = False) -> Figures:
    """Change so many users while random workers are killed; on the database and settings of this process."""
    dice = random.Random(seed)
    blindness = "1" if blind else ""
    with stage(users, latency=(0.05, 0.2), CALLS_AT_ONCE="2", DURABILITY_BLIND=blindness) as theatre:
        change = theatre.world.swap(users)
        _add_faults(theatre.sandbox, users, dice)
        start = time.monotonic()
        done, resume = _kill_again_and_again(change, theatre, kills, dice)
        seconds = time.monotonic() - start
        return _figures(theatre, change, seed, done, seconds, resume)


def _add_faults(sandbox: WatchedSandbox, users: int, dice: random.Random) -> None:
    """Throttle one user in a hundred, and lose one answer in a hundred after the change was made."""
    number = max(1, users // ONE_IN)
    # A call that one fault takes is not counted by the others: the last ones would never have their turn.
    places = range(users - 2 * number)
    for place in dice.sample(places, number):
        sandbox.faults.add({"match": PART, "status": 429, "headers": {"Retry-After": "0.3"}, "skip": place})
    for turn, place in enumerate(dice.sample(places, number)):
        # Half of them take the answers of a whole call along.
        lost = {"status": 504, "after_commit": True} if turn % 2 else {"reset": "after"}
        sandbox.faults.add({"match": PART, "skip": place, **lost})


def _kill_again_and_again(change: LicenseChange, theatre: Stage, kills: int, dice: random.Random) -> tuple[int, float]:
    """Kill a random worker after 0 to 0.4 s of work, so often; then let the rest finish."""
    for _ in range(WORKERS):
        doorbell.ring(change)
        theatre.crew.add()
    done = 0
    while done < kills and _is_worked_on(change):
        time.sleep(dice.uniform(0, LONGEST_LIFE))
        theatre.crew.replace(dice.choice(theatre.crew.workers))
        done += 1
        # The sweeper would ring too, 5 s later; a doubled ring is harmless.
        doorbell.ring(change)
    return done, theatre.wait_for_end(change, 120)


def _is_worked_on(change: LicenseChange) -> bool:
    """Wait for a worker that has claimed something; False when the change is finished."""
    claimed = change.user_changes.filter(state=UserChange.State.IN_FLIGHT)
    wait_until(lambda: claimed.exists() or is_finished(change), 60, "a claim")
    return not is_finished(change)


def _figures(theatre: Stage, change: LicenseChange, seed: int, kills: int, seconds: float, resume: float) -> Figures:
    """Compare everything with the sandbox."""
    found = theatre.broken_promises(change)
    statuses = [call["status"] for call in theatre.sandbox.journal.show()["calls"] if call["batch"]]
    return Figures(
        database=connection.vendor,
        seed=seed,
        kills=kills,
        users=change.total,
        seconds=round(seconds, 1),
        resume_seconds=round(resume, 1),
        updated=count(change, UserChange.State.UPDATED),
        applied=len(set(theatre.sandbox.applied)),
        repeated=len(theatre.sandbox.repeated),
        reported_wrongly=sum(line.startswith("V1") for line in found),
        throttled=statuses.count(429),
        answers_lost=statuses.count(504) + statuses.count(0),
        violations=found,
    )
