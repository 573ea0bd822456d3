"""A swap keeps off what people had switched off: rule 8 of planning."""

from dataclasses import replace

import pytest

from licenses.core.carried import kept_off
from licenses.core.catalog import Catalog, Plan, Sku
from licenses.core.diff import Choice, UserDiff, Wish, diff_user
from licenses.core.families import Family, family_of
from licenses.core.planning import plan_save
from tests.unit.core.build import A, B, C, direct, group, sku, user

E1 = ("EXCHANGE_S_STANDARD", "TEAMS1", "SHAREPOINTSTANDARD", "Deskless", "STREAM_O365_E1")
E3 = ("EXCHANGE_S_ENTERPRISE", "TEAMS1", "SHAREPOINTENTERPRISE", "Deskless", "OFFICESUBSCRIPTION", "STREAM_O365_E3")
SWAP = Wish(products={A: Choice.NONE, B: Choice.ALL})


def _sku(sku_id: str, plans: tuple[str, ...]) -> Sku:
    made = [Plan(plan_id=_id(sku_id, name), name=name, display_name=name, family=family_of(name)) for name in plans]
    return replace(sku(sku_id), plans=tuple(made))


def _id(sku_id: str, name: str) -> str:
    """Teams is one plan in all products, as it is at Microsoft; the others have one of each product."""
    return name if name in ("TEAMS1", "Deskless") else f"{sku_id}-{name}"


CATALOG = Catalog.of((_sku(A, E1), _sku(B, E3), _sku(C, ("TEAMS1", "EXCHANGE_S_STANDARD", "EXCHANGE_S_ARCHIVE"))))


def _off(diff: UserDiff) -> set[str]:
    return {plan_id.removeprefix(f"{B}-") for add in diff.add for plan_id in add.disabled}


def _a(*off: str) -> list[str]:
    return [_id(A, name) for name in off]


@pytest.mark.parametrize(
    ("was_off", "starts_off"),
    [
        ((), set()),
        (("TEAMS1",), {"TEAMS1"}),
        (("EXCHANGE_S_STANDARD",), {"EXCHANGE_S_ENTERPRISE"}),
        (("SHAREPOINTSTANDARD", "STREAM_O365_E1"), {"SHAREPOINTENTERPRISE", "STREAM_O365_E3"}),
        # Of no family that people know: the very same plan stays off.
        (("Deskless",), {"Deskless"}),
    ],
)
def test_a_family_that_was_off_starts_off(was_off: tuple[str, ...], starts_off: set[str]) -> None:
    diff = diff_user(user(sku_a=(direct(*_a(*was_off)),)), SWAP, CATALOG)
    assert diff.remove == (A,)
    assert _off(diff) == starts_off
    assert {plan_id.removeprefix(f"{B}-") for _sku_id, plan_id in diff.carried} == starts_off


def test_a_family_of_which_one_plan_was_on_starts_on() -> None:
    swap = Wish(products={C: Choice.NONE, B: Choice.ALL})
    diff = diff_user(user(sku_c=(direct(f"{C}-EXCHANGE_S_ARCHIVE"),)), swap, CATALOG)
    assert _off(diff) == set()


def test_what_another_product_that_goes_still_gave_starts_on() -> None:
    swap = Wish(products={A: Choice.NONE, C: Choice.NONE, B: Choice.ALL})
    diff = diff_user(user(sku_a=(direct("TEAMS1"),), sku_c=(direct(),)), swap, CATALOG)
    assert _off(diff) == set()


def test_what_a_group_gave_all_the_time_was_not_off() -> None:
    diff = diff_user(user(sku_a=(direct("TEAMS1"), group("everybody"))), SWAP, CATALOG)
    assert (diff.remove, _off(diff)) == ((A,), set())


def test_the_last_word_is_the_boxs() -> None:
    wish = replace(SWAP, plans={(B, "TEAMS1"): Choice.ALL, (B, f"{B}-OFFICESUBSCRIPTION"): Choice.NONE})
    diff = diff_user(user(sku_a=(direct(*_a("TEAMS1", "EXCHANGE_S_STANDARD")),)), wish, CATALOG)
    assert _off(diff) == {"OFFICESUBSCRIPTION", "EXCHANGE_S_ENTERPRISE"}


def test_all_of_it_can_be_switched_on() -> None:
    diff = diff_user(user(sku_a=(direct("TEAMS1"),)), replace(SWAP, carry_over=False), CATALOG)
    assert (_off(diff), diff.carried) == (set(), ())


def test_who_keeps_the_old_product_or_had_the_new_one_is_no_swap() -> None:
    for wish in (Wish(products={B: Choice.ALL}), SWAP):
        held = {"sku_a": (direct("TEAMS1"),)} | ({"sku_b": (direct(),)} if wish is SWAP else {})
        assert diff_user(user(**held), wish, CATALOG).carried == ()
    assert diff_user(user(sku_a=(group("everybody", "TEAMS1"),)), SWAP, CATALOG).carried == ()


def test_what_is_kept_off_is_counted_by_family() -> None:
    people = [
        user("1", sku_a=(direct("TEAMS1"),)),
        user("2", sku_a=(direct(*_a("TEAMS1", "EXCHANGE_S_STANDARD")),)),
        user("3", sku_a=(direct("Deskless"),)),
        user("4", sku_a=(direct(),)),
        # Refused, so nothing of theirs is kept off.
        user("5", None, sku_a=(direct("TEAMS1"),)),
    ]
    found = kept_off(plan_save(people, SWAP, CATALOG), CATALOG)
    assert [(one.sku_id, one.family, one.plan_id, one.users) for one in found] == [
        (B, Family.TEAMS, "", 2),
        (B, Family.EXCHANGE, "", 1),
        (B, Family.OTHER, "Deskless", 1),
    ]
