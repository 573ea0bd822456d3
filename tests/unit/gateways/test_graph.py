"""The two gateways on a scripted Graph: addresses, headers, bodies, fallbacks."""

from typing import Any

import pytest

from licenses.core.diff import LicenseAdd
from licensing_portal.gateways.errors import (
    Rejected,
    Throttled,
    Unreadable,
)
from licensing_portal.gateways.graph import GraphDirectory
from licensing_portal.gateways.protocol import LicenseWrite, LocationWrite, OutcomeKind
from tests.unit.gateways import samples
from tests.unit.gateways.service import ROOT, TENANT, Service

SELECT = (
    "id,displayName,userPrincipalName,mail,accountEnabled,userType,usageLocation,onPremisesSyncEnabled,"
    "department,jobTitle,assignedLicenses,licenseAssignmentStates"
)
E5 = "6fd2c87f-b296-42f0-b197-1e91e994b900"


def user(number: int) -> dict[str, Any]:
    return {"id": f"user-{number}", "userPrincipalName": f"u{number}@contoso.example"}


# Users


def test_users_are_listed_by_the_largest_page_with_the_licence_properties(
    directory: GraphDirectory, service: Service
) -> None:
    service.answers({"value": [user(1)], "@odata.nextLink": f"{ROOT}/users?$skiptoken=2"})
    service.answers({"value": [user(2)]})
    pages = list(directory.users())
    assert [[record.object_id for record in page.users] for page in pages] == [["user-1"], ["user-2"]]
    assert service.calls[0].options == {"$select": SELECT, "$top": "999"}
    assert "consistencylevel" not in service.calls[0].headers


def test_a_user_comes_once_however_often_pages_repeat_them(directory: GraphDirectory, service: Service) -> None:
    service.answers({"value": [user(1), user(1)], "@odata.nextLink": f"{ROOT}/users?$skiptoken=2"})
    service.answers({"value": [user(1), user(2)]})
    assert [record.object_id for page in directory.users() for record in page.users] == ["user-1", "user-2"]


def test_a_refused_page_size_is_left_to_the_service(directory: GraphDirectory, service: Service) -> None:
    service.answers(samples.raw("error_page_size.json"), status=400)
    service.answers({"value": [user(1)]})
    assert [len(page.users) for page in directory.users()] == [1]
    assert service.calls[1].options == {"$select": SELECT}


def test_another_refusal_of_the_list_is_raised(directory: GraphDirectory, service: Service) -> None:
    service.answers({"error": {"code": "Request_UnsupportedQuery", "message": "Unsupported Query."}}, status=400)
    with pytest.raises(Rejected):
        list(directory.users())


