"""Writes the report: a table for each group and database, with a column per size, growth, floor and verdict."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.groups import GROUPS
from tests.bench.measure import Figure

_HEAD = """# Benchmarks

Written by `make bench`; do not edit. `make bench QUICK=1` measures the smaller sizes in a minute, without saving, and
prints.

{machine}

Figures are medians after a warm-up. One process measures one size on one database, over data that a first sync read
from the sandbox. Growth is from the smallest to the largest size; queries and floor are those of the largest. A row
over its budget at any size is marked **over**.

{verdict}
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What one process measured: the figures of each group by row."""

    database: str
    size: int
    versions: dict[str, str]
    figures: dict[str, dict[str, Figure]]

    @classmethod
    def of(cls, database: str, size: int, printed: dict[str, Any]) -> "Result":
        """Return what a child process has printed."""
        figures: dict[str, dict[str, Figure]] = {}
        for values in printed["figures"]:
            figure = Figure(**{name: value for name, value in values.items() if name != "group"})
            figures.setdefault(values["group"], {})[figure.row] = figure
        return cls(database, size, printed["versions"], figures)


def complaints(results: Iterable[Result]) -> list[str]:
    """Return a line for every budget that is missed."""
    return [
        f"{result.versions['database']}, {result.size:,} users, {figure.row}: {complaint}"
        for result in results
        for rows in result.figures.values()
        for figure in rows.values()
        for complaint in figure.complaints
    ]


def write(results: Sequence[Result]) -> str:
    """Return the whole report."""
    over = complaints(results)
    verdict = "\n".join(f"- **over** {line}" for line in over) or "Every row is within its budget."
    parts = [_HEAD.format(machine=_machine(results), verdict=verdict)]
    for name, group in GROUPS.items():
        tables = [
            _table(name, [result for result in results if result.database == database])
            for database in dict.fromkeys(result.database for result in results)
        ]
        if any(tables):
            parts.append("\n".join([f"## {group.title}\n", f"{group.about}\n", *tables]))
    return "\n".join(parts)


def _machine(results: Sequence[Result]) -> str:
    """Return what the figures were measured on."""
    versions = results[0].versions
    databases = " and ".join(dict.fromkeys(result.versions["database"] for result in results))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"Measured on {cores} cores with Python {versions['Python']}, Django {versions['Django']}, {databases}."


def _table(group: str, results: Sequence[Result]) -> str:
    """Return the table of one group on one database; empty when nothing was measured."""
    results = [result for result in results if group in result.figures]
    if not results:
        return ""
    sizes = [result.size for result in results]
    rows = dict.fromkeys(row for result in results for row in result.figures[group])
    lines = [
        f"### {results[0].versions['database']}\n",
        f"| Row | Unit | Budget | {' | '.join(f'{size:,}' for size in sizes)} | Growth | Queries | Floor | × floor | |",
        f"| --- | --- | ---: | {' | '.join('---:' for _ in sizes)} | ---: | ---: | ---: | ---: | --- |",
        *(_line(row, [result.figures[group].get(row) for result in results]) for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _line(row: str, figures: Sequence[Figure | None]) -> str:
    """Return one row with its figure at every size."""
    known = [figure for figure in figures if figure is not None]
    last = known[-1]
    cells = [
        row,
        last.unit,
        _budget(last),
        *(_number(figure.value if figure else None) for figure in figures),
        f"{last.value / known[0].value:.1f} ×" if len(known) > 1 and known[0].value else "",
        _queries(last),
        _floor(last),
        _number(last.times_floor),
        _verdict(known),
    ]
    return f"| {' | '.join(cells)} |"


def _budget(figure: Figure) -> str:
    """Return what is allowed: at most, or at least."""
    return f"≥ {figure.at_least:,g}" if figure.at_least is not None else _number(figure.budget)


def _queries(figure: Figure) -> str:
    if figure.queries is None:
        return ""
    return f"{figure.queries} of {figure.most_queries}" if figure.most_queries is not None else str(figure.queries)


def _floor(figure: Figure) -> str:
    """Return the floor, with the rendering beside it where that belongs to it."""
    if figure.floor is None:
        return ""
    return f"{_number(figure.floor)} + {_number(figure.rendering)}" if figure.rendering else _number(figure.floor)


def _verdict(figures: Iterable[Figure]) -> str:
    """Return "over" when a budget is missed at any size; nothing for rows without a budget."""
    if any(figure.complaints for figure in figures):
        return "**over**"
    has_budget = any(figure.budget is not None or figure.at_least is not None for figure in figures)
    return "holds" if has_budget else ""


def _number(value: float | None) -> str:
    """Return a figure with as many digits as it deserves."""
    if value is None:
        return ""
    if value >= 100 or not value:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
