"""Seats and refusals at their edges: more consumed than owned, several reasons at once, users who are gone."""

from dataclasses import replace

import pytest

from licenses.core.catalog import AppliesTo, Plan, Seats, Sku
from licenses.core.diff import Choice, Wish
from licenses.core.failures import FailureKind
from licenses.core.holdings import PathState
from licenses.core.planning import Cause, plan_save
from licenses.core.rules import EXCHANGE_ENTERPRISE, EXCHANGE_STANDARD, MCOMEETADV, MCOSTANDARD
from tests.unit.core.build import A, B, catalog, direct, group, sku, user

ALL, NONE = Choice.ALL, Choice.NONE
GIVE_B_FOR_A = Wish(products={A: NONE, B: ALL})


def _seats(sku_id: str, **numbers: int) -> Sku:
    return replace(sku(sku_id), seats=Seats(**numbers))


def _refusals(plan: object) -> list[FailureKind | None]:
    return [one.refusal and one.refusal.kind for one in plan.users]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("freed", "free_afterwards"), [(1, 0), (2, 0), (3, 1)])
def test_seats_freed_of_an_over_consumed_product_fill_its_hole_first(freed: int, free_afterwards: int) -> None:
    owned = catalog(_seats(A, enabled=10, consumed=12))
    holders = [user(str(number), sku_a=(direct(),)) for number in range(freed)]
    (line,) = plan_save(holders, Wish(products={A: NONE}), owned).seats
    assert (line.free, line.freed, line.after) == (0, freed, free_afterwards)


def test_a_user_who_lacks_one_of_two_products_takes_no_seat_of_the_other() -> None:
    owned = catalog(sku(A, free=1), sku(B, free=0))
    plan = plan_save([user("1"), user("2", sku_b=(direct(),))], Wish(products={A: ALL, B: ALL}), owned)
    assert _refusals(plan) == [FailureKind.NO_SEAT, None]
    assert plan.users[0].refusal is not None
    assert plan.users[0].refusal.skus == (B,)
    assert [(line.sku_id, line.needed, line.short, line.after) for line in plan.seats] == [(A, 2, 0, 0), (B, 1, 1, 0)]


def test_a_refused_user_frees_nothing() -> None:
    owned = catalog(_seats(A, enabled=1, consumed=1), sku(B, free=0))
    plan = plan_save([user("1", sku_a=(direct(),))], GIVE_B_FOR_A, owned)
    assert _refusals(plan) == [FailureKind.NO_SEAT]
    assert [line.sku_id for line in plan.seats] == [B]


def test_a_holder_by_group_who_loses_the_direct_assignment_frees_nothing() -> None:
    plan = plan_save([user(sku_a=(direct(), group()))], Wish(products={A: NONE}), catalog())
    assert plan.users[0].freed == ()
    assert plan.seats == ()


def test_an_assignment_in_error_that_is_revoked_frees_nothing() -> None:
    plan = plan_save([user(sku_a=(direct(state=PathState.ERROR),))], Wish(products={A: NONE}), catalog())
    assert (plan.calls, plan.users[0].freed, plan.seats) == (1, (), ())


def test_units_in_their_grace_period_can_be_given() -> None:
    owned = catalog(replace(_seats(A, enabled=0, warning=1), capability_status="Warning"))
    assert _refusals(plan_save([user("1"), user("2")], Wish(products={A: ALL}), owned)) == [None, FailureKind.NO_SEAT]


@pytest.mark.parametrize(
    ("exists", "status", "location", "free", "kind"),
    [
        (False, "Suspended", None, 0, FailureKind.NOT_FOUND),
        (True, "Suspended", None, 0, FailureKind.SKU_SUSPENDED),
        (True, "Enabled", None, 0, FailureKind.NO_LOCATION),
        (True, "Enabled", "JP", 0, FailureKind.NO_SEAT),
        (True, "Enabled", "JP", 1, None),
    ],
)
def test_of_several_reasons_the_first_is_told(
    exists: bool, status: str, location: str | None, free: int, kind: FailureKind | None
) -> None:
    state = replace(user(location=location), exists=exists)
    assert _refusals(plan_save([state], Wish(products={A: ALL}), catalog(sku(A, status=status, free=free)))) == [kind]


