"""Tokens, batches, limits, faults, the control room, the state file and the server."""

import http.client
import json
from pathlib import Path
from typing import Any

import pytest

from licensing_portal.sandbox import ConnectionDropped, serve
from licensing_portal.sandbox.catalog import sku_id
from licensing_portal.sandbox.http import Request
from licensing_portal.sandbox.story import EVERYBODY, user_id
from tests.sandbox.calls import Caller, calm

E3 = sku_id("SPE_E3")
JOINERS = [user_id("joiner", number) for number in range(2, 13)]


@pytest.fixture
def call() -> Caller:
    return Caller(calm())


def part(number: int, user: str, **extra: Any) -> dict[str, Any]:
    """One assignLicense in a batch."""
    return {
        "id": str(number),
        "method": "POST",
        "url": f"/users/{user}/assignLicense",
        "headers": {"Content-Type": "application/json"},
        "body": {"addLicenses": [{"skuId": E3, "disabledPlans": []}], "removeLicenses": []},
        **extra,
    }


def statuses(call: Caller, parts: list[dict[str, Any]]) -> dict[str, int]:
    reply = call("POST", "/$batch", {"requests": parts})
    assert reply.status == 200
    return {entry["id"]: entry["status"] for entry in reply.data["responses"]}


def test_a_wrong_or_missing_token_is_401(call: Caller) -> None:
    for token in ("", "nonsense", call.sandbox.token_for(call.tenant_id)[:-1]):
        reply = Caller(call.sandbox, token)("GET", "/users")
        assert (reply.status, reply.data["error"]["code"]) == (401, "InvalidAuthenticationToken")


def test_the_token_endpoint_knows_tenants(call: Caller) -> None:
    form = b"grant_type=client_credentials&client_id=x&client_secret=y&scope=z"
    reply = call("POST", f"/entra/{call.tenant_id}/oauth2/v2.0/token", form)
    assert reply.data["access_token"] == call.sandbox.token_for(call.tenant_id)
    unknown = call("POST", "/entra/00000000-0000-4000-8000-000000000000/oauth2/v2.0/token", form)
    assert (unknown.status, unknown.data["error_description"][:11]) == (400, "AADSTS90002")
    call("POST", f"/_control/tenants/{call.tenant_id}/relationship", {"status": "terminated"})
    assert call("POST", f"/entra/{call.tenant_id}/oauth2/v2.0/token", form).data["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/users/nobody", 404),
        ("DELETE", "/subscribedSkus", 405),
        ("GET", f"/users/{JOINERS[0]}/assignLicense", 405),
        ("GET", "/partner-center/v1/customers", 404),
        ("GET", "/graph/beta/users", 404),
    ],
)
def test_unknown_addresses_answer_in_microsofts_shape(call: Caller, method: str, path: str, status: int) -> None:
    reply = call(method, path)
    assert reply.status == status
    assert set(reply.data["error"]) == {"code", "message", "innerError"}


def test_parts_of_a_batch_are_judged_apart(call: Caller) -> None:
    assert statuses(call, [part(1, JOINERS[0]), part(2, user_id("joiner", 1)), part(3, JOINERS[1])]) == {
        "1": 200,
        "2": 400,
        "3": 200,
    }


def test_a_dependent_of_a_failed_part_is_424(call: Caller) -> None:
    parts = [part(1, user_id("joiner", 1)), part(2, JOINERS[0], dependsOn=["1"]), part(3, JOINERS[1])]
    assert statuses(call, parts) == {"1": 400, "2": 424, "3": 200}


@pytest.mark.parametrize(
    "parts",
    [
        [part(number, JOINERS[0]) for number in range(21)],
        [part(1, JOINERS[0], id="a"), part(1, JOINERS[1], id="A")],
        [part(1, JOINERS[0], headers={})],
        [part(1, JOINERS[0], url="https://elsewhere.example/users")],
        [part(1, JOINERS[0], dependsOn=["9"])],
        [{"id": 1}],
        [],
    ],
    ids=["21 parts", "ids twice", "no content type", "absolute url", "unknown dependency", "no method", "empty"],
)
def test_a_malformed_batch_is_400(call: Caller, parts: list[Any]) -> None:
    assert call("POST", "/$batch", {"requests": parts}).status == 400
    assert not call.get(f"/users/{JOINERS[0]}?$select=assignedLicenses")["assignedLicenses"]


