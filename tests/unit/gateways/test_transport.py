"""One request, its repeats, its pages and its limits, on a scripted service and on a socket that drips."""

import logging
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from licensing_portal.gateways.errors import (
    AccessDenied,
    AuthenticationFailed,
    GatewayError,
    NotFound,
    Rejected,
    Throttled,
    Unavailable,
    Unreadable,
)
from licensing_portal.gateways.transport import (
    MAX_BODY,
    MAX_ERROR_BODY,
    MAX_PAGES,
    Transport,
    exchange,
    is_below,
    new_session,
)
from tests.unit.gateways import samples
from tests.unit.gateways.service import ROOT, TENANT, Call, Clock, Service, Tokens

THROTTLED = samples.data("error_throttled.json")


def test_every_request_carries_token_priority_and_an_id_of_its_own(transport: Transport, service: Service) -> None:
    service.always(lambda call: {"value": []})
    transport.get("/users")
    transport.get("/users")
    first, second = (call.headers for call in service.calls)
    assert first["authorization"] == "Bearer token-1"
    assert first["x-ms-throttle-priority"] == "high"
    assert uuid.UUID(first["client-request-id"]) != uuid.UUID(second["client-request-id"])


def test_background_priority_is_sent(transport: Transport, service: Service) -> None:
    transport.priority = "low"
    service.answers({})
    transport.get("/users")
    assert service.calls[0].headers["x-ms-throttle-priority"] == "low"


def test_body_goes_as_json_and_its_repeat_is_the_same(transport: Transport, service: Service) -> None:
    service.answers(status=503)
    service.answers({"responses": []})
    transport.read("POST", "/$batch", body={"requests": []})
    assert [call.json for call in service.calls] == [{"requests": []}] * 2
    assert service.calls[0].headers["content-type"] == "application/json"


def test_one_session_is_kept(transport: Transport, service: Service) -> None:
    made: list[requests.Session] = []

    def factory() -> requests.Session:
        made.append(service.session())
        return made[-1]

    transport.session_factory = factory
    service.always(lambda call: {})
    transport.get("/a")
    transport.get("/b")
    assert len(made) == 1


# Repeats of reads


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_read_is_repeated_after_exactly_the_named_wait(
    transport: Transport, service: Service, clock: Clock, status: int
) -> None:
    service.answers(THROTTLED, status=status, Retry_After="2.128")
    service.answers({"value": [1]})
    assert transport.get("/users") == {"value": [1]}
    assert clock.slept == [2.128 + 0.5]


def test_a_read_without_a_named_wait_backs_off_and_ends_after_six_tries(
    transport: Transport, service: Service, clock: Clock
) -> None:
    for _ in range(9):
        service.answers(samples.raw("error_page.html"), status=503)
    with pytest.raises(Unavailable) as caught:
        transport.get("/users")
    assert (caught.value.status, len(service.calls)) == (503, 6)
    assert clock.slept == [0.5, 1.0, 2.0, 4.0, 8.0]


def test_a_dropped_connection_a_cut_body_and_an_empty_answer_are_repeated(
    transport: Transport, service: Service
) -> None:
    service.drops()
    service.answers(samples.raw("users_cut.json"))
    service.answers()
    service.answers(samples.raw("users_bom.json"))
    assert transport.get("/users") == {"value": []}


def test_a_read_that_stays_throttled_raises_the_last_wait(transport: Transport, service: Service) -> None:
    for _ in range(6):
        service.answers(THROTTLED, status=429, Retry_After="9")
    with pytest.raises(Throttled) as caught:
        transport.get("/users")
    assert caught.value.retry_after == 9.0
    assert caught.value.request_id == "94fb3b52-452a-4535-a601-69e0a90e3aa2"


def test_a_wait_beyond_all_patience_is_not_begun(transport: Transport, service: Service, clock: Clock) -> None:
    service.answers(THROTTLED, status=429, Retry_After="900")
    with pytest.raises(Throttled) as caught:
        transport.get("/users")
    assert caught.value.retry_after == 900.0
    assert (clock.slept, len(service.calls)) == ([], 1)


def test_waits_together_stay_within_the_patience_of_one_read(
    transport: Transport, service: Service, clock: Clock
) -> None:
    for _ in range(6):
        service.answers(THROTTLED, status=429, Retry_After="60")
    with pytest.raises(Throttled):
        transport.get("/users")
    assert sum(clock.slept) <= 150
    assert len(service.calls) == 3


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Rejected), (403, AccessDenied), (404, NotFound), (409, Rejected), (302, Unreadable), (501, Unavailable)],
)
def test_what_repeating_cannot_mend_is_raised_at_once(
    transport: Transport, service: Service, status: int, kind: type[GatewayError]
) -> None:
    service.answers(THROTTLED, status=status, Location=f"{ROOT}/elsewhere")
    with pytest.raises(kind):
        transport.get("/users?$top=1")
    assert len(service.calls) == 1


def test_errors_name_the_operation_without_its_query(transport: Transport, service: Service) -> None:
    service.answers(status=404)
    with pytest.raises(NotFound) as caught:
        transport.get("/users?$filter=mail eq 'secret'")
    assert caught.value.operation == "GET /users"


# The token


def test_a_refused_token_is_dropped_and_the_request_sent_once_more(
    transport: Transport, service: Service, tokens: Tokens
) -> None:
    service.answers(status=401)
    service.answers({"value": []})
    transport.get("/users")
    assert tokens.forgotten == [TENANT]
    assert [call.headers["authorization"] for call in service.calls] == ["Bearer token-1", "Bearer token-2"]