@pytest.mark.parametrize("wish", [Wish(products={A: NONE}), Wish(location="JP"), Wish(plans={(A, "sku-a-p1"): NONE})])
def test_a_user_who_no_longer_exists_is_told_even_where_nothing_would_be_sent(wish: Wish) -> None:
    gone = replace(user(), exists=False)
    plan = plan_save([gone], wish, catalog())
    assert _refusals(plan) == [FailureKind.NOT_FOUND]
    assert Cause.REFUSED in plan.causes
    assert plan.calls == 0


def test_an_empty_wish_refuses_nobody() -> None:
    assert _refusals(plan_save([replace(user(), exists=False)], Wish(), catalog())) == [None]


def test_a_plan_edit_of_a_suspended_product_is_left_to_microsoft() -> None:
    owned = catalog(sku(A, status="Suspended", free=0))
    plan = plan_save([user(sku_a=(direct(),))], Wish(plans={(A, "sku-a-p1"): NONE}), owned)
    assert (plan.calls, plan.seats) == (1, ())


def test_neither_blocked_nor_guest_users_ask_for_review_when_they_are_refused() -> None:
    states = [replace(user("1", location=None), enabled=False), replace(user("2", location=None), guest=True)]
    assert plan_save(states, Wish(products={A: ALL}), catalog()).causes == {Cause.NO_LOCATION}


def _single(sku_id: str, plan_id: str) -> Sku:
    return replace(sku(sku_id), plans=(Plan(plan_id=plan_id, name="P", display_name="P"),))


def test_switching_the_clashing_plan_off_in_the_same_save_ends_the_caution() -> None:
    owned = catalog(_single(A, EXCHANGE_STANDARD), _single(B, EXCHANGE_ENTERPRISE))
    holder = user(sku_a=(direct(),))
    assert plan_save([holder], Wish(products={B: ALL}), owned).users[0].cautions
    both = Wish(products={B: ALL}, plans={(A, EXCHANGE_STANDARD): NONE})
    assert plan_save([holder], both, owned).users[0].cautions == ()
    assert plan_save([holder], GIVE_B_FOR_A, owned).users[0].cautions == ()


def test_taking_away_what_another_product_needs_is_a_caution() -> None:
    owned = catalog(_single(A, MCOSTANDARD), _single(B, MCOMEETADV))
    plan = plan_save([user(sku_a=(direct(),), sku_b=(direct(),))], Wish(products={A: NONE}), owned)
    (caution,) = plan.users[0].cautions
    assert (caution.kind, caution.plans) == (FailureKind.DEPENDENCY, (MCOMEETADV, MCOSTANDARD))
    assert plan.calls == 1


def test_a_location_alone_brings_no_caution() -> None:
    owned = catalog(_single(B, MCOMEETADV))
    plan = plan_save([user(location=None, sku_b=(direct(),))], Wish(location="IN"), owned)
    assert (plan.calls, plan.users[0].cautions) == (1, ())


@pytest.mark.parametrize(("location", "is_foreseen"), [("IN", True), ("JP", False)])
def test_a_location_that_comes_with_the_save_is_the_one_that_refuses(location: str, is_foreseen: bool) -> None:
    owned = catalog(_single(B, MCOMEETADV))
    plan = plan_save([user(location=None)], Wish(products={B: ALL}, location=location), owned)
    kinds = {caution.kind for caution in plan.users[0].cautions}
    assert (FailureKind.LOCATION_FORBIDDEN in kinds) is is_foreseen


def test_a_product_without_plans_of_that_kind_is_not_refused_in_india() -> None:
    plan = plan_save([user(location="IN")], Wish(products={A: ALL}), catalog())
    assert plan.users[0].cautions == ()


def test_who_will_be_refused_gives_no_seat_back() -> None:
    owned = catalog(_single(A, MCOSTANDARD), _single(B, MCOMEETADV))
    both, one = user("1", sku_a=(direct(),), sku_b=(direct(),)), user("2", sku_a=(direct(),))
    plan = plan_save([both, one], Wish(products={A: NONE}), owned)
    assert [bool(each.cautions) for each in plan.users] == [True, False]
    assert [line.freed for line in plan.seats] == [1]


def test_a_product_of_the_whole_organization_is_for_nobody() -> None:
    owned = catalog(replace(sku(A), applies_to=AppliesTo.COMPANY), sku(B, status="Suspended"))
    plan = plan_save([user()], Wish(products={A: ALL, B: ALL}), owned)
    assert (_refusals(plan), plan.users[0].refusal and plan.users[0].refusal.skus) == ([FailureKind.NOT_USER_SKU], (A,))
