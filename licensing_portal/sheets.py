"""A table for a spreadsheet, and the same as CSV: UTF-8 with its mark, and no cell that runs as a formula."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain

from django.utils import timezone

BYTE_ORDER_MARK = "\ufeff"
# What spreadsheets take for the beginning of a formula, in full width too.
_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")

type Cell = str | int | date | datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading; `is_moment`: it holds times, of which a workbook cannot say the zone in the cell."""

    heading: str
    is_moment: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: what it is called, its columns and its rows, which are read once and bit by bit."""

    name: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Cell]]


def safe_cell(text: str) -> str:
    """Return a cell's text, with a sign before what a spreadsheet would run."""
    return f"'{text}" if _FORMULA.match(text) else text


def csv_lines(sheet: Sheet) -> Iterator[str]:
    """Yield a table as lines of CSV; times are ISO 8601 with their offset from UTC."""
    writer = csv.writer(_Line())
    yield BYTE_ORDER_MARK
    for row in chain([[column.heading for column in sheet.columns]], sheet.rows):
        # The writer returns what its file's write returns.
        yield writer.writerow([_written(cell) for cell in row])


class _Line:
    """A file that gives back what is written to it."""

    @staticmethod
    def write(text: str) -> str:
        return text


def _written(cell: Cell) -> str:
    if isinstance(cell, datetime):
        return timezone.localtime(cell).isoformat(timespec="seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    # Below zero a number begins with a sign, and is a number all the same.
    return safe_cell(cell.replace("\0", "")) if isinstance(cell, str) else "" if cell is None else str(cell)