def test_a_token_refused_twice_ends_the_read(transport: Transport, service: Service, tokens: Tokens) -> None:
    service.answers(status=401)
    service.answers({"error": {"code": "InvalidAuthenticationToken"}}, status=401)
    with pytest.raises(AuthenticationFailed) as caught:
        transport.get("/users")
    assert caught.value.code == "InvalidAuthenticationToken"
    assert len(service.calls) == 2


def test_no_token_is_seen_in_errors_or_logs(
    transport: Transport, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    service.drops()
    service.answers(b'{"echo": "token-1"', status=200)
    service.answers({"error": {"code": "X", "message": "canary"}}, status=400)
    with pytest.raises(Rejected) as caught:
        transport.get("/users")
    assert "token-1" not in caplog.text
    assert "canary" not in caplog.text + str(caught.value)


def test_an_error_of_the_connection_tells_its_kind_only(transport: Transport, service: Service) -> None:
    service.drops()
    with pytest.raises(Unavailable) as caught:
        transport.send("GET", "/users", None)
    assert (caught.value.message, caught.value.status) == ("ConnectionError", 0)
    assert caught.value.__suppress_context__


# Pages


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
        "//sandbox.test/graph/v1.0/users",
        "/graph/v1.0/users",
        " http://sandbox.test/graph/v1.0/users",
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


def test_a_repeated_next_link_ends_the_list(transport: Transport, service: Service) -> None:
    service.always(lambda call: {"value": [], "@odata.nextLink": f"{ROOT}/users?$skiptoken=again"})
    with pytest.raises(Unreadable, match="GET /users"):
        list(transport.pages("/users"))
    assert len(service.calls) == 2


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


# Limits


def test_a_redirect_is_not_followed(transport: Transport, service: Service) -> None:
    service.answers(status=302, Location=f"{ROOT}/users?redirected")
    answer = transport.send("GET", "/users", None)
    assert answer.status == 302
    assert len(service.calls) == 1


def test_an_error_body_beyond_five_megabytes_is_cut_off(transport: Transport, service: Service) -> None:
    service.answers(b" " * (MAX_ERROR_BODY + 1), status=400)
    with pytest.raises(Unreadable) as caught:
        transport.get("/users")
    assert caught.value.status == 400


def test_a_page_may_be_larger_than_an_error_but_not_endless(transport: Transport, service: Service) -> None:
    service.answers(b"{}" + b" " * MAX_ERROR_BODY)
    assert transport.get("/users") == {}
    service.answers(b" " * (MAX_BODY + 1))
    with pytest.raises(Unreadable):
        transport.get("/users")
    assert len(service.calls) == 2


class _Line:
    """One connection on loopback that sends a head and some bytes, then waits for the test."""

    def __init__(self, head: bytes, first: bytes, rest: bytes) -> None:
        self.may_end, self.waited_out, self.received = threading.Event(), False, b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/g/users"
        self._pieces = (head + first, rest)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            self.received = connection.recv(65_536)
            connection.sendall(self._pieces[0])
            self.waited_out = not self.may_end.wait(5)
            if self._pieces[1]:
                connection.sendall(self._pieces[1])

    def close(self) -> None:
        self.may_end.set()
        self._thread.join()
        self._listener.close()


@pytest.fixture
def line(request: pytest.FixtureRequest) -> Iterator[_Line]:
    opened = _Line(*request.param)
    yield opened
    opened.close()


_LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "line", [(_LONG, b"{", b""), (_CHUNKED, b"3e8\r\n{", b"")], indirect=True, ids=["known", "chunked"]
)
def test_a_dripping_body_is_given_up_while_it_drips(line: _Line) -> None:
    with new_session() as session, pytest.raises(Unavailable) as caught:
        exchange(session, "GET", line.url, operation="GET /users", clock=Clock(step=100))
    assert caught.value.message == "the answer took too long"
    assert not line.waited_out


@pytest.mark.parametrize(
    "line", [(_LONG, b"{}", b""), (_CHUNKED, b"3e8\r\n{}", b"")], indirect=True, ids=["known", "chunked"]
)
def test_a_body_that_ends_early_is_no_answer(line: _Line) -> None:
    line.may_end.set()
    with new_session() as session, pytest.raises(Unavailable):
        exchange(session, "GET", line.url, operation="GET /users")


@pytest.mark.parametrize("line", [(_LONG.replace(b"1000", b"2"), b"{}", b"")], indirect=True)
def test_nothing_comes_from_the_environment(line: _Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login evil password evil\n")
    monkeypatch.setenv("NETRC", os.fspath(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    line.may_end.set()
    with new_session() as session:
        answer = exchange(session, "GET", line.url, operation="GET /users", headers={"Authorization": "Bearer t"})
    assert answer.body == b"{}"
    assert b"Authorization: Bearer t\r\n" in line.received
    assert line.received.startswith(b"GET /g/users HTTP/1.1\r\n")


def test_a_session_sends_each_request_once() -> None:
    with new_session() as session:
        for address in ("https://graph.microsoft.com/", "http://127.0.0.1/"):
            adapter = session.get_adapter(address)
            assert isinstance(adapter, requests.adapters.HTTPAdapter)
            assert adapter.max_retries.total == 0


def test_a_refused_connection_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with new_session() as session, pytest.raises(Unavailable):
        exchange(session, "GET", f"http://127.0.0.1:{port}/g", operation="GET /g")
