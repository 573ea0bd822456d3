"""assignLicense: the order of checks, all or nothing, seats and paths."""

from typing import Any

import pytest

from licensing_portal.sandbox.catalog import plan_id, sku_id
from licensing_portal.sandbox.story import user_id
from tests.sandbox.calls import Caller, calm

E1, E3, E5 = sku_id("STANDARDPACK"), sku_id("SPE_E3"), sku_id("SPE_E5")
JOINER, NOWHERE, SALES, MEMBER = user_id("joiner", 2), user_id("joiner", 1), user_id("sales", 1), user_id("member", 50)
FOREIGN = "00000000-0000-4000-8000-00000000ffff"


def body(*add: str, remove: tuple[str, ...] = (), off: tuple[str, ...] = ()) -> dict[str, Any]:
    """A request's body."""
    return {"addLicenses": [{"skuId": sku, "disabledPlans": list(off)} for sku in add], "removeLicenses": list(remove)}


@pytest.fixture
def call() -> Caller:
    return Caller(calm())


def _skus(call: Caller, user: str) -> set[str]:
    held = call.get(f"/users/{user}?$select=assignedLicenses")["assignedLicenses"]
    return {entry["skuId"] for entry in held}


@pytest.mark.parametrize(
    ("user", "wanted", "status", "words"),
    [
        pytest.param(FOREIGN, body(E3), 404, "does not exist", id="no such user, before anything else"),
        pytest.param(JOINER, {"addLicenses": None, "removeLicenses": []}, 400, "addLicenses", id="null is no list"),
        pytest.param(JOINER, {"addLicenses": []}, 400, "removeLicenses", id="both lists are needed"),
        pytest.param(JOINER, body(), 400, "No license changes", id="nothing to do"),
        pytest.param(JOINER, body("x"), 400, "Edm.Guid", id="no GUID"),
        pytest.param(NOWHERE, body(FOREIGN), 400, "valid company License", id="a SKU of nobody, before the location"),
        pytest.param(NOWHERE, body(E3, off=(FOREIGN,)), 400, "does not belong", id="a plan of another SKU"),
        pytest.param(NOWHERE, body(E3, remove=(E1,)), 400, "corresponding license", id="not held, before the location"),
        pytest.param(MEMBER, body(remove=(E3,)), 400, "inherited from a group", id="held by group only"),
        pytest.param(NOWHERE, body(E3), 400, "invalid usage location", id="no location"),
        pytest.param(SALES, body(E3, E3), 400, "Duplicate", id="twice in one call"),
        pytest.param(SALES, body(E1, remove=(E1,)), 400, "both", id="in both lists"),
        pytest.param(
            user_id("mailbox", 1), body(sku_id("EXCHANGEENTERPRISE")), 400, "mutually exclusive", id="a clash"
        ),
        pytest.param(JOINER, body(sku_id("MCOMEETADV")), 400, "depends on the service plan", id="a missing need"),
        pytest.param(JOINER, body(sku_id("PROJECTPROFESSIONAL")), 400, "available licenses", id="no seat, last"),
        pytest.param(JOINER, body(sku_id("EMS")), 400, "available licenses", id="a suspended product"),
    ],
)
def test_refusals_come_in_order_and_change_nothing(
    call: Caller, user: str, wanted: dict[str, Any], status: int, words: str
) -> None:
    before = call.sandbox.tenant(call.tenant_id).version  # type: ignore[union-attr]
    reply = call("POST", f"/users/{user}/assignLicense", wanted)
    assert reply.status == status
    assert words in reply.data["error"]["message"]
    assert reply.data["error"]["innerError"]["request-id"] == reply.headers["request-id"]
    assert call.sandbox.tenant(call.tenant_id).version == before  # type: ignore[union-attr]


def test_one_violation_refuses_the_whole_call(call: Caller) -> None:
    reply = call("POST", f"/users/{JOINER}/assignLicense", body(E3, sku_id("PROJECTPROFESSIONAL")))
    assert reply.status == 400
    assert _skus(call, JOINER) == set()


