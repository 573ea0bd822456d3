"""Rounds of changes: who changed, and the link of the next round (graph-api.md 2.3)."""

import tracemalloc
from typing import Any

import pytest

from licensing_portal.gateways.errors import LinkExpired, NotFound, Rejected, Unavailable, Unreadable
from licensing_portal.gateways.graph import GraphDirectory
from tests.unit.gateways.service import ROOT, Call, Service

LINK = f"{ROOT}/users/delta?$deltatoken=one"
NEXT = f"{ROOT}/users/delta?$deltatoken=two"


def test_a_round_from_now_is_asked_for_with_the_properties_once(directory: GraphDirectory, service: Service) -> None:
    service.answers({"value": [], "@odata.deltaLink": LINK})
    assert directory.delta_link() == LINK
    assert service.calls[0].path.endswith("/users/delta")
    assert service.calls[0].options["$deltatoken"] == "latest"
    assert "assignedLicenses" in service.calls[0].options["$select"].split(",")


def test_a_service_without_latest_is_followed_to_its_delta_link(directory: GraphDirectory, service: Service) -> None:
    service.answers({"value": [{"id": "A"}], "@odata.nextLink": f"{ROOT}/users/delta?$skiptoken=2"})
    service.answers({"value": [{"id": "B"}], "@odata.deltaLink": LINK})
    assert directory.delta_link() == LINK


@pytest.mark.parametrize("status", [400, 410, 501])
def test_where_latest_is_refused_all_ids_are_walked_through(
    directory: GraphDirectory, service: Service, status: int
) -> None:
    service.answers({"error": {"code": "Request_BadRequest", "message": "Badly formed token."}}, status=status)
    service.answers({"value": [{"id": "A"}], "@odata.nextLink": f"{ROOT}/users/delta?$skiptoken=2"})
    service.answers({"value": [{"id": "B"}], "@odata.deltaLink": LINK})
    assert directory.delta_link() == LINK
    walked = service.calls[1].options
    assert "$deltatoken" not in walked
    # What a round tells later is what the first call selected.
    assert "assignedLicenses" in walked["$select"].split(",")


@pytest.mark.parametrize(("status", "calls"), [(400, 2), (403, 1), (404, 1), (405, 2), (410, 2), (501, 2)])
def test_a_service_that_refuses_delta_gives_no_link(
    directory: GraphDirectory, service: Service, status: int, calls: int
) -> None:
    for _ in range(calls):
        service.answers({"error": {"code": "Request_UnsupportedQuery", "message": "Unsupported."}}, status=status)
    assert directory.delta_link() == ""
    assert service.unused == 0


def test_pages_on_the_way_to_a_link_are_not_kept(directory: GraphDirectory, service: Service) -> None:
    filler = "x" * 100_000

    def page(call: Call) -> Any:
        number = len(service.calls)
        following = {"@odata.nextLink": f"{ROOT}/users/delta?n={number}"} if number < 60 else {"@odata.deltaLink": LINK}
        return {"value": [{"id": "u", "displayName": filler}], **following}

    service.always(page)
    tracemalloc.start()
    try:
        assert directory.delta_link() == LINK
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


def test_a_round_names_everybody_once_and_gives_the_next_link(directory: GraphDirectory, service: Service) -> None:
    skip = f"{ROOT}/users/delta?$skiptoken=2"
    service.answers({"value": [{"id": "AA"}, {"id": "b", "@removed": {"reason": "changed"}}], "@odata.nextLink": skip})
    service.answers({"value": [], "@odata.nextLink": f"{ROOT}/users/delta?$skiptoken=3"})
    service.answers({"value": [{"id": "aa", "displayName": "again"}, {"id": "c"}], "@odata.deltaLink": NEXT})
    found = directory.changed_users(LINK)
    assert found.user_ids == ("aa", "b", "c")
    assert found.removed == {"b"}
    assert found.link == NEXT
    assert service.calls[0].query == "$deltatoken=one"
    assert service.calls[1].query == "$skiptoken=2"


