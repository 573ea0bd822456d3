"""`manage.py serve`: the web server, with the workers as child processes that are started again when they die."""

import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import waitress
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from licensing_portal.environment import LOOPBACK_HOSTS
from licensing_portal.management.commands.db_worker import PARENT
from licensing_portal.wsgi import application

logger = logging.getLogger(__name__)

MANAGE = Path(settings.BASE_DIR) / "manage.py"
# A chunk under way may take a minute at Microsoft (its total time limit).
_WORKER_ENDS_WITHIN = 65


class Workers:
    """The child processes that do the background work."""

    def __init__(self, number: int) -> None:
        self._stopping = threading.Event()
        self._children = [self._start() for _ in range(number)]
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask every worker to end, and wait until it has recorded what it was doing."""
        self._stopping.set()
        self._thread.join()
        for child in self._children:
            child.terminate()
        for child in self._children:
            try:
                child.wait(_WORKER_ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                child.kill()

    def _start(self) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, PARENT: str(os.getpid())}
        # A group of its own: Ctrl-C reaches the server alone, which then ends the workers in order.
        return subprocess.Popen([sys.executable, str(MANAGE), "db_worker"], env=environment, start_new_session=True)

    def _watch(self) -> None:
        """Start a worker again that has died."""
        while not self._stopping.wait(1.0):
            for number, child in enumerate(self._children):
                if child.poll() is not None:
                    logger.warning("worker %d ended with %s; starting it again", child.pid, child.returncode)
                    self._children[number] = self._start()


class Command(BaseCommand):
    """Serves the console and does its background work until Ctrl-C or SIGTERM."""

    help = "Serves the console with its workers."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the address and the number of processes."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--threads", type=int, default=8)
        parser.add_argument("--workers", type=int, default=2, help="background processes; 0 when they run elsewhere")

    def handle(self, *, host: str, port: int, threads: int, workers: int, **options: Any) -> None:
        """Run until a signal."""
        if settings.DEMO and host not in LOOPBACK_HOSTS:
            raise CommandError("The demo signs anybody in: it is served on this machine only, not on " + host)
        signal.signal(signal.SIGTERM, _as_interrupt)
        server = waitress.create_server(application, host=host, port=port, threads=threads, ident=None)
        children = Workers(workers)
        self.stdout.write(f"Licensing portal: http://{host}:{port}/")
        self.stdout.flush()
        try:
            server.run()
        except KeyboardInterrupt:
            pass
        finally:
            server.close()
            children.stop()


def _as_interrupt(signum: int, frame: FrameType | None) -> None:
    """End on SIGTERM as on Ctrl-C."""
    raise KeyboardInterrupt
