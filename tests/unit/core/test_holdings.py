"""Who holds what, by which path, and which plans are on."""

from dataclasses import replace

import pytest

from licenses.core.catalog import AppliesTo, Catalog
from licenses.core.enabled import EnabledPlans
from licenses.core.holdings import DIRECT, Held, Path, PathState
from tests.unit.core.build import A, B, catalog, direct, group, sku, user

ERROR, DISABLED = PathState.ERROR, PathState.DISABLED
P1, P2, COMPANY = "sku-a-p1", "sku-a-p2", "sku-a-company"


@pytest.mark.parametrize(
    ("text", "state", "holds"),
    [
        ("Active", PathState.ACTIVE, True),
        ("activewitherror", PathState.ACTIVE_WITH_ERROR, True),
        ("ERROR", PathState.ERROR, False),
        ("Disabled", PathState.DISABLED, False),
        ("SomethingNew", PathState.ACTIVE, True),
        ("", PathState.ACTIVE, True),
    ],
)
def test_a_state_is_read_in_any_letter_case_and_an_unknown_one_holds(text: str, state: PathState, holds: bool) -> None:
    assert PathState.parse(text) is state
    assert state.holds is holds


@pytest.mark.parametrize(
    ("paths", "holds", "groups", "disabled"),
    [
        pytest.param((), False, (), set(), id="nothing"),
        pytest.param((direct(P1),), True, (), {P1}, id="direct"),
        pytest.param((direct(P1, state=ERROR),), False, (), set(), id="a direct path in error holds nothing"),
        pytest.param((group("g", P1, state=DISABLED),), False, (), set(), id="a disabled group path neither"),
        pytest.param((direct(P1, P2), group("g", P2)), True, ("g",), {P2}, id="off only if off in every path"),
        pytest.param((direct(P1), group("g", P2)), True, ("g",), set(), id="two paths together switch all on"),
        pytest.param((group("g", state=ERROR), direct(P1)), True, (), {P1}, id="a path in error counts for nothing"),
        pytest.param((direct(state=ERROR), group("g", state=ERROR)), False, (), set(), id="all in error"),
        pytest.param((group("h"), group("g", P1)), True, ("g", "h"), set(), id="groups are sorted"),
    ],
)
def test_paths_add_up(paths: tuple[Path, ...], holds: bool, groups: tuple[str, ...], disabled: set[str]) -> None:
    held = Held(paths)
    assert (held.holds, held.groups, held.disabled) == (holds, groups, disabled)


def test_a_direct_path_in_error_is_direct_but_gives_nothing() -> None:
    held = Held((group("g"), direct(P1, state=ERROR)))
    assert held.direct is None
    assert held.any_direct == Path(via=DIRECT, disabled=frozenset({P1}), state=ERROR)


def test_plans_that_are_on_are_those_of_every_product_held() -> None:
    state = user(sku_a=(direct(P1),), sku_b=(direct(state=ERROR),), sku_of_nobody=(direct(),))
    assert state.enabled_plans(catalog()) == {P2, COMPANY}
    assert (state.holds(A), state.holds(B), state.holds("sku-c")) == (True, False, False)


def test_a_product_that_the_tenant_does_not_own_gives_no_plans() -> None:
    assert EnabledPlans(Catalog.of([sku(A)]), frozenset).of("sku-of-nobody", frozenset()) == frozenset()


def test_only_live_user_products_can_be_assigned() -> None:
    statuses = ("Enabled", "Warning", "Suspended", "LockedOut", "Deleted")
    assert [status for status in statuses if sku(A, status=status).is_assignable] == ["Enabled", "Warning"]
    assert not replace(sku(A), applies_to=AppliesTo.COMPANY).is_assignable


def test_company_plans_are_no_user_plans() -> None:
    one = sku(A)
    assert [plan.plan_id for plan in one.user_plans] == [P1, P2]
    assert one.plan_ids == {P1, P2, COMPANY}