def test_a_swap_is_checked_against_the_final_set(call: Caller) -> None:
    assert call("POST", f"/users/{SALES}/assignLicense", body(E3, remove=(E1,))).status == 200
    assert E3 in _skus(call, SALES)
    assert E1 not in _skus(call, SALES)


def test_a_repeated_add_replaces_the_plans_and_takes_no_seat(call: Caller) -> None:
    sku = call.sandbox.tenant(call.tenant_id).skus[E3]  # type: ignore[union-attr]
    call("POST", f"/users/{JOINER}/assignLicense", body(E3))
    consumed = sku.consumed
    call("POST", f"/users/{JOINER}/assignLicense", body(E3, off=(plan_id("TEAMS1"), plan_id("SWAY"))))
    call("POST", f"/users/{JOINER}/assignLicense", body(E3, off=(plan_id("TEAMS1"),)))
    states = call.get(f"/users/{JOINER}?$select=licenseAssignmentStates")["licenseAssignmentStates"]
    assert [entry["disabledPlans"] for entry in states] == [[plan_id("TEAMS1")]]
    assert sku.consumed == consumed


def test_direct_on_top_of_a_group_is_one_unit_and_two_paths(call: Caller) -> None:
    sku = call.sandbox.tenant(call.tenant_id).skus[E3]  # type: ignore[union-attr]
    consumed = sku.consumed
    assert call("POST", f"/users/{MEMBER}/assignLicense", body(E3)).status == 200
    states = call.get(f"/users/{MEMBER}?$select=licenseAssignmentStates")["licenseAssignmentStates"]
    assert len([entry for entry in states if entry["skuId"] == E3]) == 2
    assert sku.consumed == consumed
    # The plans of both paths add up: the group keeps Sway off, the direct path has it on.
    held = call.get(f"/users/{MEMBER}?$select=assignedLicenses")["assignedLicenses"]
    assert next(entry["disabledPlans"] for entry in held if entry["skuId"] == E3) == []
    assert call("POST", f"/users/{MEMBER}/assignLicense", body(remove=(E3,))).status == 200
    assert E3 in _skus(call, MEMBER)


def test_a_blocked_user_can_be_licensed(call: Caller) -> None:
    assert call("POST", f"/users/{user_id('blocked', 1)}/assignLicense", body(E3)).status == 200


def test_a_place_where_a_plan_is_not_sold_is_refused(call: Caller) -> None:
    call("PATCH", f"/users/{SALES}", {"usageLocation": "CN"})
    reply = call("POST", f"/users/{SALES}/assignLicense", body(sku_id("MCOMEETADV")))
    assert reply.status == 400
    assert "usage location" in reply.data["error"]["message"]


@pytest.mark.parametrize("content", [b"{", b"[]", b"null", b'"x"', b'{"addLicenses": [1], "removeLicenses": [2]}', b""])
def test_odd_bodies_are_400(call: Caller, content: bytes) -> None:
    assert call("POST", f"/users/{JOINER}/assignLicense", content).status == 400


def test_the_count_that_is_shown_lags_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Caller(calm(consumed_lag_seconds=60))

    def shown() -> int:
        skus = call.get("/subscribedSkus")["value"]
        return next(sku["consumedUnits"] for sku in skus if sku["skuId"] == E3)

    before = shown()
    call("POST", f"/users/{JOINER}/assignLicense", body(E3))
    assert shown() == before
    call.sandbox.tenant(call.tenant_id).forget_lags()  # type: ignore[union-attr]
    assert shown() == before + 1


def test_upn_and_letter_case_of_ids_do_not_matter(call: Caller) -> None:
    assert call("POST", "/users/REN.KOBAYASHI@contoso.example/assignLicense", body(E3)).status == 400
    assert call("POST", f"/users/{JOINER.upper()}/assignLicense", body(E3.upper())).status == 200
