"""What stays because groups give it, and is listed by their names."""

from licenses.core.diff import Choice, Differ, Kept, Wish, diff_user
from licenses.core.holdings import PathState
from tests.unit.core.build import A, catalog, direct, group, user

P1, P2 = "sku-a-p1", "sku-a-p2"
ALL, NONE = Choice.ALL, Choice.NONE
P1_OFF = Wish(plans={(A, P1): NONE})


def test_only_the_groups_that_switch_the_plan_on_are_named() -> None:
    diff = diff_user(user(sku_a=(direct(), group("h"), group("g"), group("off", P1))), P1_OFF, catalog())
    assert diff.kept == (Kept(sku_id=A, plan_id=P1, groups=("g", "h")),)
    assert [add.disabled for add in diff.add] == [{P1}]


def test_a_group_in_error_keeps_nothing() -> None:
    diff = diff_user(user(sku_a=(direct(), group("g", state=PathState.ERROR))), P1_OFF, catalog())
    assert diff.kept == ()
    gone = diff_user(user(sku_a=(direct(), group("g", state=PathState.ERROR))), Wish(products={A: NONE}), catalog())
    assert (gone.remove, gone.kept) == ((A,), ())


def test_a_plan_already_off_directly_stays_on_by_group_without_a_call() -> None:
    diff = diff_user(user(sku_a=(direct(P1), group("g"))), P1_OFF, catalog())
    assert diff.is_empty
    assert diff.kept == (Kept(sku_id=A, plan_id=P1, groups=("g",)),)


def test_a_plan_already_off_by_group_is_not_listed() -> None:
    assert diff_user(user(sku_a=(group("g", P1),)), P1_OFF, catalog()).kept == ()


def test_a_direct_holder_gets_the_plan_although_a_group_has_it_off() -> None:
    diff = diff_user(user(sku_a=(direct(P1, P2), group("g", P1))), Wish(plans={(A, P1): ALL}), catalog())
    assert [add.disabled for add in diff.add] == [{P2}]
    assert diff.kept == ()


def test_a_product_of_several_groups_names_them_all_in_order() -> None:
    diff = diff_user(user(sku_a=(group("h"), group("g"))), Wish(products={A: NONE}), catalog())
    assert (diff.remove, diff.kept) == ((), (Kept(sku_id=A, groups=("g", "h")),))


def test_users_with_the_same_groups_and_other_direct_assignments_are_told_apart() -> None:
    diff = Differ(Wish(plans={(A, P1): ALL}), catalog())
    by_group = diff(user(sku_a=(group("g", P1),)))
    with_direct = diff(user(sku_a=(direct(P1), group("g", P1))))
    assert (by_group.is_empty, len(by_group.kept)) == (True, 1)
    assert (with_direct.is_empty, len(with_direct.kept)) == (False, 0)
