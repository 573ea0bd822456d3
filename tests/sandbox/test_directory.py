"""The rest of the directory: creation, deletion and return of users, the audit log, what a call costs."""

from typing import Any

import pytest

from licensing_portal.sandbox import STORY_TENANT_ID
from licensing_portal.sandbox.catalog import sku_id
from licensing_portal.sandbox.story import user_id
from tests.sandbox.calls import Caller, calm

LEAVER, JOINER = user_id("leaver", 1), user_id("joiner", 2)
E3, E5 = sku_id("SPE_E3"), sku_id("SPE_E5")
NEW = {
    "accountEnabled": True,
    "displayName": "新入 社員",
    "mailNickname": "new",
    "userPrincipalName": "new@contoso.example",
    "usageLocation": "jp",
    "passwordProfile": {"password": "irrelevant"},
}


@pytest.fixture
def call() -> Caller:
    return Caller(calm())


def _free(call: Caller, sku: str) -> int:
    tenant = call.sandbox.tenant(STORY_TENANT_ID)
    assert tenant is not None
    return tenant.skus[sku].free


def test_a_new_user_can_be_read_and_licensed(call: Caller) -> None:
    reply = call("POST", "/users", NEW)
    assert reply.status == 201
    key = reply.data["id"]
    assert reply.headers["Location"].endswith(f"/users/{key}")
    assert call.get(f"/users/{key}?$select=usageLocation")["usageLocation"] == "JP"
    wanted = {"addLicenses": [{"skuId": E3, "disabledPlans": []}], "removeLicenses": []}
    assert call("POST", f"/users/{key}/assignLicense", wanted).status == 200


@pytest.mark.parametrize(
    "change",
    [{"displayName": None}, {"passwordProfile": None}, {"userPrincipalName": "taro.yamada@contoso.example"}],
    ids=["no name", "no password", "a name that is taken"],
)
def test_a_user_who_cannot_be_made(call: Caller, change: dict[str, Any]) -> None:
    before = len(call.get("/users?$top=999&$select=id")["value"])
    assert call("POST", "/users", {**NEW, **change}).status == 400
    assert len(call.get("/users?$top=999&$select=id")["value"]) == before


def test_a_deleted_user_frees_seats_and_takes_them_back(call: Caller) -> None:
    free = _free(call, E5)
    assert call("DELETE", f"/users/{LEAVER}").status == 204
    assert call("GET", f"/users/{LEAVER}").status == 404
    assert _free(call, E5) == free + 1
    gone = call.get("/directory/deletedItems/microsoft.graph.user?$select=id,userPrincipalName")["value"]
    assert [entry["id"] for entry in gone] == [LEAVER]
    assert gone[0]["userPrincipalName"].startswith(LEAVER.replace("-", ""))
    assert call("POST", f"/directory/deletedItems/{LEAVER}/restore").status == 200
    assert _free(call, E5) == free
    held = call.get(f"/users/{LEAVER}?$select=assignedLicenses")["assignedLicenses"]
    assert E5 in {entry["skuId"] for entry in held}


def test_without_seats_nobody_comes_back(call: Caller) -> None:
    call("DELETE", f"/users/{LEAVER}")
    call("PATCH", f"/_control/tenants/{STORY_TENANT_ID}/skus/{E5}", {"prepaidUnits": {"enabled": 0}})
    assert call("POST", f"/directory/deletedItems/{LEAVER}/restore").status == 400
    assert call("GET", f"/directory/deletedItems/{LEAVER}").status == 200
    assert call("DELETE", f"/directory/deletedItems/{LEAVER}").status == 204
    assert call("POST", f"/directory/deletedItems/{LEAVER}/restore").status == 404


def test_the_audit_log_tells_who_lost_and_got_what(call: Caller) -> None:
    wanted = {"addLicenses": [{"skuId": E3, "disabledPlans": []}], "removeLicenses": []}
    call("POST", f"/users/{JOINER}/assignLicense", wanted)
    call("DELETE", f"/users/{LEAVER}")
    log = call.get("/auditLogs/directoryAudits")["value"]
    assert [entry["activityDisplayName"] for entry in log] == ["Delete user", "Change user license"]
    changed = log[1]["targetResources"][0]
    assert changed["id"] == JOINER
    (licenses,) = changed["modifiedProperties"]
    assert E3 in licenses["newValue"]
    assert E3 not in licenses["oldValue"]
    query = (
        "/auditLogs/directoryAudits?$filter=activityDisplayName eq 'Change user license' and"
        f" targetResources/any(t:t/id eq '{JOINER}') and activityDateTime ge 2026-01-01T00:00:00Z"
    )
    assert [entry["id"] for entry in call.get(query)["value"]] == [log[1]["id"]]
    assert call.get(query.replace("2026-01", "2999-01"))["value"] == []
    assert call.get(f"/auditLogs/directoryAudits/{log[1]['id']}")["activityDisplayName"] == "Change user license"
    assert call("GET", "/auditLogs/directoryAudits?$filter=nonsense").status == 400


@pytest.mark.parametrize(
    ("path", "units"),
    [
        ("/users", 2),
        ("/users?$select=id", 1),
        ("/users?$expand=manager", 3),
        ("/users?$top=5", 1),
        ("/subscribedSkus", 3),
        (f"/users/{JOINER}/licenseDetails", 2),
        (f"/users/{JOINER}", 1),
    ],
)
def test_every_answer_says_what_it_cost(call: Caller, path: str, units: int) -> None:
    assert call("GET", path).headers["x-ms-resource-unit"] == str(units)


def test_most_of_the_budget_used_is_said() -> None:
    call = Caller(calm(writes_per_second=0.001, write_burst=10))
    replies = [call("PATCH", f"/users/{JOINER}", {"department": str(number)}) for number in range(11)]
    shares = [reply.headers.get("x-ms-throttle-limit-percentage") for reply in replies]
    assert shares[:8] == [None] * 8
    assert shares[8:10] == ["0.90", "1.00"]
    assert (replies[10].status, replies[10].headers["x-ms-throttle-information"]) == (429, "WriteLimitExceeded")
