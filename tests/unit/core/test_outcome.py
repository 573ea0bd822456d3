"""What a read-back is judged to show."""

import pytest

from licenses.core.diff import LicenseAdd, UserDiff
from licenses.core.holdings import Path, PathState, UserState
from licenses.core.outcome import Verdict, judge
from tests.unit.core.build import A, direct, group, user

P1 = "sku-a-p1"
DONE, UNTOUCHED, THIRD = Verdict.DONE, Verdict.UNTOUCHED, Verdict.THIRD
GIVE = UserDiff(user_id="u", add=(LicenseAdd(sku_id=A),))
TAKE = UserDiff(user_id="u", remove=(A,))


def _with(*paths: Path, location: str | None = "JP") -> UserState:
    return user(location=location, sku_a=paths) if paths else user(location=location)


@pytest.mark.parametrize(
    ("before", "diff", "now", "verdict"),
    [
        pytest.param(_with(), GIVE, _with(direct()), DONE, id="given"),
        pytest.param(_with(), GIVE, _with(), UNTOUCHED, id="not given"),
        pytest.param(_with(), GIVE, _with(direct(P1)), THIRD, id="given with other plans"),
        pytest.param(_with(), GIVE, _with(group()), UNTOUCHED, id="a group gave it meanwhile"),
        pytest.param(
            _with(), GIVE, _with(direct(state=PathState.ACTIVE_WITH_ERROR)), DONE, id="given, with an error beside"
        ),
        pytest.param(_with(), GIVE, _with(direct(state=PathState.ERROR)), THIRD, id="an assignment in error is none"),
        pytest.param(
            _with(direct(state=PathState.ERROR)),
            GIVE,
            _with(direct(state=PathState.ERROR)),
            UNTOUCHED,
            id="still in error",
        ),
        pytest.param(_with(direct(), group()), TAKE, _with(group()), DONE, id="taken, a group keeps it"),
        pytest.param(_with(direct()), TAKE, _with(direct()), UNTOUCHED, id="not taken"),
        pytest.param(_with(direct()), TAKE, _with(direct(P1)), THIRD, id="not taken but edited by somebody"),
    ],
)
def test_licences(before: UserState, diff: UserDiff, now: UserState, verdict: Verdict) -> None:
    assert judge(before, diff, now) == verdict


BOTH = UserDiff(user_id="u", add=(LicenseAdd(sku_id=A),), location="JP")


@pytest.mark.parametrize(
    ("location", "paths", "verdict"),
    [
        ("JP", (direct(),), DONE),
        ("JP", (), UNTOUCHED),
        (None, (), UNTOUCHED),
        ("US", (), THIRD),
        ("US", (direct(),), THIRD),
        (None, (direct(),), THIRD),
    ],
)
def test_location_and_licences_are_two_steps(location: str | None, paths: tuple[Path, ...], verdict: Verdict) -> None:
    assert judge(_with(location=None), BOTH, _with(*paths, location=location)) == verdict


def test_a_location_that_was_not_sent_is_not_compared() -> None:
    assert judge(_with(), GIVE, _with(direct(), location="US")) == DONE
    assert (
        judge(_with(), GIVE, _with(location="US")) == THIRD or judge(_with(), GIVE, _with(location="US")) == UNTOUCHED
    )


def test_other_products_are_not_compared() -> None:
    now = user(sku_a=(direct(),), sku_b=(direct(),))
    assert judge(user(), GIVE, now) == DONE
