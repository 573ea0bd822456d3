"""One run for each point of a change and each thing that may happen there: the promises hold after all of them."""

from collections import Counter
from collections.abc import Sequence

import pytest

from tests.durability import mixture, worker
from tests.durability.invariants import page_violations, violations
from tests.durability.points import AT_CALLS, AT_COMMITS, KILLED_AFTER, KILLED_BEFORE, Blow, blows_for
from tests.durability.rehearsal import Rehearsal

pytestmark = pytest.mark.django_db

# Number and name of a point, and what happens there.
type Case = tuple[int, str, Blow]

# What the ordinary suite takes of all cases: so many blows at each call, and one at every so-manieth commit.
_BLOWS_A_CALL, _EVERY_COMMIT = 3, 5
# The whole page is read after every sixth run.
_PAGES = 6
# A worker's death costs nobody more than this (F30).
_RESUMED_WITHIN = 60.0


def _outcomes(rehearsal: Rehearsal) -> dict[str, Counter[tuple[str, str]]]:
    """Return by kind how many users ended how."""
    rows = {row.object_id: (row.state, row.failure_kind) for row in rehearsal.change.user_changes.all()}
    return {
        kind: Counter(rows[object_id] for object_id in mixture.of_kind(rehearsal.sandbox, kind))
        for kind, _ in mixture.KINDS
    }


def _total(outcomes: dict[str, Counter[tuple[str, str]]]) -> Counter[tuple[str, str]]:
    """Return how many ended how: who of those who need a seat finds none is a matter of who comes first."""
    return sum(outcomes.values(), Counter())


def _good_run(rehearsal: Rehearsal) -> tuple[list[str], Counter[tuple[str, str]]]:
    """Return the points of a run without faults, and its outcomes."""
    with rehearsal.take():
        assert _broken(rehearsal, with_page=True) == []
        return list(rehearsal.points.seen), _total(_outcomes(rehearsal))


def _cases(points: Sequence[str], blows: Sequence[Blow] = (*AT_CALLS, *AT_COMMITS)) -> list[Case]:
    """Return all cases of a list of points."""
    return [(number, name, blow) for number, name in enumerate(points) for blow in blows_for(name) if blow in blows]


def _broken(rehearsal: Rehearsal, *, with_page: bool) -> list[str]:
    found = violations(rehearsal.world, rehearsal.change)
    return found + page_violations(rehearsal.world, rehearsal.change) if with_page else found


def _failures(rehearsal: Rehearsal, cases: Sequence[Case], expected: Counter[tuple[str, str]]) -> dict[str, list[str]]:
    """Run every case; return what was broken by which."""
    failures = {}
    for turn, (at, name, blow) in enumerate(cases):
        with rehearsal.take(lambda number, _, at=at, blow=blow: blow if number == at else None):  # type: ignore[misc]
            found = _broken(rehearsal, with_page=turn % _PAGES == 0)
            if rehearsal.points.seen[at] != name:
                found.append(f"the point was {rehearsal.points.seen[at]}")
            if (total := _total(_outcomes(rehearsal))) != expected:
                found.append(f"the outcomes are {total}")
            if blow in (KILLED_BEFORE, KILLED_AFTER) and rehearsal.elapsed > _RESUMED_WITHIN:
                found.append(f"V4: it took {rehearsal.elapsed:.0f} s")
            if found:
                failures[f"{blow} at point {at}, {name}"] = found
    return failures


@pytest.mark.one_database
def test_a_change_without_faults_comes_to_every_kind_of_end(rehearsal: Rehearsal) -> None:
    with rehearsal.take():
        assert _broken(rehearsal, with_page=True) == []
        outcomes = _outcomes(rehearsal)
        assert outcomes["clash"] == {("failed", "exclusive"): 2}
        assert _total(outcomes) == {("updated", ""): 22, ("failed", "exclusive"): 2, ("failed", "no_seat"): 2}
        assert sum("$batch" in name for name in rehearsal.points.seen) == 6
        assert rehearsal.slices == 1


def _some(points: Sequence[str]) -> list[Case]:
    """Return some cases, so that every call and every blow has its turn."""
    calls = [(number, name) for number, name in enumerate(points) if name.startswith("call")]
    commits = [(number, name) for number, name in enumerate(points) if name.startswith("commit")][::_EVERY_COMMIT]
    cases = []
    for turn, (number, name) in enumerate(calls):
        blows = blows_for(name)
        cases += [(number, name, blows[(turn * _BLOWS_A_CALL + more) % len(blows)]) for more in range(_BLOWS_A_CALL)]
    return cases + [(number, name, AT_COMMITS[turn % len(AT_COMMITS)]) for turn, (number, name) in enumerate(commits)]


def test_some_of_all_faults_at_all_points_leave_nothing_untrue(rehearsal: Rehearsal) -> None:
    points, expected = _good_run(rehearsal)
    cases = _some(points)
    assert {blow for _, _, blow in cases} == {*AT_CALLS, *AT_COMMITS}
    assert _failures(rehearsal, cases, expected) == {}


@pytest.mark.one_database
@pytest.mark.thorough
@pytest.mark.parametrize("blow", dict.fromkeys((*AT_CALLS, *AT_COMMITS)))
def test_no_fault_at_any_point_leaves_anything_untrue(rehearsal: Rehearsal, blow: Blow) -> None:
    points, expected = _good_run(rehearsal)
    assert _failures(rehearsal, _cases(points, [blow]), expected) == {}


@pytest.mark.one_database
def test_a_worker_that_sends_again_without_looking_breaks_the_promises(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    points, expected = _good_run(rehearsal)
    worker.go_blind(monkeypatch.setattr)
    cases = _cases(points, ["504 after"])[:4]
    found = _failures(rehearsal, cases, expected)
    broken = Counter(line.partition(":")[0] for lines in found.values() for line in lines)
    assert broken["V1"] > 0, found
    assert broken["V3"] > 0, found
