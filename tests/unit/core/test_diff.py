"""What a wish changes for one user."""

import pytest

from licenses.core.diff import Choice, Kept, LicenseAdd, Wish, diff_user
from licenses.core.holdings import Path, PathState
from tests.unit.core.build import A, catalog, direct, group, user

ALL, NONE, KEEP = Choice.ALL, Choice.NONE, Choice.KEEP


def _add(*off: str) -> tuple[LicenseAdd, ...]:
    return (LicenseAdd(sku_id=A, disabled=frozenset(off)),)


@pytest.mark.parametrize(
    ("paths", "choice", "add", "remove", "kept"),
    [
        pytest.param((), ALL, _add(), (), (), id="a user without it gets it with every user plan on"),
        pytest.param((direct(),), ALL, (), (), (), id="a holder gets no call"),
        pytest.param((group(),), ALL, (), (), (), id="a holder by group gets no call"),
        pytest.param((direct(state=PathState.ERROR),), ALL, _add(), (), (), id="a path in error is assigned anew"),
        pytest.param((), NONE, (), (), (), id="who does not have it loses nothing"),
        pytest.param((direct(),), NONE, (), (A,), (), id="a direct assignment is revoked"),
        pytest.param((direct(state=PathState.ERROR),), NONE, (), (A,), (), id="one in error is revoked too"),
        pytest.param((group(),), NONE, (), (), (Kept(sku_id=A, groups=("group",)),), id="a group keeps it"),
        pytest.param(
            (direct(), group()), NONE, (), (A,), (Kept(sku_id=A, groups=("group",)),), id="of both only direct goes"
        ),
        pytest.param((direct("sku-a-p1"),), KEEP, (), (), (), id="keep changes nobody"),
    ],
)
def test_a_product(paths: tuple[Path, ...], choice: Choice, add: object, remove: object, kept: object) -> None:
    state = user(sku_a=paths) if paths else user()
    diff = diff_user(state, Wish(products={A: choice}), catalog())
    assert (diff.add, diff.remove, diff.kept) == (add, remove, kept)


P1, P2 = "sku-a-p1", "sku-a-p2"


@pytest.mark.parametrize(
    ("paths", "product", "plan", "add"),
    [
        pytest.param((direct(),), KEEP, NONE, _add(P1), id="switching off sends the whole set"),
        pytest.param((direct(P2),), KEEP, NONE, _add(P1, P2), id="other plans stay off"),
        pytest.param((direct(P1),), KEEP, NONE, (), id="already off gets no call"),
        pytest.param((direct(P1, P2),), KEEP, ALL, _add(P2), id="switching on leaves the others off"),
        pytest.param((direct(P1),), KEEP, KEEP, (), id="keep leaves each holder's plans"),
        pytest.param((), ALL, NONE, _add(P1), id="a new holder starts without it"),
        pytest.param((), ALL, KEEP, _add(), id="a new holder gets it when it is kept"),
        pytest.param((), KEEP, NONE, (), id="who does not hold the product is not sent"),
        pytest.param((group(),), KEEP, NONE, (), id="a holder by group is not sent"),
        pytest.param((direct(), group()), KEEP, NONE, _add(P1), id="a direct holder with a group is sent"),
    ],
)
def test_a_service_plan(paths: tuple[Path, ...], product: Choice, plan: Choice, add: object) -> None:
    state = user(sku_a=paths) if paths else user()
    wish = Wish(products={A: product}, plans={(A, P1): plan})
    assert diff_user(state, wish, catalog()).add == add


def test_a_plan_that_a_group_keeps_on_is_listed() -> None:
    diff = diff_user(user(sku_a=(direct(), group())), Wish(plans={(A, P1): NONE}), catalog())
    assert diff.kept == (Kept(sku_id=A, plan_id=P1, groups=("group",)),)


def test_a_plan_that_a_group_switched_off_cannot_be_switched_on_here() -> None:
    diff = diff_user(user(sku_a=(group("group", P1),)), Wish(plans={(A, P1): ALL}), catalog())
    assert diff.is_empty
    assert diff.kept == (Kept(sku_id=A, plan_id=P1, groups=("group",)),)


def test_plan_choices_of_a_revoked_product_mean_nothing() -> None:
    wish = Wish(products={A: NONE}, plans={(A, P1): NONE})
    diff = diff_user(user(sku_a=(direct(),)), wish, catalog())
    assert (diff.add, diff.remove) == ((), (A,))
    assert not wish.removes_plans
    assert wish.removes


def test_a_company_plan_that_is_off_stays_off() -> None:
    diff = diff_user(user(sku_a=(direct("sku-a-company"),)), Wish(plans={(A, P1): NONE}), catalog())
    assert diff.add == _add("sku-a-company", P1)


@pytest.mark.parametrize(
    ("present", "overwrite", "expected"),
    [(None, False, "JP"), ("US", False, None), ("US", True, "JP"), ("JP", True, None), (None, True, "JP")],
)
def test_a_location_goes_to_users_without_one(present: str | None, overwrite: bool, expected: str | None) -> None:
    wish = Wish(location="JP", overwrite_location=overwrite)
    assert diff_user(user(location=present), wish, catalog()).location == expected


def test_a_product_that_the_tenant_does_not_own_is_passed_over() -> None:
    assert diff_user(user(), Wish(products={"other": ALL}), catalog()).is_empty


def test_an_empty_wish_is_empty() -> None:
    assert Wish(products={A: KEEP}, plans={(A, P1): KEEP}).is_empty
    assert not Wish(location="JP").is_empty
