"""Rounds of changes: what is in them, what is not, and links that have died."""

from typing import Any

import pytest

from licensing_portal.sandbox.catalog import sku_id
from licensing_portal.sandbox.story import TOTAL, user_id
from tests.sandbox.calls import Caller, calm

LEAVER, JOINER, SALES = user_id("leaver", 1), user_id("joiner", 2), user_id("sales", 1)


@pytest.fixture
def call() -> Caller:
    return Caller(calm())


def _link(call: Caller, query: str = "$select=id,displayName") -> str:
    return str(call.pages(f"/users/delta?{query}")[-1]["@odata.deltaLink"])


def _entries(call: Caller, link: str, **headers: str) -> dict[str, dict[str, Any]]:
    return {entry["id"]: entry for page in call.pages(link, **headers) for entry in page["value"]}


def test_the_first_round_holds_everybody_and_the_next_one_what_changed(call: Caller) -> None:
    pages = call.pages("/users/delta?$select=id,displayName&$top=100")
    assert [len(page["value"]) for page in pages] == [100, TOTAL - 100]
    link = pages[-1]["@odata.deltaLink"]
    assert call.get(link)["value"] == []
    call("PATCH", f"/users/{JOINER}", {"displayName": "小林 蓮太郎"})
    assert _entries(call, link) == {JOINER: {"id": JOINER, "displayName": "小林 蓮太郎"}}
    # The same link again gives the same, as Graph replays.
    assert _entries(call, link).keys() == {JOINER}


def test_a_property_that_was_not_chosen_is_no_change(call: Caller) -> None:
    link = _link(call)
    call("PATCH", f"/users/{JOINER}", {"department": "総務部"})
    call("PATCH", f"/users/{SALES}", {"displayName": call.get(f"/users/{SALES}")["displayName"]})
    assert _entries(call, link) == {}


def test_licences_are_followed_where_they_were_chosen(call: Caller) -> None:
    link = _link(call, "$select=id,assignedLicenses")
    wanted = {"addLicenses": [{"skuId": sku_id("SPE_E3"), "disabledPlans": []}], "removeLicenses": []}
    assert call("POST", f"/users/{JOINER}/assignLicense", wanted).status == 200
    assert _entries(call, link).keys() == {JOINER}


def test_who_went_can_come_back_until_gone_for_good(call: Caller) -> None:
    link = _link(call)
    assert call("DELETE", f"/users/{LEAVER}").status == 204
    assert _entries(call, link)[LEAVER]["@removed"] == {"reason": "changed"}
    assert call("POST", f"/directory/deletedItems/{LEAVER}/restore").status == 200
    assert _entries(call, link)[LEAVER]["displayName"] == "中村 翼"
    call("DELETE", f"/users/{LEAVER}")
    assert call("DELETE", f"/directory/deletedItems/{LEAVER}").status == 204
    assert _entries(call, link)[LEAVER]["@removed"] == {"reason": "deleted"}


def test_minimal_answers_hold_only_what_changed(call: Caller) -> None:
    link = _link(call, "$select=id,displayName,usageLocation,mail")
    call("PATCH", f"/users/{JOINER}", {"usageLocation": "US"})
    assert _entries(call, link, Prefer="return=minimal") == {JOINER: {"id": JOINER, "usageLocation": "US"}}
    assert _entries(call, link)[JOINER].keys() > {"id", "usageLocation", "displayName"}


def test_a_round_of_named_users(call: Caller) -> None:
    link = _link(call, f"$select=id,displayName&$filter=id eq '{JOINER}' or id eq '{SALES}'")
    call("PATCH", f"/users/{JOINER}", {"displayName": "A"})
    call("PATCH", f"/users/{LEAVER}", {"displayName": "B"})
    assert _entries(call, link).keys() == {JOINER}


def test_changes_between_two_pages_lose_nobody(call: Caller) -> None:
    first = call.get("/users/delta?$select=id&$top=100")
    for entry in first["value"][:50]:
        call("DELETE", f"/users/{entry['id']}")
    rest = call.pages(first["@odata.nextLink"])
    seen = {entry["id"] for page in (first, *rest) for entry in page["value"]}
    assert len(seen) == TOTAL
    assert len(_entries(call, rest[-1]["@odata.deltaLink"])) == 50


@pytest.mark.parametrize("query", ["$deltatoken=unknown", "$skiptoken=AAAA"])
def test_a_dead_link_says_where_to_begin_again(call: Caller, query: str) -> None:
    reply = call("GET", f"/users/delta?{query}")
    assert reply.status == 410
    assert call("GET", reply.headers["Location"]).status == 200


def test_a_link_of_earlier_data_is_dead(call: Caller) -> None:
    link = _link(call)
    call("POST", "/_control/reset")
    assert call("GET", link).status == 410


@pytest.mark.parametrize("query", ["$expand=manager", "$orderby=displayName", "$filter=accountEnabled eq true"])
def test_what_a_round_refuses(call: Caller, query: str) -> None:
    assert call("GET", f"/users/delta?{query}").status == 400


def test_from_now_on(call: Caller) -> None:
    page = call.get("/users/delta?$deltatoken=latest&$select=id,displayName")
    assert page["value"] == []
    call("PATCH", f"/users/{JOINER}", {"displayName": "A"})
    assert _entries(call, page["@odata.deltaLink"]).keys() == {JOINER}
