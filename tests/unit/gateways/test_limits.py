"""What one exchange may cost: no redirect, no flood, no drip, nothing from the environment; partly on a real socket."""

import contextlib
import http.server
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
import requests

from licensing_portal.gateways.errors import NotSent, Unavailable, Unreadable
from licensing_portal.gateways.exchange import MAX_BODY, MAX_SMALL_BODY, Limits, exchange, new_session
from licensing_portal.gateways.transport import Transport
from licensing_portal.wiring import PAGE_LIMITS
from tests.unit.gateways.service import ROOT, TENANT, Service, Tokens


def test_a_redirect_is_not_followed(transport: Transport, service: Service) -> None:
    service.answers(status=302, Location=f"{ROOT}/users?redirected")
    answer = transport.send("GET", "/users", None)
    assert answer.status == 302
    assert len(service.calls) == 1


def test_an_error_body_beyond_five_megabytes_is_cut_off(transport: Transport, service: Service) -> None:
    service.answers(b" " * (MAX_SMALL_BODY + 1), status=400)
    with pytest.raises(Unreadable) as caught:
        transport.get("/users")
    assert caught.value.status == 400


def test_a_page_may_be_larger_than_an_error_but_not_endless(transport: Transport, service: Service) -> None:
    service.answers(b"{}" + b" " * MAX_SMALL_BODY)
    assert transport.get("/users") == {}
    service.answers(b" " * (MAX_BODY + 1))
    with pytest.raises(Unreadable):
        transport.get("/users")
    assert len(service.calls) == 2


class _Line:
    """One connection on loopback that sends some bytes, then the rest drop by drop, then nothing for a while."""

    def __init__(self, first: bytes, rest: bytes = b"", every: float = 0.0) -> None:
        self.may_end, self.waited_out, self.received = threading.Event(), False, b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(5)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/g/users"
        self._first, self._rest, self._every = first, rest, every
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except TimeoutError:
            return
        with connection, contextlib.suppress(OSError):
            self.received = connection.recv(65_536)
            connection.sendall(self._first)
            for number in range(len(self._rest)):
                if self.may_end.wait(self._every):
                    return
                connection.sendall(self._rest[number : number + 1])
            self.waited_out = not self.may_end.wait(5)

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


_HEAD = b"HTTP/1.1 200 OK\r\n"
_DRIPS = {
    "head": (_HEAD, b"X-Slow: " + b"y" * 100, 0.1),
    "status line": (b"", _HEAD * 9, 0.1),
    "body": (_LONG, b" " * 100, 0.1),
    "chunked body": (_CHUNKED + b"3e8\r\n", b" " * 100, 0.1),
    "silent head": (b"", b"", 0.0),
    "silent body": (_LONG, b"{", 0.3),
}


@pytest.mark.parametrize("line", _DRIPS.values(), indirect=True, ids=_DRIPS.keys())
def test_no_answer_outlasts_the_total_time(line: _Line) -> None:
    began = time.monotonic()
    with new_session() as session, pytest.raises(Unavailable) as caught:
        exchange(session, "GET", line.url, operation="GET /users", limits=Limits(read=3, total=0.5))
    # Without a total the quickest of them takes as long as one read may.
    assert 0.4 < time.monotonic() - began < 3
    assert caught.value.status == 0


@pytest.mark.parametrize("line", [(_LONG + b" " * 900, b" " * 99 + b"1", 0.01)], indirect=True)
def test_an_answer_that_comes_slowly_but_in_time_is_whole(line: _Line) -> None:
    with new_session() as session:
        answer = exchange(session, "GET", line.url, operation="GET /users", limits=Limits(read=1, total=9))
    assert answer.body == b" " * 999 + b"1"


class _Slow(http.server.BaseHTTPRequestHandler):
    """Answers on a connection that stays open: at once, then after a while."""

    protocol_version = "HTTP/1.1"
    connections: ClassVar[set[object]] = set()

    def do_GET(self) -> None:
        self.connections.add(self.client_address)
        if self.path == "/slow":
            time.sleep(0.4)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_the_limits_of_one_request_are_not_those_of_the_next_on_its_connection() -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Slow) as server:
        threading.Thread(target=server.serve_forever).start()
        root = f"http://127.0.0.1:{server.server_port}"
        with new_session() as session:
            exchange(session, "GET", f"{root}/quick", operation="GET", limits=Limits(read=0.2, total=0.2))
            assert exchange(session, "GET", f"{root}/slow", operation="GET", limits=Limits()).body == b"{}"
            with pytest.raises(Unavailable):
                exchange(session, "GET", f"{root}/slow", operation="GET", limits=Limits(total=0.2))
        server.shutdown()
    assert len(_Slow.connections) == 1


