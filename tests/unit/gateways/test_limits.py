"""What one exchange may cost: no redirect, no flood, no drip, nothing from the environment; partly on a real socket."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from licensing_portal.gateways.errors import Unavailable, Unreadable
from licensing_portal.gateways.exchange import MAX_BODY, MAX_ERROR_BODY, Limits, exchange, new_session
from licensing_portal.gateways.transport import Transport
from licensing_portal.wiring import PAGE_LIMITS
from tests.unit.gateways.service import ROOT, TENANT, Clock, Service, Tokens


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
        self._listener.settimeout(5)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/g/users"
        self._pieces = (head + first, rest)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except TimeoutError:
            return
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


_SILENT = (b"", b"", b"")


@pytest.mark.parametrize("line", [_SILENT], indirect=True)
def test_a_read_of_a_silent_service_ends_with_its_patience(line: _Line, tokens: Tokens) -> None:
    hurried = Limits(connect=0.1, read=9.0, total=0.2, patience=0.2)
    transport = Transport(base_url=line.url, tenant_id=TENANT, tokens=tokens, limits=hurried)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        transport.get("/users")
    assert time.monotonic() - began < 2
    assert not line.waited_out


@pytest.mark.parametrize(
    ("left", "total"),
    [(100.0, 8.0), (8.0, 8.0), (5.0, 5.0), (0.2, 1.0), (-3.0, 1.0)],
)
def test_a_try_is_given_no_more_than_what_is_left(left: float, total: float) -> None:
    assert PAGE_LIMITS.within(left) == Limits(connect=3.0, read=6.0, total=total, patience=8.0)


def test_a_page_waits_no_longer_than_ten_seconds_for_one_read() -> None:
    # The last try may begin at the end of the patience.
    assert PAGE_LIMITS.patience + PAGE_LIMITS.within(0).total <= 10