def test_writes_beyond_the_budget_are_429_with_a_wait() -> None:
    call = Caller(calm(writes_per_second=0.5, write_burst=3))
    found = statuses(call, [part(number, user) for number, user in enumerate(JOINERS[:5])])
    assert list(found.values()) == [200, 200, 200, 429, 429]
    reply = call("PATCH", f"/users/{JOINERS[0]}", {"usageLocation": "US"})
    assert reply.status == 429
    assert int(reply.headers["Retry-After"]) >= 1
    assert reply.headers["x-ms-throttle-information"] == "WriteLimitExceeded"
    assert call("GET", "/users").status == 200


def test_faults_match_parts_and_count_down(call: Caller) -> None:
    fault = {"match": "POST /graph/v1.0/users/*/assignLicense", "times": 1, "skip": 1, "status": 429}
    call("POST", "/_control/faults", fault)
    found = statuses(call, [part(number, user) for number, user in enumerate(JOINERS[:4])])
    assert list(found.values()) == [200, 429, 200, 200]


def test_a_fault_after_the_commit_lets_the_change_happen(call: Caller) -> None:
    call("POST", "/_control/faults", {"match": "PATCH *", "status": 504, "after_commit": True})
    assert call("PATCH", f"/users/{JOINERS[0]}", {"usageLocation": "US"}).status == 504
    call("POST", "/_control/faults", {"match": "PATCH *", "status": 504})
    assert call("PATCH", f"/users/{JOINERS[0]}", {"usageLocation": "DE"}).status == 504
    assert call.get(f"/users/{JOINERS[0]}?$select=usageLocation")["usageLocation"] == "US"


@pytest.mark.parametrize(("reset", "expected"), [("before", "JP"), ("after", "US")])
def test_a_dropped_connection(call: Caller, reset: str, expected: str) -> None:
    call("POST", "/_control/faults", {"match": "PATCH *", "reset": reset})
    with pytest.raises(ConnectionDropped):
        call("PATCH", f"/users/{JOINERS[0]}", {"usageLocation": "US"})
    assert call.get(f"/users/{JOINERS[0]}?$select=usageLocation")["usageLocation"] == expected


@pytest.mark.parametrize(
    "fault", [{}, {"match": "x"}, {"match": "* /x", "times": "a"}, [], {"match": "* /", "reset": "?"}]
)
def test_a_wrong_fault_is_refused(call: Caller, fault: Any) -> None:
    assert call("POST", "/_control/faults", fault).status == 400


def test_the_log_holds_calls_and_parts(call: Caller) -> None:
    call("DELETE", "/_control/requests")
    statuses(call, [part(1, JOINERS[0]), part(2, JOINERS[1])])
    log = call.get("/_control/requests")
    assert [entry["method"] + " " + entry["path"].rpartition("/")[2] for entry in log["calls"]] == [
        "POST $batch",
        "POST assignLicense",
        "POST assignLicense",
    ]
    outer, first, _second = log["calls"]
    assert first["batch"] == outer["n"]
    assert (first["user"], first["status"], first["tenant"]) == (JOINERS[0], 200, call.tenant_id)
    assert first["body"]["addLicenses"][0]["skuId"] == E3
    assert log["counts"]["POST /graph/v1.0/users/{id}/assignLicense"] == 2


def test_control_changes_are_seen_by_every_later_read(call: Caller) -> None:
    base = f"/_control/tenants/{call.tenant_id}"
    call("PATCH", f"{base}/users/{JOINERS[0]}", {"assignedLicenses": [{"skuId": E3, "disabledPlans": []}]})
    assert call.get(f"/users/{JOINERS[0]}?$select=assignedLicenses")["assignedLicenses"][0]["skuId"] == E3
    call("PATCH", f"{base}/skus/{E3}", {"prepaidUnits": {"enabled": 1}})
    assert call.get(f"{base}/skus/{E3}")["prepaidUnits"]["enabled"] == 1
    made = call("POST", f"{base}/users", {"displayName": "新人"}).data["id"]
    assert call.get(f"/users/{made}")["displayName"] == "新人"
    call("DELETE", f"{base}/users/{made}")
    assert call("GET", f"/users/{made}").status == 404
    call("POST", "/_control/reset")
    assert call.get(f"/users/{JOINERS[0]}?$select=assignedLicenses")["assignedLicenses"] == []


def test_control_changes_wait_for_no_lag() -> None:
    call = Caller(calm(consumed_lag_seconds=60, index_lag_seconds=60))
    base = f"/_control/tenants/{call.tenant_id}"
    before = next(sku for sku in call.get("/subscribedSkus")["value"] if sku["skuId"] == E3)["consumedUnits"]
    call("PATCH", f"{base}/users/{JOINERS[0]}", {"assignedLicenses": [{"skuId": E3, "disabledPlans": []}]})
    after = next(sku for sku in call.get("/subscribedSkus")["value"] if sku["skuId"] == E3)["consumedUnits"]
    assert after == before + 1