@pytest.mark.parametrize(
    "line", [(_LONG + b"{}",), (_CHUNKED + b"3e8\r\n{}",)], indirect=True, ids=["known", "chunked"]
)
def test_a_body_that_ends_early_is_no_answer(line: _Line) -> None:
    line.may_end.set()
    with new_session() as session, pytest.raises(Unavailable):
        exchange(session, "GET", line.url, operation="GET /users")


@pytest.mark.parametrize("line", [(_LONG.replace(b"1000", b"2") + b"{}",)], indirect=True)
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


_EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize("line", [(_EMPTY,)], indirect=True)
@pytest.mark.parametrize(
    ("query", "sent"),
    [
        # requests and urllib3 alone would write %2D, ~, %3D, %7C, A, %5B and so on.
        ("$skiptoken=a%2dB%7Ec", "$skiptoken=a%2dB%7Ec"),
        ("$skiptoken=%3d%3d", "$skiptoken=%3d%3d"),
        ("$skiptoken=a|b", "$skiptoken=a|b"),
        ("$skiptoken=%41", "$skiptoken=%41"),
        ("$skiptoken=100%", "$skiptoken=100%"),
        ('$skiptoken=a[1]{2}^`"<>\\', '$skiptoken=a[1]{2}^`"<>\\'),
        (
            "$filter=startswith(displayName,'%C3%A9')&$skiptoken=x'y",
            "$filter=startswith(displayName,'%C3%A9')&$skiptoken=x'y",
        ),
        # What no request line can hold.
        ("$skiptoken=a b", "$skiptoken=a%20b"),
        ("$skiptoken=é", "$skiptoken=%C3%A9"),
    ],
)
def test_a_link_is_sent_byte_for_byte(line: _Line, tokens: Tokens, query: str, sent: str) -> None:
    transport = Transport(base_url=line.url.removesuffix("/users"), tenant_id=TENANT, tokens=tokens)
    transport.get(f"{line.url}?{query}")
    assert line.received.partition(b"\r\n")[0] == f"GET /g/users?{sent} HTTP/1.1".encode()
    assert f"\r\nHost: {line.url.split('/')[2]}\r\n".encode() in line.received


@pytest.mark.parametrize(
    "line",
    [(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 3\r\n\r\nabc",)],
    indirect=True,
    ids=["302"],
)
def test_the_body_of_a_redirect_is_left_to_our_limits(line: _Line) -> None:
    with new_session() as session:
        answer = exchange(session, "GET", line.url, operation="GET /users")
    # requests would have read it before, all of it.
    assert (answer.status, answer.body) == (302, b"abc")


def test_a_session_sends_each_request_once() -> None:
    with new_session() as session:
        for address in ("https://graph.microsoft.com/", "http://127.0.0.1/"):
            adapter = session.get_adapter(address)
            assert isinstance(adapter, requests.adapters.HTTPAdapter)
            assert adapter.max_retries.total == 0


def test_a_request_without_a_connection_has_not_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with new_session() as session, pytest.raises(NotSent):
        exchange(session, "GET", f"http://127.0.0.1:{port}/g", operation="GET /g")


def test_a_connection_that_takes_too_long_was_never_made() -> None:
    with contextlib.ExitStack() as crowd:
        full = crowd.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        # Nobody accepts: those who come first fill the queue.
        for _ in range(3):
            waiting = crowd.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        with new_session() as session, pytest.raises(NotSent):
            url = f"http://127.0.0.1:{full.getsockname()[1]}/g"
            exchange(session, "GET", url, operation="GET /g", limits=Limits(connect=0.3))


@pytest.mark.parametrize("line", [(b"",), (_LONG + b"{",)], indirect=True, ids=["no head", "half a body"])
def test_a_request_that_left_may_have_been_done(line: _Line) -> None:
    line.may_end.set()
    with new_session() as session, pytest.raises(Unavailable) as caught:
        exchange(session, "POST", line.url, operation="POST /g", json={})
    assert not isinstance(caught.value, NotSent)


@pytest.mark.parametrize("line", [(b"",)], indirect=True)
def test_a_read_of_a_silent_service_ends_with_its_patience(line: _Line, tokens: Tokens) -> None:
    hurried = Limits(connect=0.1, read=9.0, total=0.2, patience=0.2)
    transport = Transport(base_url=line.url, tenant_id=TENANT, tokens=tokens, limits=hurried)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        transport.get("/users")
    # Not as long as one read may take.
    assert time.monotonic() - began < 9
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
