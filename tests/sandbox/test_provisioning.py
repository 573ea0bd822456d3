"""Plans that are not there yet, and direct paths in error: what the stand-in shows, keeps and forgets."""

from pathlib import Path

import pytest

from licensing_portal.sandbox import STORY_TENANT_ID
from licensing_portal.sandbox.catalog import plan_id, sku_id
from licensing_portal.sandbox.model import DIRECT
from licensing_portal.sandbox.story import user_id
from tests.sandbox.calls import Caller, calm

E1, TEAMS = sku_id("STANDARDPACK"), plan_id("TEAMS1")
SELLER = user_id("sales", 1)


@pytest.fixture
def call() -> Caller:
    return Caller(calm())


def _status(call: Caller, user: str) -> str:
    found = call.get(f"/users/{user}/licenseDetails")["value"]
    (detail,) = [one for one in found if one["skuId"] == E1]
    statuses = {plan["servicePlanId"]: plan["provisioningStatus"] for plan in detail["servicePlans"]}
    return str(statuses[TEAMS])


def _pend(call: Caller, status: object) -> int:
    place = f"/_control/tenants/{STORY_TENANT_ID}/users/{SELLER}"
    return call("PATCH", place, {"provisioning": {TEAMS.upper(): status}}).status


def test_a_plan_waits_for_one_user_alone(call: Caller) -> None:
    assert _status(call, SELLER) == "Success"
    assert _pend(call, "PendingInput") == 200
    assert _status(call, SELLER) == "PendingInput"
    assert _status(call, user_id("sales", 2)) == "Success"
    assert _pend(call, "") == 200
    assert _status(call, SELLER) == "Success"


def test_a_status_is_a_word(call: Caller) -> None:
    assert _pend(call, 4) == 400


def test_what_waits_is_kept_in_the_state_file(tmp_path: Path) -> None:
    file = str(tmp_path / "state.json")
    call = Caller(calm(state_file=file))
    _pend(call, "PendingActivation")
    call.sandbox.save_now()
    assert _status(Caller(calm(state_file=file)), SELLER) == "PendingActivation"


def test_a_direct_path_in_error_holds_nothing_until_it_is_assigned_again(call: Caller) -> None:
    tenant = call.sandbox.tenant(STORY_TENANT_ID)
    assert tenant is not None
    user = tenant.users[SELLER]
    user.errors[E1, DIRECT] = "CountViolation"

    def paths() -> list[tuple[str, str]]:
        states = call.get(f"/users/{SELLER}?$select=licenseAssignmentStates")["licenseAssignmentStates"]
        return [(one["state"], one["error"]) for one in states if one["skuId"] == E1]

    assert paths() == [("Error", "CountViolation")]
    assert E1 not in tenant.held_skus(user)
    body = {"addLicenses": [{"skuId": E1, "disabledPlans": []}], "removeLicenses": []}
    assert call("POST", f"/users/{SELLER}/assignLicense", body).status == 200
    assert paths() == [("Active", "None")]
    assert E1 in tenant.held_skus(user)
