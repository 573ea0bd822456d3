"""Groups that hand out licences: later than asked, all or nothing, and never more than there are seats."""

from typing import Any

import pytest

from licensing_portal.sandbox import STORY_TENANT_ID
from licensing_portal.sandbox.catalog import plan_id, sku_id
from licensing_portal.sandbox.model import Tenant
from licensing_portal.sandbox.story import EVERYBODY, SECURITY, user_id
from tests.sandbox.calls import Caller, calm

E3, P2, BASIC, VISIO = (
    sku_id(part) for part in ("SPE_E3", "AAD_PREMIUM_P2", "O365_BUSINESS_ESSENTIALS", "VISIOCLIENT")
)
MEMBER = user_id("member", 50)


@pytest.fixture
def call() -> Caller:
    return Caller(calm(group_lag_seconds=0))


def _tenant(call: Caller) -> Tenant:
    tenant = call.sandbox.tenant(STORY_TENANT_ID)
    assert tenant is not None
    return tenant


def _give(call: Caller, group: str, *add: str, remove: tuple[str, ...] = ()) -> Any:
    body = {"addLicenses": [{"skuId": sku, "disabledPlans": []} for sku in add], "removeLicenses": list(remove)}
    return call("POST", f"/groups/{group}/assignLicense", body)


def _states(call: Caller, user: str) -> dict[str, tuple[str, str]]:
    found = call.get(f"/users/{user}?$select=licenseAssignmentStates")["licenseAssignmentStates"]
    return {entry["skuId"]: (entry["state"], entry["error"]) for entry in found if entry["assignedByGroup"]}


def _held(call: Caller, user: str) -> set[str]:
    return {entry["skuId"] for entry in call.get(f"/users/{user}?$select=assignedLicenses")["assignedLicenses"]}


def test_members_get_the_licences_after_the_answer() -> None:
    call = Caller(calm(group_lag_seconds=60))
    reply = _give(call, EVERYBODY, P2)
    assert reply.status == 202
    group = call.get(f"/groups/{EVERYBODY}?$select=assignedLicenses,licenseProcessingState")
    assert {entry["skuId"] for entry in group["assignedLicenses"]} == {E3, P2}
    assert group["licenseProcessingState"] == {"state": "QueuedForProcessing"}
    tenant = _tenant(call)
    assert set(tenant.groups[EVERYBODY].licenses) == {E3}
    tenant.pending = [(0.0, work) for _, work in tenant.pending]
    group = call.get(f"/groups/{EVERYBODY}?$select=licenseProcessingState")
    assert group["licenseProcessingState"] == {"state": "ProcessingComplete"}
    assert set(tenant.groups[EVERYBODY].licenses) == {E3, P2}


def test_the_first_members_find_seats_and_the_others_an_error(call: Caller) -> None:
    free = _tenant(call).skus[VISIO].free
    holders = {user.user_id for user in _tenant(call).users.values() if VISIO in user.direct}
    members = _tenant(call).groups[EVERYBODY].members
    consumed = _tenant(call).skus[VISIO].consumed
    assert _give(call, EVERYBODY, VISIO).status == 202
    states = {user: _states(call, user)[VISIO] for user in sorted(members)}
    served = [user for user, state in states.items() if state == ("Active", "None")]
    assert len(served) == free + len(holders & members)
    assert {state for user, state in states.items() if user not in served} == {("Error", "CountViolation")}
    assert _tenant(call).skus[VISIO].consumed == consumed + free
    failing = call.get(f"/groups/{EVERYBODY}?$select=hasMembersWithLicenseErrors")
    assert failing["hasMembersWithLicenseErrors"] is True
    listed = call.get(f"/groups/{EVERYBODY}/membersWithLicenseErrors?$top=999&$select=id")["value"]
    assert len(listed) >= len(members) - len(served)


def test_one_new_product_that_fails_takes_the_other_new_one_along(call: Caller) -> None:
    _tenant(call).skus[BASIC].enabled = _tenant(call).skus[VISIO].enabled = 500
    user = next(user for user in _tenant(call).users.values() if user.user_id == MEMBER)
    assert VISIO not in user.direct
    # Business Basic has Exchange Plan 1, which may not be on beside Exchange Plan 2 of E3.
    assert _give(call, EVERYBODY, BASIC, VISIO).status == 202
    states = _states(call, MEMBER)
    assert states[BASIC] == ("Error", "MutuallyExclusiveViolation")
    assert states[VISIO] == ("Error", "Other")
    assert states[E3] == ("Active", "None")
    assert _held(call, MEMBER) & {E3, BASIC, VISIO} == {E3}


def test_what_a_group_no_longer_gives_is_gone_but_for_direct_holders(call: Caller) -> None:
    direct = user_id("member", 1)
    consumed = _tenant(call).skus[E3].consumed
    assert _give(call, EVERYBODY, remove=(E3,)).status == 202
    assert E3 not in _held(call, MEMBER)
    assert E3 in _held(call, direct)
    assert _tenant(call).skus[E3].consumed == consumed - (72 - 5)
    assert _give(call, EVERYBODY, remove=(E3,)).status == 400


def test_processing_again_tells_what_still_fails_and_mends_what_can_be(call: Caller) -> None:
    user = user_id("member", 13)
    tenant = _tenant(call)
    # The direct assignment holds the seat; without it the group's path needs one of its own.
    removed = {"addLicenses": [], "removeLicenses": [P2]}
    assert call("POST", f"/users/{user}/assignLicense", removed).status == 200
    tenant.skus[P2].enabled = 0
    reply = call("POST", f"/users/{user}/reprocessLicenseAssignment", {})
    assert reply.status == 400
    assert "does not have any available licenses" in reply.data["error"]["message"]
    tenant.skus[P2].enabled = 500
    assert call("POST", f"/users/{user}/reprocessLicenseAssignment", {}).status == 200
    assert _states(call, user)[P2] == ("Active", "None")
    assert P2 in _held(call, user)


def test_members_and_memberships(call: Caller) -> None:
    found = call.get(f"/users/{MEMBER}/memberOf")["value"]
    assert {entry["id"] for entry in found} == {EVERYBODY, SECURITY}
    assert {entry["@odata.type"] for entry in found} == {"#microsoft.graph.group"}
    expanded = call.get(f"/users/{MEMBER}?$select=id&$expand=memberOf($select=id)")
    assert {entry["id"] for entry in expanded["memberOf"]} == {EVERYBODY, SECURITY}


@pytest.mark.parametrize(
    ("group", "body", "status"),
    [
        ("nobody", {"addLicenses": [], "removeLicenses": []}, 404),
        (EVERYBODY, {"addLicenses": [], "removeLicenses": []}, 400),
        (EVERYBODY, {"addLicenses": [{"skuId": plan_id("TEAMS1")}], "removeLicenses": []}, 400),
    ],
)
def test_what_a_group_refuses(call: Caller, group: str, body: Any, status: int) -> None:
    assert call("POST", f"/groups/{group}/assignLicense", body).status == status