def test_one_broken_user_does_not_hide_the_others(
    directory: GraphDirectory, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.answers({"value": [user(1), {**user(2), "jobTitle": "canary" * 99, "assignedLicenses": 5}, user(3)]})
    (page,) = directory.users()
    assert [one.object_id for one in page.users] == ["user-1", "user-3"]
    assert "user-2" in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize("entry", [{"id": 5}, {}, None, "user"])
def test_an_entry_that_is_nobodys_makes_the_page_unreadable(
    directory: GraphDirectory, service: Service, entry: Any
) -> None:
    service.answers({"value": [user(1), entry]})
    with pytest.raises(Unreadable):
        list(directory.users())


# Products, groups, the tenant itself


def test_subscribed_skus_follow_the_next_link(directory: GraphDirectory, service: Service) -> None:
    page = samples.data("subscribed_skus.json")
    service.answers({"value": page["value"][:1], "@odata.nextLink": f"{ROOT}/subscribedSkus?$skiptoken=2"})
    service.answers({"value": page["value"][1:]})
    assert [sku.part_number for sku in directory.subscribed_skus()] == ["ENTERPRISEPREMIUM", "AAD_PREMIUM"]
    assert service.calls[0].query == ""


def test_subscriptions_are_read_where_they_may_be_seen(directory: GraphDirectory, service: Service) -> None:
    service.answers(samples.raw("subscriptions.json"))
    assert len(directory.subscriptions()) == 2
    for status in (400, 403, 404, 405, 501):
        service.answers(status=status)
        assert directory.subscriptions() == ()
    assert {call.path for call in service.calls} == {"/graph/v1.0/directory/subscriptions"}


def test_subscriptions_that_cannot_be_had_now_are_an_error(directory: GraphDirectory, service: Service) -> None:
    service.answers(status=429, Retry_After="900")
    with pytest.raises(Throttled):
        directory.subscriptions()


def test_licensing_groups_are_counted_at_the_service_with_the_header_on_every_page(
    directory: GraphDirectory, service: Service
) -> None:
    page = samples.data("groups.json")
    service.answers({"value": page["value"], "@odata.nextLink": f"{ROOT}/groups?$skiptoken=2"})
    service.answers({"value": []})
    assert [group.display_name for group in directory.licensing_groups()] == ["全社員"]
    assert service.calls[0].options == {
        "$filter": "assignedLicenses/$count ne 0",
        "$count": "true",
        "$select": "id,displayName,assignedLicenses",
    }
    assert [call.headers["consistencylevel"] for call in service.calls] == ["eventual", "eventual"]


def test_where_counting_is_refused_all_groups_are_looked_through(directory: GraphDirectory, service: Service) -> None:
    service.answers({"error": {"code": "Request_UnsupportedQuery", "message": "Unsupported Query."}}, status=400)
    service.answers(samples.raw("groups.json"))
    assert [group.sku_ids for group in directory.licensing_groups()] == [(E5,)]
    assert service.calls[1].options == {"$select": "id,displayName,assignedLicenses"}
    assert "consistencylevel" not in service.calls[1].headers


@pytest.mark.parametrize("counted", [400, 403, 404, 405, 501])
@pytest.mark.parametrize("plain", [400, 403, 404, 405, 501])
def test_groups_that_are_refused_at_every_address_are_none(
    directory: GraphDirectory, service: Service, counted: int, plain: int
) -> None:
    for status in (counted, plain):
        service.answers({"error": {"code": "BadRequest", "message": "no"}}, status=status)
    assert directory.licensing_groups() == ()
    assert service.unused == 0


def test_groups_that_cannot_be_had_now_are_an_error(directory: GraphDirectory, service: Service) -> None:
    service.answers({"error": {"code": "Request_UnsupportedQuery", "message": "Unsupported Query."}}, status=400)
    service.answers(status=429, Retry_After="900")
    with pytest.raises(Throttled):
        directory.licensing_groups()


def test_organization_is_the_first_of_its_list(directory: GraphDirectory, service: Service) -> None:
    service.answers(samples.raw("organization.json"))
    service.answers({"value": []})
    service.answers(status=403)
    found = directory.organization()
    assert found is not None
    assert (found.tenant_id, found.country) == (TENANT, "JP")
    assert directory.organization() is None
    assert directory.organization() is None


# Writes


def test_licences_of_a_user_go_in_one_call_with_both_lists(directory: GraphDirectory, service: Service) -> None:
    service.answers({"responses": [{"id": "2", "status": 200}, {"id": "1", "status": 200}]})
    add = LicenseAdd(sku_id=E5, disabled=frozenset({"b", "a"}))
    outcomes = directory.apply(
        [LicenseWrite(user_id="u/1", add=(add,), remove=()), LicenseWrite(user_id="u2", add=(), remove=(E5,))]
    )
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.DONE] * 2
    first, second = service.calls[0].parts
    assert service.calls[0].path == "/graph/v1.0/$batch"
    assert (first["method"], first["url"]) == ("POST", "/users/u%2F1/assignLicense")
    assert first["body"] == {"addLicenses": [{"skuId": E5, "disabledPlans": ["a", "b"]}], "removeLicenses": []}
    assert second["body"] == {"addLicenses": [], "removeLicenses": [E5]}


def test_usage_locations_are_patched_in_one_batch(directory: GraphDirectory, service: Service) -> None:
    service.answers({"responses": [{"id": "1", "status": 204, "body": None}]})
    (outcome,) = directory.set_usage_locations([LocationWrite(user_id="u1", usage_location="JP")])
    assert (outcome.kind, outcome.user_id, outcome.status) == (OutcomeKind.DONE, "u1", 204)
    (part,) = service.calls[0].parts
    assert (part["method"], part["url"], part["body"]) == ("PATCH", "/users/u1", {"usageLocation": "JP"})
