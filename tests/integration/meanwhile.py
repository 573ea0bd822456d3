"""What another request does in the middle of ours: a step between two of our statements, on the same connection."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def meanwhile(statement: str, act: Callable[[], object]) -> Iterator[None]:
    """Let somebody else act once, right before our first statement that holds this text; it must come."""
    waiting = [act]

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if waiting and statement in sql:
            waiting.pop()()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield
    assert not waiting, f"no statement holds {statement}"
