"""Users asked for by their addresses: three questions, few calls, and nobody who was not asked for."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from licensing_portal.gateways.errors import AccessDenied, Unreadable
from licensing_portal.gateways.graph import GraphDirectory
from tests.unit.gateways.service import ROOT, Call, Service
from tests.unit.gateways.test_graph import SELECT


def _user(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"USER-{number}", "userPrincipalName": f"U{number}@contoso.example", **fields}


def _part(*users: dict[str, Any], number: int = 0, **fields: Any) -> dict[str, Any]:
    return {"responses": [{"id": str(number), "status": 200, "body": {"value": list(users), **fields}}]}


def _filters(call: Call) -> list[str]:
    return [parse_qs(urlsplit(part["url"]).query)["$filter"][0] for part in call.parts]


def test_sign_in_name_mail_and_other_addresses_are_asked_for(directory: GraphDirectory, service: Service) -> None:
    service.answers(_part(_user(1)))
    service.answers(_part(_user(2, mail="m@contoso.example"), _user(3, mail="M@contoso.example")))
    service.answers(_part(_user(4, proxyAddresses=["SMTP:x@y", "smtp:Old@contoso.example", "X500:/o=x", 5])))

    found = directory.find_addresses(["u1@contoso.example", "m@contoso.example", "Old@contoso.example"])

    assert {user_id: set(known) for user_id, known in found.addresses.items()} == {
        "user-1": {"u1@contoso.example"},
        "user-2": {"m@contoso.example"},
        "user-3": {"m@contoso.example"},
        "user-4": {"old@contoso.example"},
    }
    assert found.users["user-4"].user_principal_name == "U4@contoso.example"
    assert [_filters(call) for call in service.calls] == [
        ["userPrincipalName in ('u1@contoso.example','m@contoso.example','old@contoso.example')"],
        ["mail in ('u1@contoso.example','m@contoso.example','old@contoso.example')"],
        ["proxyAddresses/any(p:p eq 'smtp:old@contoso.example')"],
    ]


def test_other_addresses_need_an_advanced_query(directory: GraphDirectory, service: Service) -> None:
    service.always(lambda call: _part())
    directory.find_addresses(["a@x"])
    assert [call.parts[0].get("headers") for call in service.calls] == [None, None, {"ConsistencyLevel": "eventual"}]
    query = parse_qs(urlsplit(service.calls[2].parts[0]["url"]).query)
    assert query["$count"] == ["true"]
    assert query["$select"] == [f"{SELECT},proxyAddresses"]


def test_three_hundred_addresses_take_three_calls(directory: GraphDirectory, service: Service) -> None:
    service.always(
        lambda call: {
            "responses": [{"id": part["id"], "status": 200, "body": {"value": []}} for part in call.parts],
        }
    )
    assert directory.find_addresses([f"a{number}@x" for number in range(300)]).users == {}
    assert [len(call.parts) for call in service.calls] == [20, 20, 20]
    assert all(len(names.split(",")) == 15 for names in _filters(service.calls[0]))
    assert all(names.count(" or ") == 14 for names in _filters(service.calls[2]))


def test_who_is_found_needs_no_further_question(directory: GraphDirectory, service: Service) -> None:
    service.answers(_part(_user(1)))
    service.answers(_part())
    directory.find_addresses(["u1@contoso.example"])
    assert len(service.calls) == 2


def test_no_addresses_need_no_call(directory: GraphDirectory, service: Service) -> None:
    assert directory.find_addresses([]).users == {}
    assert service.calls == []


def test_users_that_nobody_asked_for_are_left_out(directory: GraphDirectory, service: Service) -> None:
    service.always(lambda call: _part(_user(9, proxyAddresses=None)))
    assert directory.find_addresses(["a@x"]).users == {}


def test_a_quote_in_an_address_cannot_leave_its_clause(directory: GraphDirectory, service: Service) -> None:
    service.always(lambda call: _part())
    directory.find_addresses(["o'neil@x') or ('&$top=1"])
    assert _filters(service.calls[0]) == ["userPrincipalName in ('o''neil@x'') or (''&$top=1')"]
    assert _filters(service.calls[2]) == ["proxyAddresses/any(p:p eq 'smtp:o''neil@x'') or (''&$top=1')"]


def test_pages_that_follow_are_read_with_the_same_headers(directory: GraphDirectory, service: Service) -> None:
    service.answers(_part())
    service.answers(_part())
    service.answers(_part(**{"@odata.nextLink": f"{ROOT}/users?$skiptoken=2"}))
    service.answers({"value": [_user(1, proxyAddresses=["smtp:a@x"])]})
    assert list(directory.find_addresses(["a@x"]).users) == ["user-1"]
    assert service.calls[3].headers["consistencylevel"] == "eventual"


def test_where_other_addresses_may_not_be_asked_for_the_others_stand(
    directory: GraphDirectory, service: Service
) -> None:
    service.answers(_part(_user(1)))
    service.answers(_part())
    service.answers({"responses": [{"id": "0", "status": 403, "body": {"error": {"code": "no"}}}]})
    assert list(directory.find_addresses(["u1@contoso.example", "a@x"]).users) == ["user-1"]
    service.answers({"responses": [{"id": "0", "status": 403, "body": {"error": {"code": "no"}}}]})
    with pytest.raises(AccessDenied):
        directory.find_addresses(["a@x"])


def test_a_broken_user_is_never_called_absent(directory: GraphDirectory, service: Service) -> None:
    service.answers(_part(_user(1, accountEnabled="no")))
    with pytest.raises(Unreadable):
        directory.find_addresses(["u1@contoso.example"])