def test_who_is_named_twice_is_what_the_last_entry_says(directory: GraphDirectory, service: Service) -> None:
    gone = {"@removed": {"reason": "changed"}}
    entries = [{"id": "back", **gone}, {"id": "left"}, {"id": "back"}, {"id": "left", **gone}]
    service.answers({"value": entries, "@odata.deltaLink": NEXT})
    assert directory.changed_users(LINK).removed == {"left"}


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_link_that_is_no_longer_known_means_to_read_anew(
    directory: GraphDirectory, service: Service, status: int
) -> None:
    service.answers({"error": {"code": "syncStateNotFound", "message": "gone"}}, status=status, Location=LINK)
    with pytest.raises(LinkExpired) as caught:
        directory.changed_users(LINK)
    assert caught.value.code == "syncStateNotFound"


def test_a_link_of_another_root_is_never_called(directory: GraphDirectory, service: Service) -> None:
    with pytest.raises(LinkExpired):
        directory.changed_users("https://graph.microsoft.com/v1.0/users/delta?$deltatoken=one")
    with pytest.raises(LinkExpired):
        list(directory.users("https://graph.microsoft.com/v1.0/users?$skiptoken=2"))
    assert service.calls == []


def test_a_new_link_that_leads_elsewhere_is_refused(directory: GraphDirectory, service: Service) -> None:
    service.answers({"value": [], "@odata.deltaLink": "http://evil.test/graph/v1.0/users/delta?$deltatoken=two"})
    with pytest.raises(Unreadable):
        directory.changed_users(LINK)


@pytest.mark.parametrize("page", [{"value": []}, {"value": [{"displayName": "x"}], "@odata.deltaLink": NEXT}, {}])
def test_a_round_that_is_none_is_unreadable(directory: GraphDirectory, service: Service, page: object) -> None:
    service.answers(page)
    with pytest.raises(Unreadable):
        directory.changed_users(LINK)


def test_a_service_that_is_away_says_nothing_of_the_link(directory: GraphDirectory, service: Service) -> None:
    for _ in range(6):
        service.answers({"error": {"code": "serviceNotAvailable"}}, status=503)
    with pytest.raises(Unavailable):
        directory.changed_users(LINK)


def test_reading_goes_on_from_the_link_of_a_page(directory: GraphDirectory, service: Service) -> None:
    user = {"id": "u", "userPrincipalName": "u@x.test", "displayName": "U"}
    service.answers({"value": [user], "@odata.nextLink": f"{ROOT}/users?$skiptoken=2"})
    first = next(directory.users())
    service.answers({"value": [{**user, "id": "v"}]})
    (rest,) = directory.users(first.following)
    assert [one.object_id for one in rest.users] == ["v"]
    assert rest.following == ""
    assert service.calls[1].query == "$skiptoken=2"


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_page_link_that_is_no_longer_known_means_to_read_anew(
    directory: GraphDirectory, service: Service, status: int
) -> None:
    service.answers({"error": {"code": "Directory_ExpiredPageToken", "message": "expired"}}, status=status)
    with pytest.raises(LinkExpired):
        list(directory.users(f"{ROOT}/users?$skiptoken=2"))


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_page_that_vanishes_while_the_list_is_read_means_to_read_anew(
    directory: GraphDirectory, service: Service, status: int
) -> None:
    user = {"id": "u", "userPrincipalName": "u@x.test", "displayName": "U"}
    service.answers({"value": [user], "@odata.nextLink": f"{ROOT}/users?$skiptoken=2"})
    service.answers({"error": {"code": "Directory_ExpiredPageToken", "message": "expired"}}, status=status)
    pages = directory.users()
    assert [one.object_id for one in next(pages).users] == ["u"]
    with pytest.raises(LinkExpired) as caught:
        next(pages)
    assert (caught.value.status, caught.value.code) == (status, "Directory_ExpiredPageToken")


@pytest.mark.parametrize("status", [400, 404])
def test_a_refused_first_page_is_no_expired_link(directory: GraphDirectory, service: Service, status: int) -> None:
    service.answers({"error": {"code": "BadRequest", "message": "no"}}, status=status)
    with pytest.raises((NotFound, Rejected)) as caught:
        list(directory.users())
    assert not isinstance(caught.value, LinkExpired)
