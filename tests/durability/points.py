"""The points of a run at which something may go wrong, every call and every commit; and what goes wrong there."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection

from licensing_portal.sandbox.http import Reply, Request
from tests.durability.watched import WatchedSandbox

_SAVEPOINT = re.compile(r'(RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT) ("?[\w]+"?)')
_WRITE = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM) \"?(\w+)")

# Far more than any run has.
_MOST_POINTS = 3_000


class Killed(BaseException):
    """The worker dies here: no `except Exception` of the product sees it, and nothing after this point happens."""


# What may become of a call, besides the death of the worker: a rule for sandbox.faults, or what is done to the answer.
type Answer = Mapping[str, Any] | Callable[[Reply], None]
type Blow = str


def _lose_a_part(reply: Reply) -> None:
    """Leave the answer to one of the requests out."""
    if _is_batch(reply):
        reply.data["responses"].pop(0)


def _double_a_part(reply: Reply) -> None:
    """Answer one of the requests twice, differently."""
    if _is_batch(reply):
        reply.data["responses"].append({**reply.data["responses"][0], "status": 400, "body": {"error": {}}})


def _rename_a_part(reply: Reply) -> None:
    """Answer a request that nobody has made instead of one."""
    if _is_batch(reply):
        reply.data["responses"][0]["id"] = "99"


def _overlook_a_part(request: Request) -> None:
    """Take the first request out of a batch that holds more."""
    body = request.json()
    if isinstance(body, dict) and len(body.get("requests", ())) > 1:
        request.body = json.dumps({"requests": body["requests"][1:]}).encode()


def _is_batch(reply: Reply) -> bool:
    return isinstance(reply.data, dict) and bool(reply.data.get("responses"))


ANSWERS: dict[Blow, Answer] = {
    "429": {"status": 429},
    "429 with Retry-After": {"status": 429, "headers": {"Retry-After": "7"}},
    "500 after": {"status": 500, "after_commit": True},
    "503": {"status": 503},
    "503 with Retry-After": {"status": 503, "headers": {"Retry-After": "7"}},
    "504 before": {"status": 504},
    "504 after": {"status": 504, "after_commit": True},
    "reset before": {"reset": "before"},
    "reset after": {"reset": "after"},
    "cut": {"truncate": True},
    "HTML": {"body": "<html>busy</html>", "after_commit": True},
    "empty 200": {"body": "", "after_commit": True},
    "a list": {"body": [], "after_commit": True},
    "token refused": {"status": 401},
    "a part is missing": _lose_a_part,
    "a part is doubled": _double_a_part,
    "an unknown part": _rename_a_part,
}
# Microsoft does not see one of the requests of a batch, so that it is neither done nor answered.
OVERLOOKED = "a part is overlooked"
KILLED_BEFORE, KILLED_AFTER = "killed before", "killed after"
# The database is away before the commit, or with the news that it was made.
LOST_BEFORE, LOST_AFTER = "database lost before", "database lost after"
AT_CALLS: tuple[Blow, ...] = (*ANSWERS, OVERLOOKED, KILLED_BEFORE, KILLED_AFTER)
AT_COMMITS: tuple[Blow, ...] = (KILLED_BEFORE, KILLED_AFTER, LOST_BEFORE, LOST_AFTER)
# What an answer without parts cannot suffer, and what is a refusal of the whole partner at the sign-in service.
_NOT_OF_TOKENS = ("token refused", OVERLOOKED, *(blow for blow, answer in ANSWERS.items() if callable(answer)))


def blows_for(name: str) -> tuple[Blow, ...]:
    """Return what may happen at a point."""
    if not name.startswith("call"):
        return AT_COMMITS
    return tuple(blow for blow in AT_CALLS if not ("token" in name and blow in _NOT_OF_TOKENS))


class Points:
    """Counts the points of a run and strikes where it is told to: nothing of the product is replaced.

    The tests' own transaction stays open. So what is a commit in the product is here the release of an outermost
    savepoint, or a statement that writes while no savepoint is open.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        # Asked at every point by its number (from 0) and name.
        self.blow_at: Callable[[int, str], Blow | None] = lambda number, name: None
        self._is_resting = False
        # Savepoints that are gone, though Django believes that they are there.
        self._gone: set[str] = set()
        self._undone: set[str] = set()
        # Tables that were written since the last commit.
        self._written: dict[str, None] = {}

    def begin(self, blow_at: Callable[[int, str], Blow | None]) -> None:
        """Count anew."""
        self.seen, self.blow_at = [], blow_at
        self._gone, self._undone, self._written = set(), set(), {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count the commits of this connection."""
        with connection.execute_wrapper(self._statement):
            yield

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Let the test itself use the database without being counted."""
        before, self._is_resting = self._is_resting, True
        try:
            yield
        finally:
            self._is_resting = before

    def reached(self, name: str) -> Blow | None:
        """Note a point; return what happens there."""
        if self._is_resting:
            return None
        self.seen.append(name)
        # What never ends must fail instead of going on.
        assert len(self.seen) < _MOST_POINTS, "the run does not end"
        return self.blow_at(len(self.seen) - 1, name)

    def _statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """See a statement on its way to the database."""
        found = _SAVEPOINT.match(sql)
        if found is not None and found[2] in self._gone:
            return None
        if found is not None and found[1].startswith("ROLLBACK"):
            self._undone.add(found[2])
        name = self._commit_of(sql, found)
        blow = self.reached(name) if name else None
        if blow in (KILLED_BEFORE, LOST_BEFORE):
            if found is not None and blow == KILLED_BEFORE:
                # What a broken connection does by itself: `atomic` undoes for database errors alone.
                execute(f"ROLLBACK TO SAVEPOINT {found[2]}", params, many, context)
            raise Killed(name) if blow == KILLED_BEFORE else OperationalError("server closed the connection")
        result = execute(sql, params, many, context)
        if blow == KILLED_AFTER:
            raise Killed(name)
        if blow == LOST_AFTER:
            if found is not None:
                self._gone.add(found[2])
            raise OperationalError("server closed the connection")
        return result

    def _commit_of(self, sql: str, savepoint: re.Match[str] | None) -> str:
        """Return the name of the commit that a statement is here; empty when it is none, or one of nothing."""
        written = _WRITE.match(sql)
        if written is not None and not self._is_resting:
            self._written[written[1]] = None
        if connection.savepoint_ids or not self._written or (savepoint is None and written is None):
            return ""
        tables = ", ".join(self._written)
        self._written.clear()
        is_undone = savepoint is not None and (savepoint[1].startswith("ROLLBACK") or savepoint[2] in self._undone)
        return "" if is_undone else f"commit of {tables}"


class StruckSandbox(WatchedSandbox):
    """A watched sandbox whose calls are points of a run."""

    points: Points | None = None

    def handle(self, request: Request) -> Reply:
        """Answer, badly where the points say so."""
        blow = self.points.reached(f"call {request.method} {request.path}") if self.points is not None else None
        if blow == KILLED_BEFORE:
            raise Killed(request.path)
        if blow == OVERLOOKED:
            _overlook_a_part(request)
        answer = ANSWERS.get(blow) if blow is not None else None
        if isinstance(answer, Mapping):
            self.faults.add({"match": f"{request.method} {request.path}", **answer})
        reply = super().handle(request)
        if blow == KILLED_AFTER:
            raise Killed(request.path)
        if callable(answer):
            answer(reply)
        return reply
