"""`manage.py demo`: everything at once on this machine: sandbox, database, first sync, web server and workers."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from licensing_portal.sandbox import PARTNER_TENANT_ID

MANAGE = Path(settings.BASE_DIR) / "manage.py"
_STARTS_WITHIN = 30.0


class Command(BaseCommand):
    """Runs the demo until Ctrl-C; its data stay in var/."""

    help = "Runs the demo: sandbox, database, first sync, web server and workers."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the ports, and whether to start over."""
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--sandbox-port", type=int, default=8400)
        parser.add_argument("--reset", action="store_true", help="throw the demo's data away and start over")

    def handle(self, *, port: int, sandbox_port: int, reset: bool, **options: Any) -> None:
        """Prepare, then serve; Ctrl-C ends all of it."""
        # A stand-in that somebody else runs takes the sandbox's place.
        own_sandbox = not settings.GATEWAY_STATIC_TOKEN
        # Before anything is thrown away: another demo may be running on these data.
        _check_free(port, "PORT")
        if own_sandbox:
            _check_free(sandbox_port, "SANDBOX_PORT")
        folder = Path(settings.VAR_DIR) / "demo"
        if reset:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        environment = _environment(folder, sandbox_port if own_sandbox else None)
        signal.signal(signal.SIGTERM, _as_interrupt)
        children: list[subprocess.Popen[bytes]] = []
        try:
            self._run(folder, environment, port, sandbox_port if own_sandbox else None, children)
        except KeyboardInterrupt:
            pass
        finally:
            for child in reversed(children):
                # Not SIGINT: what a script starts in the background ignores it.
                child.terminate()
                child.wait()

    def _run(
        self,
        folder: Path,
        environment: dict[str, str],
        port: int,
        sandbox_port: int | None,
        children: list["subprocess.Popen[bytes]"],
    ) -> None:
        """Start the parts one after another and wait for the web server to end."""
        if sandbox_port is not None:
            state = str(folder / "sandbox.json")
            command = ["sandbox", "--port", str(sandbox_port), "--state", state]
            children.append(_start(command, environment))
            _wait_for(sandbox_port, children[-1])
        for step in (["compile_messages"], ["migrate", "--verbosity", "0"], ["prepare_demo"]):
            done = subprocess.run([sys.executable, str(MANAGE), *step], env=environment, check=False)
            if done.returncode:
                raise CommandError(f"{step[0]} failed")
        children.append(_start(["serve", "--port", str(port)], environment))
        children[-1].wait()


def _environment(folder: Path, sandbox_port: int | None) -> dict[str, str]:
    """Return the settings of the demo's processes: everything on loopback, the key kept between starts."""
    key = folder / "secret_key"
    if not key.exists():
        key.write_text(secrets.token_urlsafe(48), encoding="utf-8")
        key.chmod(0o600)
    environment = {
        **os.environ,
        "DEMO": "1",
        "SECRET_KEY": key.read_text(encoding="utf-8"),
        "VAR_DIR": str(folder),
        "ENTRA_TENANT_ID": PARTNER_TENANT_ID,
        "ENTRA_CLIENT_ID": "demo",
        "ENTRA_CLIENT_SECRET": "demo",
    }
    if sandbox_port is not None:
        environment["GRAPH_BASE_URL"] = f"http://127.0.0.1:{sandbox_port}/graph/v1.0"
        environment["ENTRA_AUTHORITY"] = f"http://127.0.0.1:{sandbox_port}/entra"
    return environment


def _check_free(port: int, name: str) -> None:
    """Say which variable moves a port that somebody else uses."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CommandError(f"port {port} is in use; choose another one with {name}=…") from error


def _start(command: list[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Start a command in a group of its own, so that Ctrl-C reaches this process alone."""
    return subprocess.Popen([sys.executable, str(MANAGE), *command], env=environment, start_new_session=True)


def _wait_for(port: int, child: "subprocess.Popen[bytes]") -> None:
    """Wait until something listens."""
    ends = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < ends:
        if child.poll() is not None:
            raise CommandError("the sandbox did not start")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise CommandError("the sandbox did not answer")


def _as_interrupt(signum: int, frame: FrameType | None) -> None:
    """End on SIGTERM as on Ctrl-C."""
    raise KeyboardInterrupt