def test_faults_that_still_wait_are_listed(call: Caller) -> None:
    call("POST", "/_control/faults", {"match": "GET /graph/v1.0/users", "times": 2, "delay_ms": 1})
    call("POST", "/_control/faults", {"match": "PATCH *", "status": 504})
    call("GET", "/users")
    listed = call.get("/_control/faults")
    assert [(one["match"], one["times"], one["status"]) for one in listed] == [
        ("GET /graph/v1.0/users", 1, None),
        ("PATCH *", 1, 504),
    ]
    call("GET", "/users")
    assert [one["match"] for one in call.get("/_control/faults")] == ["PATCH *"]
    call("DELETE", "/_control/faults")
    assert call.get("/_control/faults") == []


def test_the_tenants_are_listed_with_tokens_and_the_story_first() -> None:
    sandbox = calm(customers=25)
    listed = Caller(sandbox).get("/_control/tenants")
    assert (listed[0]["name"], listed[0]["users"], len(listed)) == ("コントソ商事", 137, 25)
    assert max(entry["users"] for entry in listed) == 2000
    assert all(entry["users"] >= 5 for entry in listed)
    assert Caller(sandbox, listed[1]["token"]).get("/users?$top=1")["value"]


def test_the_same_seed_makes_the_same_data() -> None:
    def picture(seed: int) -> str:
        call = Caller(calm(customers=3, seed=seed))
        call.tenant_id = call.sandbox.tenants[2]
        users = call.get("/users?$top=999&$select=id,displayName,assignedLicenses")["value"]
        return json.dumps([users, call.get("/subscribedSkus")["value"]])

    assert picture(1) == picture(1)
    assert picture(1) != picture(2)


def test_every_tenant_starts_with_true_counts() -> None:
    sandbox = calm(customers=25)
    for tenant_id in sandbox.tenants:
        tenant = sandbox.tenant(tenant_id)
        assert tenant is not None
        for sku in tenant.skus.values():
            assert sku.consumed == sum(sku.sku_id in tenant.held_skus(user) for user in tenant.users.values())


def test_the_state_file_brings_changes_back(tmp_path: Path) -> None:
    file = str(tmp_path / "state.json")
    call = Caller(calm(state_file=file))
    statuses(call, [part(1, JOINERS[0])])
    call("DELETE", f"/_control/tenants/{call.tenant_id}/users/{JOINERS[1]}")
    pending = {"addLicenses": [{"skuId": sku_id("VISIOCLIENT"), "disabledPlans": []}], "removeLicenses": []}
    assert call("POST", f"/groups/{EVERYBODY}/assignLicense", pending).status == 202
    call.sandbox.save_now()
    again = Caller(calm(state_file=file, group_lag_seconds=0))
    group = again.get(f"/groups/{EVERYBODY}?$select=assignedLicenses")
    assert sku_id("VISIOCLIENT") in {entry["skuId"] for entry in group["assignedLicenses"]}
    assert again.get(f"/users/{JOINERS[0]}?$select=assignedLicenses")["assignedLicenses"][0]["skuId"] == E3
    assert again("GET", f"/users/{JOINERS[1]}").status == 404
    tenants = (caller.sandbox.tenant(caller.tenant_id) for caller in (call, again))
    assert len({tenant.skus[E3].consumed for tenant in tenants if tenant}) == 1


def test_the_server_keeps_connections_and_cuts_them_on_demand(call: Caller) -> None:
    server = serve(call.sandbox)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    headers = {"Authorization": f"Bearer {call.sandbox.token_for(call.tenant_id)}"}
    try:
        for _ in range(2):
            connection.request("GET", "/graph/v1.0/users?$top=1", headers=headers)
            answer = json.loads(connection.getresponse().read())
            assert answer["@odata.nextLink"].startswith(f"http://127.0.0.1:{server.port}/graph/v1.0/users?")
        call.sandbox.faults.add({"match": "GET *", "truncate": True})
        connection.request("GET", "/graph/v1.0/users?$top=1", headers=headers)
        with pytest.raises(http.client.IncompleteRead):
            connection.getresponse().read()
        connection.close()
        call.sandbox.faults.add({"match": "GET *", "reset": "before"})
        connection.request("GET", "/graph/v1.0/users?$top=1", headers=headers)
        with pytest.raises(ConnectionError):
            connection.getresponse()
    finally:
        connection.close()
        server.close()


def test_client_request_ids_are_echoed(call: Caller) -> None:
    reply = call.sandbox.handle(
        Request("GET", "/graph/v1.0/users", {}, {"client-request-id": "mine", "authorization": "Bearer x"})
    )
    assert reply.data["error"]["innerError"]["client-request-id"] == "mine"
