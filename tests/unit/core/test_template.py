"""Boxes filled from another user or a template: what is chosen, what stays, and what is said."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.core.catalog import Catalog
from licenses.core.diff import Choice, Wish, apply_diff, diff_user
from licenses.core.holdings import PathState, UserState
from licenses.core.template import Box, Filled, Line, fill, lines_of_user, lines_of_wish
from licenses.core.tristate import BoxState, box_state, plan_state
from tests.unit.core.build import A, B, C, catalog, direct, group, sku, user
from tests.unit.core.strategies import any_users, any_wishes

KEEP, ALL, NONE = Choice.KEEP, Choice.ALL, Choice.NONE
CHECKED, PARTIAL, UNCHECKED = BoxState.CHECKED, BoxState.PARTIAL, BoxState.UNCHECKED
P1, P2 = "sku-a-p1", "sku-a-p2"
NOBODY = {A: Box(), B: Box(), C: Box()}


def line(*off: str, sku_id: str = A) -> Line:
    return Line(sku_id=sku_id, disabled=frozenset(off))


def filled(
    *lines: Line,
    wish: Wish | None = None,
    owned: Catalog | None = None,
    also_unassign: bool = False,
    **boxes: Box,
) -> Filled:
    shown = NOBODY | {name.replace("_", "-"): box for name, box in boxes.items()}
    return fill(wish or Wish(), lines, shown, owned or catalog(), also_unassign=also_unassign)


def ids(found: Iterable[object]) -> list[str]:
    return [one.sku_id for one in found]  # type: ignore[attr-defined]


def test_a_user_without_licenses_gives_no_lines() -> None:
    assert lines_of_user(user()) == ()


def test_a_users_products_come_with_the_plans_that_no_path_gives() -> None:
    state = user(
        sku_c=(direct(f"{C}-p1"),),
        sku_a=(direct(P1, P2), group("g", P1)),
        sku_b=(group("g", f"{B}-p2"),),
    )
    assert lines_of_user(state) == (
        line(P1),
        Line(sku_id=B, disabled=frozenset({f"{B}-p2"}), by_group=True),
        line(f"{C}-p1", sku_id=C),
    )


def test_a_path_in_error_is_not_copied() -> None:
    assert lines_of_user(user(sku_a=(direct(state=PathState.ERROR),))) == ()
    # The group alone gives it then.
    (found,) = lines_of_user(user(sku_a=(direct(state=PathState.ERROR), group("g", P1))))
    assert (found.by_group, found.disabled) == (True, {P1})


def test_a_template_holds_what_is_assigned_and_its_plans_that_are_off() -> None:
    wish = Wish(
        products={B: ALL, A: ALL, C: NONE, "sku-d": KEEP},
        plans={(A, P1): NONE, (A, P2): ALL, (C, f"{C}-p1"): NONE},
    )
    assert lines_of_wish(wish) == (line(P1), line(sku_id=B))


def test_what_a_wish_gives_comes_back_from_its_template() -> None:
    wish = Wish(products={A: ALL, B: ALL}, plans={(A, P1): NONE, (B, f"{B}-p2"): NONE})
    assert filled(*lines_of_wish(wish)).wish == wish


def test_a_product_that_nobody_has_is_assigned_with_its_plans_off() -> None:
    found = filled(line(P1))
    assert found.wish == Wish(products={A: ALL}, plans={(A, P1): NONE})
    assert [(one.sku.sku_id, one.off, one.already, one.by_group) for one in found.taken] == [(A, {P1}, False, False)]
    assert found == replace(Filled(wish=found.wish), taken=found.taken)


@pytest.mark.parametrize(
    ("product", "plan", "is_off", "product_choice", "plan_choice"),
    [
        # Wished on: switched on only where somebody has it off.
        (PARTIAL, CHECKED, False, ALL, KEEP),
        (PARTIAL, PARTIAL, False, ALL, ALL),
        (CHECKED, UNCHECKED, False, KEEP, ALL),
        (CHECKED, CHECKED, False, KEEP, KEEP),
        # Wished off: new holders need it said, though all holders have it off.
        (PARTIAL, UNCHECKED, True, ALL, NONE),
        (CHECKED, UNCHECKED, True, KEEP, KEEP),
        (CHECKED, PARTIAL, True, KEEP, NONE),
        (CHECKED, CHECKED, True, KEEP, NONE),
    ],
)
def test_a_box_is_chosen_where_it_does_not_show_yet_what_is_wished(
    product: BoxState, plan: BoxState, is_off: bool, product_choice: Choice, plan_choice: Choice
) -> None:
    found = filled(line(*([P1] if is_off else [])), sku_a=Box(state=product, plans={P1: plan, P2: CHECKED}))
    assert found.wish.products.get(A, KEEP) == product_choice
    assert found.wish.plans.get((A, P1), KEEP) == plan_choice
    assert (A, P2) not in found.wish.plans
    assert found.taken[0].already is (product == CHECKED)


def test_what_was_chosen_before_stays_unless_the_lines_touch_it() -> None:
    before = Wish(
        products={A: NONE, B: ALL},
        plans={(A, P2): NONE, (B, f"{B}-p1"): NONE},
        location="JP",
        overwrite_location=True,
        carry_over=False,
    )
    found = filled(line(P1), wish=before)
    assert found.wish == replace(before, products={A: ALL, B: ALL}, plans={(A, P1): NONE, (B, f"{B}-p1"): NONE})


def test_a_choice_against_what_all_have_already_is_taken_back() -> None:
    before = Wish(products={A: NONE}, plans={(A, P1): NONE})
    assert filled(line(), wish=before, sku_a=Box(state=CHECKED)).wish == Wish()


def test_what_cannot_be_taken_over_is_told_apart() -> None:
    owned = catalog(sku(A), sku(B, status="Suspended"), sku(C))
    found = filled(
        line(), line(sku_id=B), line(sku_id=C), line(sku_id="sku-d"), owned=owned, sku_a=Box(state=CHECKED, locked=True)
    )
    assert found.wish == Wish(products={C: ALL})
    assert (ids(found.locked), ids(found.unavailable), found.not_owned) == ([A], [B], ("sku-d",))
    assert [one.sku.sku_id for one in found.taken] == [C]


def test_a_product_without_a_box_counts_as_not_owned() -> None:
    assert fill(Wish(), [line()], {}, catalog()).not_owned == (A,)


def test_a_product_without_free_seats_is_chosen_all_the_same() -> None:
    assert filled(line(), owned=catalog(sku(A, free=0))).wish == Wish(products={A: ALL})


def test_plans_that_the_product_no_longer_has_are_passed_over_and_named() -> None:
    found = filled(line(P1, "gone"), line(sku_id=B))
    assert found.wish.plans == {(A, P1): NONE}
    assert [(one.sku_id, plans) for one, plans in found.outdated] == [(A, {"gone"})]


def test_a_plan_of_the_whole_organization_is_never_chosen() -> None:
    found = filled(line("sku-a-company"))
    assert (found.wish.plans, found.outdated) == ({}, ())


def test_what_others_have_stays_unless_it_is_to_go() -> None:
    boxes = {
        "sku_b": Box(state=PARTIAL, direct=True),
        "sku_c": Box(state=CHECKED, locked=True),
    }
    assert filled(line(), **boxes).unassigned == ()
    before = Wish(plans={(B, f"{B}-p1"): NONE})
    found = filled(line(), wish=before, also_unassign=True, **boxes)
    assert ids(found.unassigned) == [B]
    assert found.wish == Wish(products={A: ALL, B: NONE})


def test_what_the_lines_name_is_not_unassigned_though_it_cannot_be_given() -> None:
    owned = catalog(sku(A, status="Suspended"))
    found = filled(line(), owned=owned, also_unassign=True, sku_a=Box(state=PARTIAL, direct=True))
    assert (found.wish, found.unassigned) == (Wish(), ())


def _boxes(users: list[UserState], owned: Catalog) -> dict[str, Box]:
    """Return the boxes that a page shows of these users."""
    boxes = {}
    for one in owned.skus.values():
        holders = [state.held[one.sku_id] for state in users if state.holds(one.sku_id)]
        plans = {
            plan.plan_id: plan_state(sum(plan.plan_id not in held.disabled for held in holders), len(holders))
            for plan in one.plans
        }
        is_direct = any(held.direct for held in holders)
        boxes[one.sku_id] = Box(state=box_state(len(holders), len(users)), direct=is_direct, plans=plans)
    return boxes


@given(source=any_users(), users=st.lists(any_users(groups=False), min_size=1, max_size=4), before=any_wishes())
def test_whoever_is_made_like_another_user_has_the_same_products_and_plans(
    source: UserState, users: list[UserState], before: Wish
) -> None:
    owned = catalog()
    start = replace(before, carry_over=False)
    # Whatever was ticked at the products that are touched does not matter.
    found = fill(start, lines_of_user(source), _boxes(users, owned), owned, also_unassign=True)
    for state in users:
        after = apply_diff(state, diff_user(state, found.wish, owned))
        for one in owned.skus.values():
            if not source.holds(one.sku_id):
                was_touched = any(each.holds(one.sku_id) for each in users)
                assert not (was_touched and after.holds(one.sku_id))
                continue
            switched = {plan.plan_id for plan in one.user_plans}
            assert after.holds(one.sku_id)
            assert after.held[one.sku_id].disabled & switched == source.held[one.sku_id].disabled & switched
