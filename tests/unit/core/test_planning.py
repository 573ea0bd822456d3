"""Plans of whole saves: seats, refusals, cautions, and why Review asks."""

from dataclasses import replace

import pytest

from licenses.core.catalog import Plan, Seats, Sku
from licenses.core.cause_figures import cause_figures
from licenses.core.diff import Choice, Wish
from licenses.core.failures import FailureKind
from licenses.core.families import Family, family_of
from licenses.core.losses import losses
from licenses.core.planning import Cause, plan_save
from licenses.core.rules import clashes, forbidden, missing_dependencies
from licenses.core.tristate import BoxState, box_state, plan_state
from tests.unit.core.build import A, B, catalog, direct, group, sku, user

ALL, NONE = Choice.ALL, Choice.NONE
GIVE = Wish(products={A: ALL})


def _kinds(plan: object) -> list[FailureKind | None]:
    return [one.refusal.kind if one.refusal else None for one in plan.users]  # type: ignore[attr-defined]


def test_the_first_in_order_get_the_last_seats() -> None:
    plan = plan_save([user("1"), user("2"), user("3")], GIVE, catalog(sku(A, free=2)))
    assert _kinds(plan) == [None, None, FailureKind.NO_SEAT]
    (line,) = plan.seats
    assert (line.needed, line.free, line.short, line.after) == (3, 2, 1, 0)
    assert Cause.SHORT in plan.causes
    assert plan.calls == 2


def test_a_freed_seat_counts_for_later_users_only() -> None:
    owned = catalog(sku(A, free=0), sku(B))
    holder = user("holder", sku_a=(direct(),))
    swap = Wish(products={A: NONE, B: ALL})
    assert [line.freed for line in plan_save([holder], swap, owned).seats if line.sku_id == A] == [1]
    both = [replace(holder, user_id="1"), user("2")]
    assert _kinds(plan_save(both, GIVE, owned)) == [None, FailureKind.NO_SEAT]


def test_a_holder_by_group_needs_no_seat() -> None:
    plan = plan_save([user(sku_a=(group(),))], GIVE, catalog(sku(A, free=0)))
    assert plan.calls == 0
    assert plan.seats == ()


def test_a_user_without_location_is_refused_without_a_seat() -> None:
    plan = plan_save([user("1", location=None), user("2")], GIVE, catalog(sku(A, free=1)))
    assert _kinds(plan) == [FailureKind.NO_LOCATION, None]
    assert plan.causes == {Cause.NO_LOCATION}


def test_a_location_that_comes_with_the_save_is_enough() -> None:
    plan = plan_save([user(location=None)], Wish(products={A: ALL}, location="JP"), catalog())
    assert _kinds(plan) == [None]
    assert plan.causes == frozenset()


def test_a_removal_needs_no_location() -> None:
    plan = plan_save([user(location=None, sku_a=(direct(),))], Wish(products={A: NONE}), catalog())
    assert plan.calls == 1


def test_a_suspended_product_is_refused() -> None:
    plan = plan_save([user()], GIVE, catalog(sku(A, status="Suspended")))
    assert _kinds(plan) == [FailureKind.SKU_SUSPENDED]
    assert plan.causes == {Cause.REFUSED}


def test_a_deleted_user_is_refused() -> None:
    plan = plan_save([replace(user(), exists=False)], GIVE, catalog())
    assert _kinds(plan) == [FailureKind.NOT_FOUND]


@pytest.mark.parametrize(
    ("wish", "state", "cause"),
    [
        (Wish(products={A: NONE}), user(sku_a=(direct(),)), Cause.REMOVES_PRODUCT),
        (Wish(products={A: NONE}), user(sku_a=(group(),)), Cause.NOTHING_REMOVED),
        (Wish(plans={(A, "sku-a-p1"): NONE}), user(sku_a=(direct(),)), Cause.REMOVES_PLAN),
        (GIVE, replace(user(), enabled=False), Cause.BLOCKED_NEWLY_LICENSED),
        (GIVE, replace(user(), guest=True), Cause.GUEST_NEWLY_LICENSED),
    ],
)
def test_review_asks(wish: Wish, state: object, cause: Cause) -> None:
    assert plan_save([state], wish, catalog()).causes == {cause}  # type: ignore[list-item]


def test_review_asks_above_the_number_of_users() -> None:
    states = [user(str(number)) for number in range(3)]
    assert plan_save(states, GIVE, catalog(), review_above=2).causes == {Cause.MANY_USERS}
    assert plan_save(states, GIVE, catalog(), review_above=3).causes == frozenset()


