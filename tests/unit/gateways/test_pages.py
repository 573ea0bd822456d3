"""Lists of many pages: next links are followed whole, and only below the configured root."""

from typing import Any

import pytest

from licensing_portal.gateways.errors import Unreadable
from licensing_portal.gateways.links import address_of, is_below
from licensing_portal.gateways.transport import MAX_PAGES, Transport
from tests.unit.gateways import samples
from tests.unit.gateways.service import ROOT, Call, Service


def test_next_link_is_followed_whole_with_the_same_headers(transport: Transport, service: Service) -> None:
    link = f"{ROOT}/users?$select=id,mail&$filter=a%20ne%200&$skiptoken=RFNwdA%3D%3D%2Bx-y_z~"
    service.answers({"value": [1], "@odata.nextLink": link})
    service.answers({"value": [2]})
    pages = transport.pages("/users?$count=true", headers={"ConsistencyLevel": "eventual"})
    assert list(pages) == [[1], [2]]
    assert (service.calls[1].path, service.calls[1].query) == ("/graph/v1.0/users", link.partition("?")[2])
    assert [call.headers["consistencylevel"] for call in service.calls] == ["eventual"] * 2


def test_an_empty_page_with_a_next_link_is_not_the_end(transport: Transport, service: Service) -> None:
    service.answers(samples.raw("users_empty.json"))
    service.answers({"value": [1]})
    assert list(transport.pages("/users")) == [[], [1]]


@pytest.mark.parametrize(
    "link",
    [
        "http://evil.test/graph/v1.0/users",
        "http://sandbox.test.evil.test/graph/v1.0/users",
        "http://sandbox.test@evil.test/graph/v1.0/users",
        "http://sandbox.test:81/graph/v1.0/users",
        "https://sandbox.test/graph/v1.0/users",
        "http://sandbox.test/graph/v1.0",
        "http://sandbox.test/graph/v1.0evil/users",
        "http://sandbox.test/graph/beta/users",
        "http://sandbox.test/graph/v1.0/../../_control/tenants",
        "http://sandbox.test/graph/v1.0/%2e%2e/%2E./_control/tenants",
        "http://sandbox.test/graph/v1.0/..\\_control",
        "http://evil@sandbox.test/graph/v1.0/users",
        "http://sandbox.test\\@evil.test/graph/v1.0/users",
        "http://sandbox.test:x/graph/v1.0/users",
        "http://sandbox.test:443/graph/v1.0/users",
        "http://[/graph/v1.0/users",
        "http://SANDBOX.TEST/Graph/v1.0/users",
        "//evil.test/graph/v1.0/users",
        "/../_control/tenants",
        "../../_control/tenants",
        "/\\evil.test/..",
        "javascript:alert(1)",
        " http://sandbox.test/graph/v1.0/users",
        "http://sandbox.test/graph/v1.0/us\ners",
        5,
        ["http://sandbox.test/graph/v1.0/users"],
        "",
    ],
)
def test_a_next_link_that_leads_elsewhere_is_never_called(transport: Transport, service: Service, link: Any) -> None:
    service.answers({"value": [1], "@odata.nextLink": link})
    pages = transport.pages("/users")
    assert next(pages) == [1]
    with pytest.raises(Unreadable, match="GET /users"):
        next(pages)
    assert len(service.calls) == 1


def test_a_link_that_stays_below_the_root_is_below() -> None:
    assert is_below(ROOT, f"{ROOT}/users/a..b?x=/../")


_USERS = f"{ROOT}/users"


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("/users?$skiptoken=x", f"{_USERS}?$skiptoken=x"),
        ("/graph/v1.0/users?$skiptoken=x", f"{_USERS}?$skiptoken=x"),
        ("users?$skiptoken=x", f"{_USERS}?$skiptoken=x"),
        ("?$skiptoken=x", f"{_USERS}?$skiptoken=x"),
        ("//sandbox.test/graph/v1.0/users?$skiptoken=x", f"{_USERS}?$skiptoken=x"),
        ("http://Sandbox.TEST/graph/v1.0/users?$skiptoken=X", f"{_USERS}?$skiptoken=X"),
        ("HTTP://sandbox.test/graph/v1.0/users?$skiptoken=x", f"{_USERS}?$skiptoken=x"),
        ("http://sandbox.test:80/graph/v1.0/users?$skiptoken=x", f"{_USERS}?$skiptoken=x"),
        ("?$skiptoken=a%2dB%7E%3d|/..?//evil.test", f"{_USERS}?$skiptoken=a%2dB%7E%3d|/..?//evil.test"),
        ("?$skiptoken=x#part", f"{_USERS}?$skiptoken=x"),
    ],
)
def test_a_link_in_another_spelling_leads_to_the_configured_host(
    transport: Transport, service: Service, link: str, address: str
) -> None:
    service.answers({"value": [], "@odata.nextLink": link})
    service.answers({"value": [1]})
    assert list(transport.pages("/users?$top=1")) == [[], [1]]
    call = service.calls[1]
    assert f"http://sandbox.test{call.path}?{call.query}" == address
    assert call.headers["authorization"] == "Bearer token-1"


@pytest.mark.parametrize(
    ("root", "link"),
    [
        ("https://graph.test/v1.0", "https://graph.test:443/v1.0/users?a"),
        ("https://graph.test:443/v1.0", "https://graph.test/v1.0/users?a"),
        ("http://127.0.0.1:8400/v1.0", "http://127.0.0.1:8400/v1.0/users?a"),
        ("http://stand-in.test", "/users?a"),
    ],
)
def test_a_link_is_followed_at_the_configured_root(root: str, link: str) -> None:
    assert address_of(link, base_url=root, asked=f"{root}/users?b") == f"{root}/users?a"


def test_a_relative_link_of_a_later_page_belongs_to_that_page(transport: Transport, service: Service) -> None:
    service.answers({"value": [], "@odata.nextLink": f"{ROOT}/users/page/2?$skiptoken=x"})
    service.answers({"value": [], "@odata.nextLink": "3?$skiptoken=x"})
    service.answers({"value": []})
    list(transport.pages("/users"))
    assert service.calls[2].path.endswith("/users/page/3")


def test_a_repeated_next_link_ends_the_list(transport: Transport, service: Service) -> None:
    service.always(lambda call: {"value": [], "@odata.nextLink": f"{ROOT}/users?$skiptoken=again"})
    with pytest.raises(Unreadable, match="GET /users"):
        list(transport.pages("/users"))
    assert len(service.calls) == 2


@pytest.mark.thorough
def test_pages_that_never_end_are_given_up_after_ten_thousand(transport: Transport, service: Service) -> None:
    def endless(call: Call) -> Any:
        return {"value": [], "@odata.nextLink": f"{ROOT}/users?n={len(service.calls)}"}

    service.always(endless)
    with pytest.raises(Unreadable):
        for _ in transport.pages("/users"):
            pass
    assert len(service.calls) == MAX_PAGES


@pytest.mark.parametrize("page", [[], {}, {"value": None}, {"value": {}}, "page"])
def test_an_answer_without_a_list_is_no_page(transport: Transport, service: Service, page: Any) -> None:
    service.answers(page)
    with pytest.raises(Unreadable):
        list(transport.pages("/users?x=1"))
