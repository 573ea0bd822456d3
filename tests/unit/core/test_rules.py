"""The rules as data: every row of Microsoft's lists, and what is not applied on purpose."""

from itertools import combinations

import pytest

from licenses.core import rules
from licenses.core.rules import clashes, forbidden, missing_dependencies

EXCHANGE_1, EXCHANGE_2, KIOSK = rules.EXCHANGE_STANDARD, rules.EXCHANGE_ENTERPRISE, rules.EXCHANGE_DESKLESS
SHAREPOINT_1, SHAREPOINT_2 = rules.SHAREPOINT_STANDARD, rules.SHAREPOINT_ENTERPRISE
SHAREPOINT_KIOSK = "902b47e5-dcb2-4fdc-858b-c63a90a2bdb9"
MCOIMP = "afc06cb0-b4f4-4473-8286-d644f70d8faf"
ENTRA_P1, ENTRA_P2 = "41781fb2-bc02-4b7c-bd55-b576c07bb09d", "eec0eb4f-6444-4f95-aba0-50c24d67f998"


@pytest.mark.parametrize("row", rules.EXCLUSIONS, ids=[str(number) for number in range(len(rules.EXCLUSIONS))])
def test_any_two_of_a_row_clash_unless_they_are_merely_not_recommended(row: frozenset[str]) -> None:
    for pair in combinations(sorted(row), 2):
        accepted = frozenset(pair) in rules.NOT_RECOMMENDED
        assert (pair in {clash.plans for clash in clashes(pair)}) is not accepted


@pytest.mark.parametrize(
    ("plans", "expected"),
    [
        ([EXCHANGE_1, EXCHANGE_2], [{EXCHANGE_1, EXCHANGE_2}]),
        ([EXCHANGE_2, KIOSK], []),
        ([EXCHANGE_1, KIOSK], [{EXCHANGE_1, KIOSK}]),
        ([SHAREPOINT_1, SHAREPOINT_2], []),
        ([SHAREPOINT_2, SHAREPOINT_KIOSK], [{SHAREPOINT_2, SHAREPOINT_KIOSK}]),
        (
            [SHAREPOINT_1, SHAREPOINT_2, SHAREPOINT_KIOSK],
            [{SHAREPOINT_1, SHAREPOINT_2, SHAREPOINT_KIOSK}],
        ),
        (
            [rules.MCOPSTN1, rules.MCOSTANDARD, rules.MCOPSTN2, MCOIMP],
            [{rules.MCOSTANDARD, MCOIMP}, {rules.MCOPSTN1, rules.MCOPSTN2}],
        ),
        ([ENTRA_P1, ENTRA_P2], []),
        ([EXCHANGE_1, EXCHANGE_1], []),
        ([], []),
    ],
)
def test_clashes(plans: list[str], expected: list[set[str]]) -> None:
    assert [set(clash.plans) for clash in clashes(plans)] == expected


@pytest.mark.parametrize("plan_id", rules.DEPENDENCIES)
def test_a_plan_alone_lacks_what_it_needs_and_any_one_of_it_is_enough(plan_id: str) -> None:
    (gap,) = missing_dependencies(frozenset({plan_id}))
    assert (gap.plan_id, frozenset(gap.needs)) == (plan_id, rules.DEPENDENCIES[plan_id])
    for need in gap.needs:
        assert missing_dependencies(frozenset({plan_id, need})) == ()


def test_phone_needs_teams_or_skype() -> None:
    assert rules.DEPENDENCIES[rules.MCOEV] == {rules.TEAMS1, rules.MCOSTANDARD}


@pytest.mark.parametrize("plan_id", rules.UNVERIFIED_DEPENDENCIES)
def test_an_unverified_dependency_is_never_applied(plan_id: str) -> None:
    assert missing_dependencies(frozenset({plan_id})) == ()


def test_every_dependency_names_its_source() -> None:
    assert rules.DEPENDENCY_SOURCES.keys() == rules.DEPENDENCIES.keys()


@pytest.mark.parametrize("location", ["CN", "IN"])
def test_calling_and_conferencing_are_refused_in_china_and_india(location: str) -> None:
    plans = [rules.MCOPSTN2, rules.MCOMEETADV, rules.MCOPSTN1, EXCHANGE_1]
    assert forbidden(plans, location) == tuple(sorted(plans[:3]))


@pytest.mark.parametrize("location", ["JP", "", None])
def test_nothing_is_refused_elsewhere(location: str | None) -> None:
    assert forbidden([rules.MCOPSTN1], location) == ()


def test_ids_are_lower_case_and_every_ruled_plan_is_known() -> None:
    named = frozenset().union(*rules.EXCLUSIONS, rules.DEPENDENCIES, *rules.DEPENDENCIES.values(), rules.LOCATIONS)
    assert named == rules.RULED_PLANS
    assert all(plan_id == plan_id.lower() and len(plan_id) == 36 for plan_id in named)