def test_each_cause_has_its_number_of_users() -> None:
    states = [
        user("1"),
        replace(user("2"), enabled=False),
        user("3", location=None),
        user("4", sku_b=(direct(),)),
        replace(user("5", sku_b=(group(),)), guest=True),
    ]
    plan = plan_save(states, Wish(products={A: ALL, B: NONE}), catalog(), review_above=1)
    assert cause_figures(plan) == {
        Cause.MANY_USERS: 4,
        Cause.BLOCKED_NEWLY_LICENSED: 1,
        Cause.NO_LOCATION: 1,
        Cause.REMOVES_PRODUCT: 1,
        Cause.GUEST_NEWLY_LICENSED: 1,
    }


def test_who_is_refused_loses_no_plan() -> None:
    off = Wish(plans={(A, "sku-a-p1"): NONE})
    states = [user("1", sku_a=(direct(),)), user("2", sku_a=(direct("sku-a-p1"),))]
    assert cause_figures(plan_save(states, off, catalog())) == {Cause.REMOVES_PLAN: 1}


def test_who_is_refused_is_not_changed() -> None:
    plan = plan_save([user(str(one)) for one in range(9)], GIVE, catalog(sku(A, free=2)), review_above=2)
    assert plan.causes == {Cause.SHORT}


def test_an_old_picture_is_a_cause() -> None:
    plan = plan_save([user()], GIVE, catalog(), selection_changed=True, drift=True)
    assert plan.causes == {Cause.SELECTION_CHANGED, Cause.DRIFT}


EXCHANGE_1, EXCHANGE_2 = "9aaf7827-d63c-4b61-89c3-182f06f82e5c", "efb87545-963c-4e0d-99df-69c6916d9eb0"
AUDIO = "3e26ee1f-8a5f-4d52-aee2-b81ce45c8f40"


def _single(sku_id: str, plan_id: str, name: str) -> Sku:
    plan = Plan(plan_id=plan_id, name=name, display_name=name, family=family_of(name))
    return Sku(sku_id=sku_id, part_number=name, display_name=name, seats=Seats(enabled=5), plans=(plan,))


def test_a_known_clash_is_a_caution_and_is_sent() -> None:
    owned = catalog(_single(A, EXCHANGE_1, "EXCHANGE_S_STANDARD"), _single(B, EXCHANGE_2, "EXCHANGE_S_ENTERPRISE"))
    plan = plan_save([user(sku_b=(direct(),))], GIVE, owned)
    (planned,) = plan.users
    assert planned.needs_call
    assert [(caution.kind, caution.plans) for caution in planned.cautions] == [
        (FailureKind.EXCLUSIVE, (EXCHANGE_1, EXCHANGE_2))
    ]


def test_a_missing_need_and_a_forbidden_place_are_cautions() -> None:
    plan = plan_save([user(location="CN")], GIVE, catalog(_single(A, AUDIO, "MCOMEETADV")))
    kinds = {caution.kind for caution in plan.users[0].cautions}
    assert kinds == {FailureKind.DEPENDENCY, FailureKind.LOCATION_FORBIDDEN}


def test_losses_are_counted_by_family() -> None:
    owned = catalog(_single(A, EXCHANGE_1, "EXCHANGE_S_STANDARD"), _single(B, EXCHANGE_2, "EXCHANGE_S_ENTERPRISE"))
    holders = [user("1", sku_a=(direct(),)), user("2", sku_a=(direct(),), sku_b=(direct(),)), user("3")]
    plan = plan_save(holders, Wish(products={A: NONE}), owned)
    assert losses(plan, owned) == {Family.EXCHANGE: 1}


def test_rules_speak_of_the_whole_set_of_plans() -> None:
    assert clashes([EXCHANGE_1]) == ()
    assert clashes([EXCHANGE_1, EXCHANGE_2])[0].plans == (EXCHANGE_1, EXCHANGE_2)
    assert [gap.plan_id for gap in missing_dependencies(frozenset({AUDIO}))] == [AUDIO]
    assert forbidden([AUDIO], None) == ()
    assert forbidden([AUDIO], "JP") == ()


@pytest.mark.parametrize(
    ("holders", "total", "state"),
    [(0, 0, "none"), (0, 3, "none"), (1, 3, "partial"), (3, 3, "all")],
)
def test_a_box_tells_how_many_hold_it(holders: int, total: int, state: str) -> None:
    assert box_state(holders, total) == BoxState(state)


def test_a_plan_without_holders_is_checked() -> None:
    assert plan_state(0, 0) == BoxState.CHECKED
    assert plan_state(0, 2) == BoxState.UNCHECKED


def test_seats_in_their_grace_period_count_and_never_fall_below_zero() -> None:
    assert Seats(enabled=1, warning=2, consumed=2).available == 1
    assert Seats(enabled=1, consumed=5).available == 0
