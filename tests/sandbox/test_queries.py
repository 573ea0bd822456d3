"""Lists: properties, paging, filters, and what needs the advanced header."""

import pytest

from licensing_portal.sandbox.catalog import sku_id
from licensing_portal.sandbox.story import EVERYBODY, TOTAL, user_id
from tests.sandbox.calls import EVENTUAL, Caller, calm


@pytest.fixture
def call() -> Caller:
    return Caller(calm())


def test_licence_properties_come_only_when_selected(call: Caller) -> None:
    user = call.get("/users?$top=1")["value"][0]
    assert set(user) == {
        "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation",
        "preferredLanguage", "surname", "userPrincipalName", "id",
    }  # fmt: skip
    chosen = call.get("/users?$top=1&$select=id,assignedLicenses,createdDateTime")["value"][0]
    assert set(chosen) == {"id", "assignedLicenses", "createdDateTime"}


def test_pages_hold_every_user_once(call: Caller) -> None:
    pages = call.pages("/users?$select=id&$top=50")
    assert [len(page["value"]) for page in pages] == [50, 50, 37]
    assert len({user["id"] for page in pages for user in page["value"]}) == TOTAL


def test_an_altered_next_link_is_dead(call: Caller) -> None:
    link = call.get("/users?$select=id&$top=50")["@odata.nextLink"]
    for altered in (link.replace("%24top=50", "%24top=60").replace("$top=50", "$top=60"), link[:-3] + "AAA"):
        assert call("GET", altered).status == 400


def test_the_count_is_on_the_first_page_of_an_advanced_query_only(call: Caller) -> None:
    assert "@odata.count" not in call.get("/users?$count=true&$top=50")
    first, second, _third = call.pages("/users?$count=true&$top=50", **EVENTUAL)
    assert first["@odata.count"] == TOTAL
    assert "@odata.count" not in second


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/users?$top=1000", "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive."),
        ("/users?$top=x", "Invalid page size"),
        ('/users?$search="displayName:a"', "ConsistencyLevel: eventual"),
        ("/users?$filter=assignedLicenses/$count ne 0", "Unsupported Query"),
        ("/users?$filter=accountEnabled ne true", "Unsupported Query"),
        ("/users?$filter=accountEnabled eq true&$orderby=displayName", "Unsupported Query"),
        ("/users?$filter=licenseAssignmentStates/any(l:l/state eq 'Error')", "not indexed"),
        ("/users?$select=nonsense", "Could not find a property named 'nonsense'"),
        ("/users?$filter=id in (" + ",".join(f"'{n}'" for n in range(16)) + ")", "Max allowed: 15"),
        ("/users?$filter=displayName eq", "Invalid filter clause"),
        ("/users?$skip=5", "$skip"),
        ("/users/$count", "$count is not currently supported"),
    ],
)
def test_what_graph_refuses(call: Caller, path: str, words: str) -> None:
    reply = call("GET", path)
    assert reply.status == 400
    assert words in reply.data["error"]["message"]


@pytest.mark.parametrize(
    ("condition", "number"),
    [
        ("accountEnabled eq false", 4),
        ("userType eq 'Guest'", 3),
        ("usageLocation eq 'US'", 1),
        ("startswith(userPrincipalName,'TARO.yamada@')", 1),
        (f"id in ('{user_id('joiner', 1)}','{user_id('joiner', 2)}','nobody')", 2),
        (f"id in ('{user_id('joiner', 1)}','{user_id('leaver', 1)}') and accountEnabled eq false", 1),
        ("accountEnabled eq false or userType eq 'Guest'", 7),
        (f"assignedLicenses/any(l:l/skuId eq {sku_id('SPE_E5')})", 6),
    ],
)
def test_filters(call: Caller, condition: str, number: int) -> None:
    assert len(call.get(f"/users?$select=id&$top=999&$filter={condition}")["value"]) == number


