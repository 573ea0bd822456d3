"""Worker processes that a test starts, kills, freezes and starts again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

BASE = Path(__file__).resolve().parent.parent.parent
COMMAND = [sys.executable, "-m", "tests.durability.nursery"]


class Worker:
    """One process that works."""

    def __init__(self, pid: int, nursery: "Nursery") -> None:
        self.pid = pid
        self._nursery = nursery
        self._is_over = False

    def kill(self) -> None:
        """End it as a machine ends whose cable is pulled."""
        self._signal(signal.SIGKILL)
        self.wait(10)

    def ask_to_end(self) -> None:
        """Send it what a system that shuts down sends."""
        self._signal(signal.SIGTERM)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    @property
    def is_frozen(self) -> bool:
        """Whether the process is stopped (state T of Linux)."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def _signal(self, number: int) -> None:
        if not self._is_over:
            os.kill(self.pid, number)

    def wait(self, within: float = 30) -> int:
        """Wait until it has ended, and return its exit code."""
        if self._is_over:
            return 0
        code = self._nursery.ask({"wait": self.pid, "within": within})
        assert code is not None, f"worker {self.pid} did not end within {within:g} s"
        self._is_over = True
        return int(code)


class Nursery:
    """The process whose children the workers are."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            COMMAND,
            cwd=BASE,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C is meant for the tests, which then end their workers.
            start_new_session=True,
        )

    def ask(self, question: Mapping[str, Any]) -> Any:
        """Give an order and return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the nursery has ended"
        return json.loads(answer)

    def close(self) -> None:
        """End the nursery: its orders end."""
        self._process.communicate(timeout=10)


class Crew:
    """Workers at work."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._nursery = Nursery(environment)
        self.workers: list[Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.kill()
        self._nursery.close()

    def add(self, **changes: str) -> Worker:
        """Put one more worker to work; `changes` are what its environment says otherwise (see worker.py)."""
        worker = Worker(self._nursery.ask({"born": changes}), self._nursery)
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
