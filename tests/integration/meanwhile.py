"""What another request does in the middle of ours: a step between two of our statements, on the same connection."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def meanwhile(statement: str, act: Callable[[], object], *, after: bool = False) -> Iterator[None]:
    """Let somebody else act once, right before (or after) our first statement that holds this text; it must come."""
    waiting = [act]

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        ours = waiting.pop() if waiting and statement in sql else None
        if ours and not after:
            ours()
        result = execute(sql, params, many, context)
        if ours and after:
            ours()
        return result

    with connection.execute_wrapper(look):
        yield
    assert not waiting, f"no statement holds {statement}"
