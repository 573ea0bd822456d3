"""Serves the sandbox on 127.0.0.1 over HTTP/1.1 with keep-alive, a thread a connection."""

import io
import socket
import socketserver
import struct
import threading
from typing import Any
from urllib.parse import unquote

from licensing_portal.sandbox.http import ConnectionDropped

_MAX_LINE = 65_536
_MAX_BODY = 64 * 1024 * 1024


class _Handler(socketserver.StreamRequestHandler):
    """One connection; header parsing is as short as it can be, for a benchmark must not measure it."""

    disable_nagle_algorithm = True
    rbufsize = 65_536
    wbufsize = 0
    server: "SandboxServer"

    def handle(self) -> None:
        try:
            while self._one():
                pass
        except (ConnectionError, TimeoutError, ValueError):
            pass

    def _one(self) -> bool:
        """Answer one request; False ends the connection."""
        line = self.rfile.readline(_MAX_LINE)
        if not line.strip():
            return bool(line)
        method, target, version = line.decode("latin-1").split(maxsplit=2)
        headers = self._headers()
        if headers.get("expect", "").casefold() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._body(headers)
        keep = headers.get("connection", "").casefold() != "close" and "1.1" in version
        try:
            self._answer(method, target, headers, body, keep)
        except ConnectionDropped as dropped:
            self._drop(dropped)
            return False
        return keep

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        while (line := self.rfile.readline(_MAX_LINE)) not in (b"\r\n", b"\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().casefold()] = value.strip()
        return headers

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").casefold() == "chunked":
            return self._chunks()
        length = int(headers.get("content-length") or 0)
        if length > _MAX_BODY:
            raise ValueError("body too large")
        return self.rfile.read(length) if length else b""

    def _chunks(self) -> bytes:
        pieces: list[bytes] = []
        while size := int(self.rfile.readline(_MAX_LINE).split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline(_MAX_LINE)
        while self.rfile.readline(_MAX_LINE) not in (b"\r\n", b"\n", b""):
            pass
        return b"".join(pieces)

    def _answer(self, method: str, target: str, headers: dict[str, str], body: bytes, keep: bool) -> None:
        path, _, query = target.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.server.port),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
        }
        environ.update((f"HTTP_{name.upper().replace('-', '_')}", value) for name, value in headers.items())
        head: list[str] = []

        def start_response(status: str, pairs: list[tuple[str, str]]) -> None:
            head.append(f"HTTP/1.1 {status}\r\n")
            head.extend(f"{name}: {value}\r\n" for name, value in pairs)
            head.append(f"Connection: {'keep-alive' if keep else 'close'}\r\n\r\n")

        content = b"".join(self.server.app(environ, start_response))
        self.wfile.write("".join(head).encode("latin-1") + content)

    def _drop(self, dropped: ConnectionDropped) -> None:
        """Reset the connection, or send the head and a part of the body and then close it."""
        if dropped.sent is None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(dropped.sent) * 2}\r\n\r\n"
        self.wfile.write(head.encode() + dropped.sent)


class SandboxServer(socketserver.ThreadingTCPServer):
    """A running sandbox."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, app: Any, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.app = app
        self.port: int = self.server_address[1]

    def close(self) -> None:
        """Stop serving and free the port."""
        self.shutdown()
        self.server_close()


def serve(app: Any, port: int = 0) -> SandboxServer:
    """Serve in a background thread; port 0 takes any free one."""
    server = SandboxServer(app, port)
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    return server
