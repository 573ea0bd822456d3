"""Clashes, needs and countries: what the table of Microsoft's page and the quoted refusals say."""

from typing import Any

import pytest

from licensing_portal.sandbox import catalog, rules
from licensing_portal.sandbox.catalog import plan_id, sku_id
from licensing_portal.sandbox.story import user_id
from tests.sandbox.calls import Caller, calm


@pytest.mark.parametrize("row", rules.EXCLUSIONS, ids=lambda row: row[0])
def test_any_two_plans_of_a_row_clash_except_sharepoint_1_and_2(row: tuple[str, ...]) -> None:
    for first in row:
        for second in row:
            pair = frozenset({first, second})
            clash = len(pair) == 2 and pair != rules.ALLOWED
            assert (rules.exclusive_pair(pair) is not None) == clash


def test_sharepoint_plan_1_and_2_together_are_not_recommended_yet_allowed() -> None:
    both = frozenset({plan_id("SHAREPOINTSTANDARD"), plan_id("SHAREPOINTENTERPRISE")})
    assert rules.exclusive_pair(both) is None
    assert rules.exclusive_pair(both | {plan_id("SHAREPOINTDESKLESS")}) is not None


@pytest.mark.parametrize("plan", rules.DEPENDENCIES)
def test_a_plan_with_needs_wants_one_of_them(plan: str) -> None:
    assert rules.missing_need(frozenset({plan})) == (plan, rules.DEPENDENCIES[plan])
    for need in rules.DEPENDENCIES[plan]:
        assert rules.missing_need(frozenset({plan, need})) is None


@pytest.mark.parametrize("name", ["SHAREPOINTWAC", "MCOPSTN1", "MCOPSTN2"])
def test_unconfirmed_needs_count_only_when_asked_for(name: str) -> None:
    plans = frozenset({plan_id(name)})
    assert rules.missing_need(plans) is None
    assert rules.missing_need(plans, strict=True) is not None


def test_no_seeded_user_holds_a_clash() -> None:
    sandbox = calm(customers=25)
    for tenant_id in sandbox.tenants:
        tenant = sandbox.tenant(tenant_id)
        assert tenant is not None
        for user in tenant.users.values():
            on = frozenset().union(*(tenant.skus[key].plan_ids - off for key, off in tenant.held_skus(user).items()))
            assert rules.exclusive_pair(on) is None
            assert rules.missing_need(on) is None


def _give(call: Caller, user: str, *parts: str) -> Any:
    adds = [{"skuId": sku_id(part), "disabledPlans": []} for part in parts]
    return call("POST", f"/users/{user}/assignLicense", {"addLicenses": adds, "removeLicenses": []})


def test_teams_rooms_basic_and_pro_are_refused_together() -> None:
    call = Caller(calm())
    tenant = call.sandbox.tenant(call.tenant_id)
    assert tenant is not None
    parts = ("Microsoft_Teams_Rooms_Basic", "Microsoft_Teams_Rooms_Pro")
    for part in parts:
        tenant.skus[sku_id(part)] = catalog.sku(part, part, enabled=5)
    joiner = user_id("joiner", 2)
    # Basic alone lacks what its Audio Conferencing plan needs; a suite has it.
    assert _give(call, joiner, "SPE_E3", parts[0]).status == 200
    refused = _give(call, joiner, parts[1])
    assert refused.status == 400
    assert "are mutually exclusive" in refused.data["error"]["message"]
    assert _give(call, user_id("joiner", 3), "SPE_E3").status == 200


def test_the_strict_option_refuses_a_calling_plan_without_teams_phone() -> None:
    for strict, status in ((False, 200), (True, 400)):
        call = Caller(calm(strict_dependencies=strict))
        assert _give(call, user_id("joiner", 2), "MCOPSTN1").status == status
