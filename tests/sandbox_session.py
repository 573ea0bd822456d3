"""The sandbox behind `requests`, in process: the client's own code runs, only the socket is missing."""

import io
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from licensing_portal.sandbox import ConnectionDropped
from tests.environment import SANDBOX

type App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_current: list[App] = []


def use(app: App) -> None:
    """Put an application behind the test host."""
    _current[:] = [app]


def new_session() -> requests.Session:
    """Return a session whose test host is the present application."""
    session = requests.Session()
    session.trust_env = False
    session.mount(SANDBOX, WsgiAdapter(lambda environ, start: _current[0](environ, start)))
    return session


class WsgiAdapter(BaseAdapter):
    """Sends requests into a WSGI application."""

    def __init__(self, app: App) -> None:
        super().__init__()
        self._app = app

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """Call the application; a dropped connection is what requests makes of one."""
        answer: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]]) -> None:
            answer.update(status=int(status.split()[0]), reason=status.partition(" ")[2], headers=dict(headers))

        try:
            body = b"".join(self._app(_environ(request), start_response))
        except ConnectionDropped as dropped:
            raise requests.ConnectionError("dropped") from dropped
        raw = HTTPResponse(io.BytesIO(body), headers=answer["headers"], status=answer["status"], preload_content=False)
        response = requests.adapters.HTTPAdapter().build_response(request, raw)
        response.reason = answer["reason"]
        return response

    def close(self) -> None:
        """Nothing is open."""


def _environ(request: requests.PreparedRequest) -> dict[str, Any]:
    parts = urlsplit(request.url or "")
    body = request.body or b""
    content = body.encode() if isinstance(body, str) else bytes(body)
    return {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": unquote(parts.path, "latin-1"),
        "QUERY_STRING": parts.query,
        "CONTENT_LENGTH": str(len(content)),
        "SERVER_NAME": parts.hostname,
        "SERVER_PORT": "80",
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(content),
        "HTTP_HOST": parts.netloc,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()},
    }
