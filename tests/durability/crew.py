"""Worker processes that a test starts, kills, freezes and starts again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

BASE = Path(__file__).resolve().parent.parent.parent
COMMAND = [sys.executable, "-m", "tests.durability.worker"]


class Worker:
    """One child process."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            COMMAND,
            cwd=BASE,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C is meant for the tests, which then end their workers.
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def begin(self) -> None:
        """Let a loaded worker work."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n", "the worker did not load"
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """End it as a machine ends whose cable is pulled."""
        self._signal(signal.SIGKILL)
        self.process.wait(10)
        self._close()

    def end(self, within: float = 30) -> int:
        """Ask it to end, and return its exit code."""
        self._signal(signal.SIGTERM)
        code = self.process.wait(within)
        self._close()
        return code

    def freeze(self) -> None:
        """Stop it where it is."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    @property
    def is_frozen(self) -> bool:
        """Whether the process is stopped (state T of Linux)."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def _signal(self, number: int) -> None:
        if self.process.poll() is None:
            os.kill(self.pid, number)

    def _close(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


class Crew:
    """Workers at work, with loaded ones that wait to take a dead one's place."""

    def __init__(self, environment: dict[str, str], *, spares: int = 0) -> None:
        self._environment = environment
        self._spares = [Worker(environment) for _ in range(spares)]
        self.workers: list[Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in (*self.workers, *self._spares):
            worker.kill()

    def add(self, **changes: str) -> Worker:
        """Put one more worker to work; one that is different comes without a spare."""
        if self._spares and not changes:
            worker = self._spares.pop(0)
            self._spares.append(Worker(self._environment))
        else:
            worker = Worker({**self._environment, **changes})
        worker.begin()
        self.workers.append(worker)
        return worker

    def replace(self, worker: Worker) -> Worker:
        """Kill a worker and put another one in its place."""
        worker.kill()
        self.workers.remove(worker)
        return self.add()


def wait_until(condition: Callable[[], bool], within: float, what: str) -> float:
    """Wait until something holds and return how long that took; fails with `what` after `within` seconds."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < within, f"{what}: not within {within:g} s"
        time.sleep(0.01)
    return time.monotonic() - start
