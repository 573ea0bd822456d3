"""Loads the portal once and forks workers on demand: tests kill workers faster than Python starts.

`python -m tests.durability.nursery` reads orders from its standard input, a line of JSON each, and answers each with
a line: `{"born": {name: value}}` forks a worker with these changes to its environment → its process id;
`{"wait": pid, "within": seconds}` → the exit code of a worker that was told to end, or null when it has not ended.
"""

import json
import os
import signal
import sys
import time
from typing import Any

import django

from tests.durability import worker


def main() -> None:
    """Answer orders until there are no more; no connection or thread is opened here, so that forks are clean."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "licensing_portal.settings")
    django.setup()
    worker.load()
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)


def _answer(order: dict[str, Any]) -> int | None:
    if "wait" in order:
        return _exit_code(order["wait"], order["within"])
    pid = os.fork()
    if pid == 0:
        _live(order["born"])
    return pid


def _live(changes: dict[str, str]) -> None:
    """Be a worker: without the nursery's orders, in a session of its own."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(nothing, stream)
    os.setsid()
    os.environ.update(changes, LICENSING_PORTAL_PARENT=str(os.getppid()))
    code = 1
    try:
        worker.work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stderr.flush()
        os._exit(code)


def _exit_code(pid: int, within: float) -> int | None:
    """Wait for a child; one that a signal ended has the signal's negative number, as subprocess says it."""
    until = time.monotonic() + within
    while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0):
        if time.monotonic() > until:
            return None
        time.sleep(0.01)
    return os.waitstatus_to_exitcode(ended[1])


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main()
