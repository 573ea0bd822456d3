"""Connections that end an answer at its time and send an address as it is: what requests and urllib3 do not offer.

urllib3's read timeout is for one silence: a server that sends a byte now and then keeps a reader for ever, in the head
as well as in the body.
"""

import io
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


@dataclass(frozen=True, slots=True)
class Call:
    """What a connection must know of the request that it carries: no read after `ends_at` of `clock`.

    `target` is path and query as they shall stand in the request.
    """

    target: str
    ends_at: float
    silence: float
    clock: Callable[[], float]

    def next_timeout(self) -> float:
        """Return how long the next read may wait, in seconds; raises TimeoutError when the time is up."""
        left = self.ends_at - self.clock()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        return min(left, self.silence)


_call: ContextVar[Call | None] = ContextVar("call", default=None)


@contextmanager
def carrying(call: Call) -> Iterator[None]:
    """Let the connections of this thread carry a request within its limits."""
    token = _call.set(call)
    try:
        yield
    finally:
        _call.reset(token)


class _TimedReader(io.RawIOBase):
    """Reads from a connection's socket; each read waits only as long as the whole answer may still take."""

    def __init__(self, raw: io.RawIOBase, connected: socket.socket, call: Call) -> None:
        self._raw, self._socket, self._call = raw, connected, call

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(self._call.next_timeout())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        if (call := _call.get()) is not None:
            self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock, call))


class _Exact(HTTPConnection):
    """Asks for the target as it was given: requests and urllib3 write %2d, %7E and | in a spelling of their own."""

    response_class = _TimedResponse

    def putrequest(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        call = _call.get()
        super().putrequest(method, call.target if call is not None else url, *args, **kwargs)


class _ExactSecure(_Exact, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Exact


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _ExactSecure


class TimedAdapter(HTTPAdapter):
    """Sends each request once, over connections that keep to the limits of `carrying`."""

    def __init__(self) -> None:
        super().__init__(pool_connections=4, pool_maxsize=16, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pool manager as requests does, with connections of ours."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
