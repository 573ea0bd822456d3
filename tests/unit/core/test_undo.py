"""Undo: what a change did is turned back, whatever the user had; whom somebody else changed is left alone."""

from dataclasses import replace

import pytest
from hypothesis import given

from licenses.core.catalog import Catalog, SkuId
from licenses.core.diff import Choice, LicenseAdd, UserDiff, Wish, apply_diff, diff_user
from licenses.core.failures import FailureKind
from licenses.core.holdings import Path, PathState, UserState
from licenses.core.planning import Cause
from licenses.core.undo import Deed, plan_undo, reverse, reversed_wish
from tests.unit.core.build import A, B, C, catalog, direct, group, sku, user
from tests.unit.core.strategies import SKUS, any_users, any_wishes

OWNED = catalog()
SWAP = UserDiff(user_id="u", add=(LicenseAdd(sku_id=B),), remove=(A,))


def _deed(before: UserState, diff: UserDiff = SWAP) -> Deed:
    return Deed(before=before, diff=diff, after=apply_diff(before, diff))


def _direct(state: UserState, sku_id: SkuId) -> Path | None:
    return state.held[sku_id].any_direct if sku_id in state.held else None


@given(any_users(), any_wishes())
def test_undoing_gives_everybody_what_they_had(before: UserState, wish: Wish) -> None:
    diff = diff_user(before, wish, OWNED)
    after = apply_diff(before, diff)
    found = reverse(Deed(before=before, diff=diff, after=after), after, OWNED)
    again = apply_diff(after, found.diff)

    assert found.refusal is None
    for sku_id in SKUS:
        was, has = _direct(before, sku_id), _direct(again, sku_id)
        assert (was is None) == (has is None)
        assert was is None or has is None or was.disabled == has.disabled
    assert again.usage_location == before.usage_location or (found.location_stays and before.usage_location is None)
    # And once it is undone there is nothing to undo.
    assert reverse(Deed(before=before, diff=diff, after=after), again, OWNED).diff.is_empty


@given(any_users(), any_wishes())
def test_a_change_that_did_nothing_is_undone_by_nothing(before: UserState, wish: Wish) -> None:
    nothing = UserDiff(user_id="u")
    assert reverse(Deed(before=before, diff=nothing, after=before), before, OWNED).diff == nothing


def test_a_swap_comes_back_in_one_call_with_its_plans_off() -> None:
    before = user(sku_a=(direct(f"{A}-p1"),))
    found = reverse(_deed(before), apply_diff(before, SWAP), OWNED)
    assert found.diff.add == (LicenseAdd(sku_id=A, disabled=frozenset({f"{A}-p1"})),)
    assert found.diff.remove == (B,)


@pytest.mark.parametrize(
    ("now", "changed"),
    [
        pytest.param(user(sku_b=(direct(f"{B}-p1"),)), (B,), id="a plan switched off since"),
        pytest.param(user(sku_a=(direct(f"{A}-p2"),), sku_b=(direct(),)), (A,), id="given again with other plans"),
        pytest.param(user(sku_b=(direct(),), sku_c=(direct(),)), (), id="another product is nobody's business"),
        pytest.param(user(sku_b=(direct(), group())), (), id="a group gives it too"),
        pytest.param(user(sku_a=(direct(),)), (), id="turned back by hand"),
        pytest.param(user(), (B,), id="half of it turned back by hand"),
    ],
)
def test_whom_somebody_else_changed_since_is_left_alone(now: UserState, changed: tuple[str, ...]) -> None:
    found = reverse(_deed(user(sku_a=(direct(),))), now, OWNED)
    assert (found.refusal.skus if found.refusal else ()) == changed
    assert found.refusal is None or found.refusal.kind == FailureKind.CHANGED_ELSEWHERE
    assert not changed or found.diff.is_empty


