"""A real `manage.py db_worker`, in a process that a test may have prepared to be unlucky, slow to wait or wrong.

The nursery (nursery.py) has loaded the portal and forks it. The environment says what is different from
`manage.py db_worker`:

DURABILITY_LEASE  seconds of a lease (the product's own: 90)
DURABILITY_BLIND  1: a wrong worker, which sends again without looking; the tests must find it out
DURABILITY_STOP   claim or call: stop like a frozen machine, once, right after a claim or with an answer on its way
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.core.management import call_command


def load() -> None:
    """Import what a worker needs, so that its start is quick."""
    from licenses.services import run  # noqa: F401
    from licensing_portal import wiring  # noqa: F401
    from licensing_portal.management.commands import db_worker  # noqa: F401


def work() -> None:
    """Prepare, then work until a signal."""
    _shorten_lease()
    if os.environ.get("DURABILITY_BLIND") == "1":
        go_blind()
    if moment := os.environ.get("DURABILITY_STOP"):
        _stop_once(moment)
    call_command("db_worker")


def _shorten_lease() -> None:
    """Let leases end sooner than in the product, where a test would wait for 90 s."""
    from licenses.services import claims

    if seconds := os.environ.get("DURABILITY_LEASE"):
        assert timedelta(0) < claims.LEASE
        claims.LEASE = timedelta(seconds=float(seconds))


def go_blind(replace: Callable[[Any, str, Callable[..., None]], None] = setattr) -> None:
    """Take every unclear user for untouched, and every refusal for the truth."""
    from licenses.services import send

    def believe_untouched(rows: Sequence[Any], gateway: object, *rest: object) -> None:
        for row in rows:
            row.uncertain = False

    def believe_refused(refused: Sequence[tuple[Any, Any]], gateway: object, *rest: object) -> None:
        for row, failure in refused:
            send._refused(row, failure)

    for name, wrong in (("_resolve", believe_untouched), ("_look_before_failing", believe_refused)):
        # A renamed function must not make the wrong worker right.
        assert callable(getattr(send, name))
        replace(send, name, wrong)


def _stop_once(moment: str) -> None:
    """Stop this process at the first claim's end, or at the first write's answer, until somebody continues it."""
    from licenses.services import run
    from licensing_portal.management.commands import db_worker

    assert moment in ("claim", "call")
    # No heartbeat but the first: a machine that stops in a transaction of SQLite would stop all others too.
    db_worker.BEAT_SECONDS = 3600.0
    name = "claim" if moment == "claim" else "process"
    original = getattr(run, name)
    stopped: list[bool] = []

    def stopping(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if result != [] and not stopped:
            stopped.append(True)
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGSTOP)
        return result

    setattr(run, name, stopping)
