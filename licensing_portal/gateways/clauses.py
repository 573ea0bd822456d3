"""Parts of OData queries: lists of values within Graph's limits (graph-api.md 2.1)."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

# Graph's own limit for the values of one `in` or `or`.
IDS_A_CLAUSE: Final = 15
# Needed by queries that count or search; it must go with every page.
ADVANCED: Final = {"ConsistencyLevel": "eventual"}


def text(value: str) -> str:
    """Return a value as OData quotes it: quotes inside are doubled."""
    return "'" + value.replace("'", "''") + "'"


def is_one_of(name: str, values: Sequence[str]) -> str:
    """Return the condition, ready for an address, that a property is one of at most 15 values."""
    return quote(f"{name} in ({','.join(map(text, values))})", safe="'(),")


def has_one_of(name: str, values: Sequence[str]) -> str:
    """Return the condition, ready for an address, that a property of many values has one of at most 15."""
    return quote(" or ".join(f"{name}/any(p:p eq {text(value)})" for value in values), safe="'(),:/")