def test_advanced_filters_and_search(call: Caller) -> None:
    advanced = {"ConsistencyLevel": "eventual"}
    found = call.get("/users?$count=true&$top=999&$filter=assignedLicenses/$count eq 0", **advanced)
    # 12 joiners, 3 blocked, 3 guests.
    assert found["@odata.count"] == 18
    searched = call.get('/users?$search="displayName:山田"&$select=displayName', **advanced)
    assert "山田 太郎" in {user["displayName"] for user in searched["value"]}
    ordered = call.get("/users?$count=true&$filter=userType eq 'Guest'&$orderby=displayName desc", **advanced)["value"]
    names = [user["displayName"] for user in ordered]
    assert names == sorted(names, key=str.casefold, reverse=True)


def test_users_are_found_by_any_of_their_addresses_in_an_advanced_query(call: Caller) -> None:
    user = user_id("joiner", 1)
    addresses = ["smtp:Maiden.Name@contoso.example", "sip:x@contoso.example"]
    assert (
        call("PATCH", f"/_control/tenants/{call.tenant_id}/users/{user}", {"proxyAddresses": addresses}).status == 200
    )
    shown = call.get(f"/users/{user}?$select=mail,proxyAddresses")
    assert shown["proxyAddresses"] == [f"SMTP:{shown['mail']}", *addresses]
    condition = "proxyAddresses/any(p:p eq 'smtp:maiden.name@contoso.example')"
    query = f"/users?$count=true&$select=id&$filter={condition} or proxyAddresses/any(x:x eq 'smtp:{shown['mail']}')"
    assert [entry["id"] for entry in call.get(query, **EVENTUAL)["value"]] == [user]
    assert call("GET", query).status == 400
    # Only synchronization sets them.
    call("PATCH", f"/users/{user}", {"proxyAddresses": []})
    assert len(call.get(f"/users/{user}?$select=proxyAddresses")["proxyAddresses"]) == 3
    assert call("PATCH", f"/_control/tenants/{call.tenant_id}/users/{user}", {"proxyAddresses": "x"}).status == 400


def test_the_index_lags_behind_reads_by_id(call: Caller) -> None:
    call = Caller(calm(index_lag_seconds=60))
    user = user_id("joiner", 2)
    call("PATCH", f"/users/{user}", {"usageLocation": "US"})
    query = "/users?$count=true&$select=id&$filter=usageLocation eq 'US'"
    assert user not in {entry["id"] for entry in call.get(query, **EVENTUAL)["value"]}
    assert user in {entry["id"] for entry in call.get(query)["value"]}
    assert call.get(f"/users/{user}?$select=usageLocation")["usageLocation"] == "US"


def test_groups_that_license(call: Caller) -> None:
    query = "/groups?$filter=assignedLicenses/$count ne 0&$count=true&$select=id,displayName,assignedLicenses"
    assert call("GET", query).status == 400
    groups = call.get(query, **EVENTUAL)
    assert groups["@odata.count"] == 2
    assert groups["value"][0]["displayName"] == "全社員"
    members = [user["id"] for page in call.pages(f"/groups/{EVERYBODY}/members?$top=50") for user in page["value"]]
    assert len(set(members)) == 72


def test_the_partner_sees_its_customers() -> None:
    sandbox = calm(customers=25)
    call = Caller(sandbox, tenant_id=sandbox.partner_tenant_id)
    assert len(call.get("/contracts")["value"]) == 25
    assert len(call.get("/tenantRelationships/delegatedAdminCustomers?$top=300")["value"]) == 25
    active = "/tenantRelationships/delegatedAdminRelationships?$filter=status eq 'active'&$top=300"
    assert len(call.get(active)["value"]) == 25
    call("POST", f"/_control/tenants/{sandbox.tenants[3]}/relationship", {"status": "terminated"})
    assert len(call.get(active)["value"]) == 24
    assert Caller(sandbox, tenant_id=sandbox.tenants[3])("GET", "/users").status == 403
    assert Caller(sandbox)("GET", "/contracts").status == 404
