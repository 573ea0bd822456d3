"""Repairs: what is offered for a failure, and what it makes of the wish."""

import pytest

from licenses.core.diff import Choice, LicenseAdd, UserDiff, Wish
from licenses.core.failures import FailureKind
from licenses.core.repair import Act, Repair, repaired, repairs
from tests.unit.core.build import A, B, C, catalog, direct, group, sku, user

GIVES_A = UserDiff(user_id="u", add=(LicenseAdd(sku_id=A),))
WISH = Wish(products={A: Choice.ALL})


def _codes(kind: FailureKind, plans: tuple[str, ...] = (), diff: UserDiff = GIVES_A, **held: object) -> list[str]:
    return [one.code for one in repairs(kind, plans, user(**held), diff, catalog())]  # type: ignore[arg-type]


def test_a_missing_location_is_set() -> None:
    assert _codes(FailureKind.NO_LOCATION) == ["location"]
    assert repaired(WISH, Repair(act=Act.LOCATION), "JP") == Wish(products={A: Choice.ALL}, location="JP")


def test_each_of_two_clashing_plans_can_be_switched_off_and_the_other_product_given_up() -> None:
    plans = (f"{A}-p1", f"{B}-p2")
    assert _codes(FailureKind.EXCLUSIVE, plans, sku_b=(direct(),)) == [
        f"off:{A}:{A}-p1",
        f"off:{B}:{B}-p2",
        f"remove:{B}",
    ]


def test_what_a_group_gives_cannot_be_switched_off() -> None:
    plans = (f"{A}-p1", f"{B}-p2")
    assert _codes(FailureKind.EXCLUSIVE, plans, sku_b=(group(),)) == [f"off:{A}:{A}-p1"]


def test_a_plan_that_is_off_already_is_not_offered() -> None:
    plans = (f"{A}-p1", f"{B}-p2")
    diff = UserDiff(user_id="u", add=(LicenseAdd(sku_id=A, disabled=frozenset({f"{A}-p1"})),))
    assert _codes(FailureKind.EXCLUSIVE, plans, diff, sku_b=(direct(f"{B}-p2"),)) == []


def test_a_needed_plan_that_is_off_is_switched_on() -> None:
    plans = (f"{A}-p1", f"{B}-p1", f"{C}-p1")
    assert _codes(FailureKind.DEPENDENCY, plans, sku_b=(direct(f"{B}-p1"),)) == [f"on:{B}:{B}-p1", f"off:{A}:{A}-p1"]


def test_a_needed_plan_that_nobody_has_comes_with_the_smallest_free_products() -> None:
    owned = catalog(
        sku(A),
        sku("large", plans=("x", "y", "z")),
        sku("small", plans=("x",)),
        sku("full", free=0, plans=("x",)),
        sku("gone", status="Suspended", plans=("x",)),
    )
    needs = (f"{A}-p1", "large-x", "small-x", "full-x", "gone-x")
    found = repairs(FailureKind.DEPENDENCY, needs, user(), GIVES_A, owned)
    assert [one.code for one in found] == ["add:small", "add:large", f"off:{A}:{A}-p1"]


@pytest.mark.parametrize("kind", [FailureKind.NOT_FOUND, FailureKind.BAD_SKU, FailureKind.NOT_USER_SKU])
def test_nothing_is_offered_where_nothing_helps(kind: FailureKind) -> None:
    assert _codes(kind) == []


@pytest.mark.parametrize("kind", [FailureKind.NO_SEAT, FailureKind.NOT_DONE, FailureKind.UNKNOWN])
def test_trying_again_is_offered_where_it_may_help(kind: FailureKind) -> None:
    assert _codes(kind) == ["retry"]
    assert repaired(WISH, Repair(act=Act.RETRY)) == WISH


def test_a_refusal_without_names_offers_no_guess() -> None:
    assert _codes(FailureKind.EXCLUSIVE) == []
    assert _codes(FailureKind.DEPENDENCY) == []


def test_a_repair_changes_one_thing_of_the_wish() -> None:
    assert repaired(WISH, Repair(act=Act.OFF, sku_id=A, plan_id="p")).plans == {(A, "p"): Choice.NONE}
    assert repaired(WISH, Repair(act=Act.ON, sku_id=B, plan_id="p")).plans == {(B, "p"): Choice.ALL}
    assert repaired(WISH, Repair(act=Act.ADD, sku_id=B)).products == {A: Choice.ALL, B: Choice.ALL}
    assert repaired(WISH, Repair(act=Act.REMOVE, sku_id=B)).products == {A: Choice.ALL, B: Choice.NONE}


@pytest.mark.parametrize("kind", [FailureKind.NO_SEAT, FailureKind.BAD_SKU, FailureKind.SKU_SUSPENDED])
def test_the_rest_of_a_wish_goes_on_without_the_product_that_cannot_be_had(kind: FailureKind) -> None:
    found = repairs(kind, (), user(), GIVES_A, catalog(), (A,))
    without = Repair(act=Act.WITHOUT, sku_id=A)
    assert found[-1] == without
    wish = Wish(products={A: Choice.ALL, B: Choice.ALL}, plans={(A, "p"): Choice.NONE, (B, "p"): Choice.NONE})
    assert repaired(wish, without) == Wish(products={B: Choice.ALL}, plans={(B, "p"): Choice.NONE})


def test_a_plan_that_is_not_sold_there_is_switched_off_or_its_product_left_out() -> None:
    found = repairs(FailureKind.LOCATION_FORBIDDEN, (f"{A}-p1",), user(), GIVES_A, catalog(), (A,))
    assert [one.code for one in found] == [f"off:{A}:{A}-p1", f"without:{A}"]
