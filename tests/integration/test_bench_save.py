"""The rows of saving work on tiny numbers, with real stand-ins and workers; how long they take is not asked."""

from collections.abc import Iterator

import pytest

from licensing_portal.sandbox import SandboxOptions
from licensing_portal.staff.models import StaffUser
from tests.bench import save_large, save_people, save_speed
from tests.bench.data import Bench
from tests.bench.measure import Figure
from tests.bench.save_place import Place, place
from tests.durability.world import SWAP

pytestmark = [pytest.mark.one_database, pytest.mark.django_db(transaction=True)]

USERS = 420
# More than a request would plan the undo of.
MANY = 310


@pytest.fixture
def here(staff: StaffUser) -> Iterator[Place]:
    """A customer at a stand-in in a process of its own."""
    with place(staff, USERS, SandboxOptions(writes_per_second=0)) as found:
        yield found


@pytest.fixture
def bench(here: Place, staff: StaffUser) -> Bench:
    """Measure once, at that customer."""
    return Bench(customer=here.customer, staff=staff, rounds=1)


def by_row(figures: Iterator[Figure]) -> dict[str, Figure]:
    """Return figures by what they are called."""
    return {figure.row: figure for figure in figures}


def test_ours_is_measured_beside_the_loops(here: Place) -> None:
    found = by_row(save_speed.side_by_side(here, "here", in_the_loop=5, users=40, at_least=50.0))
    assert len(found) == 11
    single = found["here: one call a user, one after another"]
    fastest, ratio = found["here: ours, 8 calls at once"], found["here: ours, 8 calls at once, times the loop"]
    assert ratio.value == pytest.approx(fastest.value / single.value)
    assert [row for row, figure in found.items() if figure.at_least] == [ratio.row]


def test_calls_are_counted_and_the_limit_is_kept(here: Place) -> None:
    calls = by_row(save_speed.calls_of(here, 40))["HTTP calls of a save of 40 users"]
    assert calls.budget == 2 + 2 + 6
    assert 3 <= calls.value <= calls.budget
    limited, refused = save_speed.at_the_limit(here, "here", 40)
    assert (limited.floor, limited.budget) == (2.0, 2.1)
    # The first twenty of them need not wait.
    assert 1.0 <= limited.value < 10
    assert refused.value == 0


def test_a_large_change_is_planned_saved_shown_and_undone(bench: Bench) -> None:
    (few,) = save_large.planning(bench, 50)
    assert few.queries is not None
    assert 5 <= few.queries <= save_large.MOST_QUERIES
    found = by_row(save_large.large(bench, MANY, SWAP))
    assert found.keys() >= {f"{row} of {MANY} users" for row in ("planning a save", "planning the undo", "progress")}
    assert all(20 < figure.value < 300 for figure in found.values() if figure.unit == "MiB")
    assert all(figure.queries for figure in found.values() if figure.unit == "ms")


def test_one_user_is_saved_as_by_a_browser_alone_and_beside_others(bench: Bench, here: Place) -> None:
    alone, _slowest, beside, _slowest_beside = save_people.save_one(bench, here, times=1, beside=120, burst=20)
    assert 0 < alone.value < 60
    assert 0 < beside.value < 60


@pytest.mark.thorough
def test_the_seconds_until_a_change_goes_on_are_measured(staff: StaffUser) -> None:
    with place(staff, 120, SandboxOptions(latency_ms=100, writes_per_second=0)) as here:
        middle, slowest = save_people.resume(here, 120, times=1)
    assert 0 < middle.value <= slowest.value < 60


@pytest.mark.thorough
def test_the_kills_are_told(bench: Bench) -> None:
    found = {figure.row.rpartition(": ")[2]: figure for figure in save_people.killing(bench, kills=2, users=60)}
    assert found["updated"].value == 60
    assert found["reported wrongly"].value == found["writes repeated"].value == 0
