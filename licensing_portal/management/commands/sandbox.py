"""`manage.py sandbox`: serves the local stand-in for Microsoft on 127.0.0.1."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from licensing_portal.sandbox import Sandbox, SandboxOptions, SandboxServer


class Command(BaseCommand):
    """Serves Graph, Entra ID's token endpoint and the control room until a signal."""

    help = "Serves a local stand-in for Microsoft Graph and Entra ID."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the options of the design's section 8."""
        parser.add_argument("--port", type=int, default=8400)
        parser.add_argument("--customers", type=int, default=25)
        parser.add_argument("--users", type=int, default=None)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--latency-ms", type=float, default=0)
        parser.add_argument("--writes-per-second", type=float, default=20)
        parser.add_argument("--write-burst", type=int, default=300)
        parser.add_argument("--state", default=None, metavar="FILE")

    def handle(self, **options: Any) -> None:
        """Serve until SIGINT or SIGTERM, then write the state file."""
        sandbox = Sandbox(
            SandboxOptions(
                customers=options["customers"],
                users=options["users"],
                seed=options["seed"],
                latency_ms=options["latency_ms"],
                writes_per_second=options["writes_per_second"],
                write_burst=options["write_burst"],
                state_file=options["state"],
            )
        )
        try:
            server = SandboxServer(sandbox, options["port"])
        except OSError as error:
            raise CommandError(f"port {options['port']} cannot be used: {error.strerror}") from error
        ended = threading.Event()
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, lambda *_: ended.set())
        threading.Thread(target=server.serve_forever, args=(0.2,), daemon=True).start()
        self.stdout.write(f"Sandbox: http://127.0.0.1:{server.port}/graph/v1.0 (control: /_control/tenants)")
        self.stdout.flush()
        ended.wait()
        server.close()
        sandbox.save_now()
