"""Reads the files that the portal answers, as a spreadsheet would."""

import csv
import io
import re
from datetime import datetime, time, timedelta
from typing import Any

from django.test import Client
from openpyxl import load_workbook

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:]{8}\+09:00")
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def csv_table(client: Client, address: str, **headers: str) -> list[list[str]]:
    """Return a CSV's heading and rows."""
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="')
    text = b"".join(answer).decode()  # type: ignore[call-overload]
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def xlsx_table(client: Client, address: str, **headers: str) -> list[list[Any]]:
    """Return a workbook's heading and rows; no cell of it is a formula."""
    answer = client.get(address + ("&" if "?" in address else "?") + "format=xlsx", headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (200, EXCEL)
    assert ".xlsx" in answer["Content-Disposition"]
    file = io.BytesIO(b"".join(answer))  # type: ignore[call-overload]
    rows = list(load_workbook(file).worksheets[0].iter_rows())
    assert {cell.data_type for row in rows for cell in row} <= {"s", "n", "d"}
    return [[cell.value for cell in row] for row in rows]


def records(table: list[list[Any]]) -> list[dict[str, Any]]:
    """Return the rows by heading."""
    heading, *rows = table
    return [dict(zip(heading, row, strict=True)) for row in rows]


def assert_same_table(as_csv: list[list[str]], as_xlsx: list[list[Any]]) -> None:
    """Check that both formats tell the same, each in its own way: times with offset, or local under their zone."""
    assert [str(cell).removesuffix(" (JST)") for cell in as_xlsx[0]] == as_csv[0]
    assert [[_told(cell) for cell in row] for row in as_xlsx[1:]] == [
        [_told(cell) for cell in row] for row in as_csv[1:]
    ]


def _told(cell: Any) -> str:
    if isinstance(cell, datetime):
        # Excel's numbers are a hair beside the second.
        at = (cell + timedelta(milliseconds=500)).replace(microsecond=0)
        return at.date().isoformat() if at.time() == time.min else at.isoformat()
    # XML knows one kind of line break; CSV alone needs a sign before what would run.
    text = "" if cell is None else str(cell).removeprefix("'").replace("\r\n", "\n")
    return text.removesuffix("+09:00") if _MOMENT.fullmatch(text) else text
