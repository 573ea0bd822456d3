"""Repairs of a path in error, and the wishes that they make."""

import pytest

from licenses.core.catalog import Catalog, Plan, Seats, Sku
from licenses.core.diff import Choice, LicenseAdd, Wish, diff_user
from licenses.core.holdings import DIRECT, Held, Path, PathState, UserState
from licenses.core.path_repair import is_broken, path_repairs, wish_of
from licenses.core.repair import Act, Repair
from licenses.core.rules import EXCHANGE_ENTERPRISE, EXCHANGE_STANDARD, MCOMEETADV, MCOSTANDARD


def _sku(sku_id: str, *plans: str) -> Sku:
    made = tuple(Plan(plan_id=plan, name=plan, display_name=plan) for plan in plans)
    return Sku(sku_id=sku_id, part_number=sku_id, display_name=sku_id, seats=Seats(enabled=5), plans=made)


OWNED = Catalog.of(
    [_sku("e3", EXCHANGE_ENTERPRISE), _sku("e1", EXCHANGE_STANDARD), _sku("calls", MCOMEETADV), _sku("s", MCOSTANDARD)]
)


def _path(error: str, via: str = "group", *off: str) -> Path:
    return Path(via=via, disabled=frozenset(off), state=PathState.ERROR, error=error)


def _state(location: str = "JP", **held: Path) -> UserState:
    return UserState(user_id="u", usage_location=location, held={key: Held((path,)) for key, path in held.items()})


def _codes(sku_id: str, path: Path, **held: Path) -> list[str]:
    return [one.code for one in path_repairs(_state(**{sku_id: path}, **held), sku_id, path, OWNED)]


def test_a_path_is_broken_when_it_holds_nothing_or_has_an_error() -> None:
    assert is_broken(Path(via=DIRECT, state=PathState.DISABLED))
    assert is_broken(Path(via=DIRECT, state=PathState.ACTIVE_WITH_ERROR, error="DependencyViolation"))
    assert not is_broken(Path(via=DIRECT))


@pytest.mark.parametrize("error", ["CountViolation", "Other", "UniquenessViolation", "SomethingNew"])
def test_a_group_is_asked_again_and_a_direct_path_assigned_again(error: str) -> None:
    assert _codes("e3", _path(error)) == ["reprocess"]
    assert _codes("e3", _path(error, DIRECT)) == ["retry:e3"]


def test_of_two_clashing_plans_the_direct_one_goes() -> None:
    assert _codes("e3", _path("MutuallyExclusiveViolation"), e1=Path(via=DIRECT)) == [
        f"off:e1:{EXCHANGE_STANDARD}",
        "remove:e1",
        "reprocess",
    ]
    assert _codes("e3", _path("MutuallyExclusiveViolation", DIRECT), e1=Path(via="group")) == [
        f"off:e3:{EXCHANGE_ENTERPRISE}",
        "retry:e3",
    ]


def test_a_needed_plan_is_supplied() -> None:
    assert _codes("calls", _path("DependencyViolation")) == ["add:s", "reprocess"]
    assert _codes("calls", _path("DependencyViolation", DIRECT)) == ["add:s", f"off:calls:{MCOMEETADV}", "retry:calls"]


def test_a_plan_that_a_country_does_not_have_is_switched_off() -> None:
    path = _path("ProhibitedInUsageLocationViolation", DIRECT)
    found = path_repairs(_state("IN", calls=path), "calls", path, OWNED)
    assert [one.code for one in found] == [f"off:calls:{MCOMEETADV}", "retry:calls"]


def test_a_product_that_is_not_owned_has_no_repair() -> None:
    assert _codes("gone", _path("CountViolation")) == []


def test_again_means_with_the_plans_that_were_off() -> None:
    path = _path("CountViolation", DIRECT, EXCHANGE_ENTERPRISE)
    wish = wish_of(Repair(act=Act.RETRY, sku_id="e3"), "e3", path)
    diff = diff_user(_state(e3=path), wish, OWNED)
    assert diff.add == (LicenseAdd(sku_id="e3", disabled=frozenset({EXCHANGE_ENTERPRISE})),)


def test_a_direct_path_is_assigned_again_with_what_mends_it() -> None:
    path = _path("MutuallyExclusiveViolation", DIRECT)
    state = UserState(user_id="u", usage_location="JP", held={"e3": Held((path,)), "e1": Held((Path(via=DIRECT),))})
    diff = diff_user(state, wish_of(Repair(act=Act.REMOVE, sku_id="e1"), "e3", path), OWNED)
    assert ([add.sku_id for add in diff.add], diff.remove) == (["e3"], ("e1",))


def test_a_groups_path_is_not_assigned_directly() -> None:
    wish = wish_of(Repair(act=Act.REMOVE, sku_id="e1"), "e3", _path("MutuallyExclusiveViolation"))
    assert wish == Wish(products={"e1": Choice.NONE})


def test_a_location_goes_with_the_license() -> None:
    assert wish_of(Repair(act=Act.ADD, sku_id="e3"), location="JP") == Wish(products={"e3": Choice.ALL}, location="JP")
    assert wish_of(Repair(act=Act.LOCATION), location="JP") == Wish(location="JP")
