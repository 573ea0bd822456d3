"""Workers are killed in the middle of a change, and everybody is changed once and told the truth."""

import os
import random

import pytest

from tests.durability.experiment import experiment

pytestmark = pytest.mark.django_db(transaction=True)


def _seed() -> int:
    """Return this run's seed, or the one that repeats a run that failed (DURABILITY_SEED)."""
    seed = int(os.environ.get("DURABILITY_SEED") or random.randrange(1_000_000))
    print(f"DURABILITY_SEED={seed}")
    return seed


def test_ten_kills_leave_everybody_changed_once_and_told_the_truth() -> None:
    figures = experiment(kills=10, users=400, seed=_seed())
    assert figures.violations == [], figures
    assert (figures.kills, figures.updated, figures.applied) == (10, 400, 400), figures
    # What makes the run worth something did happen.
    assert figures.throttled == 4, figures
    assert figures.answers_lost >= 4, figures


@pytest.mark.one_database
@pytest.mark.thorough
def test_a_worker_that_sends_again_without_looking_is_found_out() -> None:
    figures = experiment(kills=4, users=160, seed=_seed(), blind=True)
    assert figures.repeated > 0, figures
    assert figures.reported_wrongly > 0, figures