def test_what_looks_the_same_but_was_given_by_somebody_else_is_left_alone() -> None:
    deed = replace(_deed(user(sku_a=(direct(),))), touched=frozenset({B}))
    found = reverse(deed, deed.after, OWNED)
    assert found.refusal is not None
    assert (found.refusal.kind, found.refusal.skus) == (FailureKind.CHANGED_ELSEWHERE, (B,))
    # Unless it is as before already.
    assert reverse(deed, deed.before, OWNED).refusal is None


def test_an_assignment_that_fell_into_error_since_is_taken_away() -> None:
    deed = _deed(user(), UserDiff(user_id="u", add=(LicenseAdd(sku_id=A),)))
    found = reverse(deed, user(sku_a=(direct(state=PathState.DISABLED),)), OWNED)
    assert found.diff.remove == (A,)


@pytest.mark.parametrize(
    ("before", "now", "location", "stays"),
    [("US", "JP", "US", False), (None, "JP", None, True), ("US", "US", None, False), (None, None, None, False)],
)
def test_a_location_comes_back_unless_there_was_none(
    before: str | None, now: str | None, location: str | None, stays: bool
) -> None:
    found = reverse(_deed(user(location=before), UserDiff(user_id="u", location="JP")), user(location=now), OWNED)
    assert (found.diff.location, found.location_stays) == (location, stays)


def test_a_location_that_somebody_else_set_since_is_named() -> None:
    found = reverse(_deed(user(location="US"), UserDiff(user_id="u", location="JP")), user(location="DE"), OWNED)
    assert found.refusal is not None
    assert found.refusal.kind == FailureKind.CHANGED_ELSEWHERE


def test_nobody_loses_the_new_product_when_the_old_one_cannot_come_back() -> None:
    deed = _deed(user(sku_a=(direct(),)))
    found = reverse(deed, deed.after, catalog(sku(B), sku(C)))
    assert found.refusal is not None
    assert (found.diff.is_empty, found.refusal.kind, found.refusal.skus) == (True, FailureKind.BAD_SKU, (A,))
    assert Cause.PRODUCT_GONE in plan_undo([deed.after], {"u": deed}, catalog(sku(B))).causes


def test_plans_that_are_switched_off_again_are_said() -> None:
    deed = _deed(user(sku_a=(direct(f"{A}-p1"),)), UserDiff(user_id="u", add=(LicenseAdd(sku_id=A),)))
    assert plan_undo([deed.after], {"u": deed}, OWNED).causes == {Cause.REMOVES_PLAN}


def _plan(*states: UserState, owned: Catalog = OWNED) -> dict[str, object]:
    deeds = {state.user_id: _deed(replace(user(sku_a=(direct(),)), user_id=state.user_id)) for state in states}
    plan = plan_undo(states, deeds, owned)
    return {"kinds": [one.refusal and one.refusal.kind for one in plan.users], "causes": plan.causes}


def test_planning_names_who_is_left_alone_and_counts_seats() -> None:
    done = user("one", sku_b=(direct(),))
    changed = user("two", sku_b=(direct(f"{B}-p1"),))
    gone = replace(user("three"), exists=False)
    found = _plan(done, changed, gone)
    assert found["kinds"] == [None, FailureKind.CHANGED_ELSEWHERE, FailureKind.NOT_FOUND]
    assert found["causes"] == {Cause.REFUSED, Cause.REMOVES_PRODUCT}
    short = _plan(done, replace(done, user_id="two"), owned=catalog(sku(A, free=1), sku(B)))
    assert short["kinds"] == [None, FailureKind.NO_SEAT]


def test_a_user_of_whom_nothing_is_known_is_left_alone() -> None:
    plan = plan_undo([user(sku_b=(direct(),))], {}, OWNED)
    assert plan.users[0].diff.is_empty
    assert plan.causes == set()


def test_the_wish_of_an_undo_is_the_opposite() -> None:
    wish = Wish(products={A: Choice.ALL, B: Choice.NONE}, plans={(C, "p"): Choice.NONE}, location="JP")
    assert reversed_wish(wish) == Wish(products={A: Choice.NONE, B: Choice.ALL}, plans={(C, "p"): Choice.ALL})
