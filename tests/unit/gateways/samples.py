"""The recorded and hand-made answers in tests/samples/graph, written from the documented examples."""

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[2] / "samples" / "graph"


def raw(name: str) -> bytes:
    """Return a sample's bytes."""
    return (_FOLDER / name).read_bytes()


def data(name: str) -> Any:
    """Return a sample's JSON."""
    return json.loads(raw(name).decode("utf-8-sig"))


def values(name: str) -> list[Any]:
    """Return the list of a sample page."""
    listed: list[Any] = data(name)["value"]
    return listed
