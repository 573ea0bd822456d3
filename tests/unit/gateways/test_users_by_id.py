"""Users asked for by id: clauses of lists, one by one whom these leave out, and what cannot be read."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from licensing_portal.gateways.errors import (
    AccessDenied,
    Unreadable,
)
from licensing_portal.gateways.graph import GraphDirectory
from tests.unit.gateways.service import ROOT, Call, Service
from tests.unit.gateways.test_graph import SELECT, user


def part_reply(call: Call) -> Any:
    """Answer each part of a batch with the users that it names, alone or in `id in (…)`.

    "gone" does not exist, "late" is not in lists yet.
    """
    responses: list[Any] = []
    for part in reversed(call.parts):
        if not part["url"].startswith("/users?"):
            name = urlsplit(part["url"]).path.removeprefix("/users/")
            status, body = (404, {"error": {"code": "Request_ResourceNotFound"}}) if "gone" in name else (200, {})
            responses.append({"id": part["id"], "status": status, "body": body or {"id": name.upper()}})
            continue
        condition = parse_qs(urlsplit(part["url"]).query)["$filter"][0]
        ids = [name.strip("'") for name in condition.removeprefix("id in (").removesuffix(")").split(",")]
        found = [{"id": name.upper()} for name in ids if name.partition("-")[0] not in ("gone", "late")]
        responses.append({"id": part["id"], "status": 200, "body": {"value": found}})
    return {"responses": responses}


def test_users_by_id_go_fifteen_a_clause_and_twenty_clauses_a_call(directory: GraphDirectory, service: Service) -> None:
    service.always(part_reply)
    ids = [f"id-{number}" for number in range(316)]
    assert list(directory.users_by_id(ids)) == ids
    assert [len(call.parts) for call in service.calls] == [20, 2]
    address = urlsplit(service.calls[1].parts[1]["url"])
    assert (address.scheme, address.netloc, address.path) == ("", "", "/users")
    assert parse_qs(address.query) == {"$filter": ["id in ('id-315')"], "$select": [SELECT], "$top": ["15"]}
    assert service.calls[0].parts[0] == {
        "id": "0",
        "method": "GET",
        "url": service.calls[0].parts[0]["url"],
    }


def test_users_by_id_are_asked_once_each_in_lower_case_and_absent_when_not_found(
    directory: GraphDirectory, service: Service
) -> None:
    service.always(part_reply)
    assert list(directory.users_by_id(["ID-1", "id-1", "gone"])) == ["id-1"]
    assert service.calls[0].parts[0]["url"].count("id-1") == 1


def test_who_is_left_out_of_a_list_is_asked_for_alone_before_being_called_absent(
    directory: GraphDirectory, service: Service
) -> None:
    service.always(part_reply)
    found = directory.look_up(["late-1", "gone", "id-1", "late-2"])
    assert list(found.users) == ["late-1", "id-1", "late-2"]
    assert found.contradicted == {"late-1", "late-2"}
    assert [part["url"].partition("?")[0] for part in service.calls[1].parts] == [
        "/users/late-1",
        "/users/gone",
        "/users/late-2",
    ]
    assert parse_qs(urlsplit(service.calls[1].parts[0]["url"]).query) == {"$select": [SELECT]}


def test_only_404_means_that_a_user_is_absent(directory: GraphDirectory, service: Service) -> None:
    service.answers({"responses": [{"id": "0", "status": 200, "body": {"value": []}}]})
    service.answers({"responses": [{"id": "0", "status": 403, "body": {"error": {"code": "no"}}}]})
    with pytest.raises(AccessDenied):
        directory.users_by_id(["user-1"])


def test_who_was_removed_is_not_asked_for_again(directory: GraphDirectory, service: Service) -> None:
    service.always(part_reply)
    found = directory.look_up(["gone", "id-1", "id-2"], removed=frozenset({"gone", "id-2"}))
    assert list(found.users) == ["id-1", "id-2"]
    # A round called somebody removed whom the list still shows: one of the two is behind.
    assert found.contradicted == {"id-2"}
    assert len(service.calls) == 1


def test_no_ids_need_no_call(directory: GraphDirectory, service: Service) -> None:
    assert directory.users_by_id([]) == {}
    assert service.calls == []


def test_a_quote_in_an_id_cannot_leave_its_clause(directory: GraphDirectory, service: Service) -> None:
    service.answers({"responses": [{"id": "0", "status": 200, "body": {"value": []}}]})
    service.answers({"responses": [{"id": "0", "status": 404}]})
    assert directory.users_by_id(["a') or ('b&$top=1"]) == {}
    assert service.calls[1].parts[0]["url"].startswith("/users/a%27%29%20or%20%28%27b%26%24top%3D1?$select=")
    query = parse_qs(urlsplit(service.calls[0].parts[0]["url"]).query)
    assert query["$filter"] == ["id in ('a'') or (''b&$top=1')"]


def test_users_that_nobody_asked_for_are_left_out(directory: GraphDirectory, service: Service) -> None:
    service.answers({"responses": [{"id": "0", "status": 200, "body": {"value": [user(1), user(2)]}}]})
    assert list(directory.users_by_id(["user-2"])) == ["user-2"]


def test_a_next_link_inside_a_part_is_followed(directory: GraphDirectory, service: Service) -> None:
    link = f"{ROOT}/users?$filter=id%20in%20('user-1')&$skiptoken=2"
    page = {"value": [user(1)], "@odata.nextLink": link}
    service.answers({"responses": [{"id": "0", "status": 200, "body": page}]})
    service.answers({"value": [user(2)]})
    assert list(directory.users_by_id(["user-1", "user-2"])) == ["user-1", "user-2"]
    assert service.calls[1].query == link.partition("?")[2]


def test_a_hostile_next_link_inside_a_part_is_not_called(directory: GraphDirectory, service: Service) -> None:
    page = {"value": [], "@odata.nextLink": "http://evil.test/graph/v1.0/users"}
    service.answers({"responses": [{"id": "0", "status": 200, "body": page}]})
    with pytest.raises(Unreadable):
        directory.users_by_id(["user-1"])


@pytest.mark.parametrize(("body", "calls"), [(None, 6), ("<html>", 6), ([], 6), ({"value": 5}, 1)])
def test_a_part_that_is_no_page_is_unreadable_in_the_end(
    directory: GraphDirectory, service: Service, body: Any, calls: int
) -> None:
    service.always(lambda call: {"responses": [{"id": "0", "status": 200, "body": body}]})
    with pytest.raises(Unreadable):
        directory.users_by_id(["user-1"])
    assert len(service.calls) == calls


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_broken_user_exists_and_is_never_called_absent(
    directory: GraphDirectory, service: Service, is_listed: bool
) -> None:
    broken = {**user(1), "accountEnabled": "no"}
    page = {"value": [broken] if is_listed else []}
    parts = [{"id": "0", "status": 200, "body": page}, {"id": "0", "status": 200, "body": broken}]
    for part in parts[:1] if is_listed else parts:
        service.answers({"responses": [part]})
    found = directory.look_up(["user-1"])
    assert (found.users, found.unreadable) == ({}, {"user-1"})
    for part in parts[:1] if is_listed else parts:
        service.answers({"responses": [part]})
    with pytest.raises(Unreadable):
        directory.users_by_id(["user-1"])


def test_an_answer_about_somebody_else_says_nothing(directory: GraphDirectory, service: Service) -> None:
    service.answers({"responses": [{"id": "0", "status": 200, "body": {"value": []}}]})
    service.answers({"responses": [{"id": "0", "status": 200, "body": user(2)}]})
    assert directory.look_up(["user-1"]).unreadable == {"user-1"}
