"""Writes a table as an Excel workbook, row by row: text stays text, whatever it looks like."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime
from itertools import chain, islice
from typing import IO, Any
from unicodedata import east_asian_width

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

# Excel's own limits: rows of a sheet, UTF-16 units of a cell, letters of a sheet's name.
ROWS_OF_A_SHEET = 1_048_576
_LONGEST_TEXT = 32_767
_LONGEST_NAME = 31
_NOT_IN_A_NAME = re.compile(r"[\\/*?:\[\]']")
# What XML has no way to write.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# What would become a formula or an error by being looked at, or once somebody has edited the cell.
_LOOKS_ALIVE = re.compile(r"[=+\-@#\t\r\n＝＋－＠]")
_MOMENT, _DAY = "yyyy-mm-dd hh:mm", "yyyy-mm-dd"
# The first rows tell how wide the columns are.
_MEASURED = 200
_NARROWEST, _WIDEST = 8, 60


def write_workbook(
    file: IO[bytes], name: str, headings: Sequence[str], rows: Iterable[Iterable[Any]], *, most: int = ROWS_OF_A_SHEET
) -> None:
    """Write rows of text, whole numbers, days and local times; after `most` rows another sheet goes on."""
    book = Workbook(write_only=True)
    remaining = ([_plain(cell) for cell in row] for row in rows)
    number = 1
    try:
        while True:
            first = list(islice(remaining, min(_MEASURED, most - 1)))
            if number > 1 and not first:
                break
            rest = islice(remaining, most - 1 - len(first))
            _write_sheet(book, _title(name, number), headings, first, rest)
            number += 1
        book.save(file)
    except BaseException:
        _throw_away(book)
        raise


def _write_sheet(
    book: Workbook, title: str, headings: Sequence[str], first: list[list[Any]], rest: Iterator[list[Any]]
) -> None:
    """Write one sheet: a heading that stays in sight and filters, columns as wide as what is in them."""
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for place, width in enumerate(_widths(headings, first), start=1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    sheet.append([_heading(sheet, text) for text in headings])
    written = 1
    for row in chain(first, rest):
        sheet.append([_cell(sheet, value) for value in row])
        written += 1
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(headings))}{written}"
    # Closed by hand, for the next one would otherwise be begun while this one still holds its writer.
    sheet.close()


def _title(name: str, number: int) -> str:
    """Return a sheet's name as Excel takes it."""
    end = f" {number}" if number > 1 else ""
    return _NOT_IN_A_NAME.sub(" ", name)[: _LONGEST_NAME - len(end)].strip() + end


def _heading(sheet: Any, text: str) -> WriteOnlyCell:
    cell = _text(sheet, text)
    cell.font = Font(bold=True)
    cell.alignment = Alignment(vertical="top")
    return cell


def _cell(sheet: Any, value: Any) -> Any:
    """Return what openpyxl writes as we mean it: a plain value, or a cell whose kind is set."""
    if isinstance(value, str):
        return _text(sheet, value) if _LOOKS_ALIVE.match(value) else value or None
    if isinstance(value, date):
        cell = WriteOnlyCell(sheet, value=value)
        cell.number_format = _MOMENT if isinstance(value, datetime) else _DAY
        return cell
    return value


def _text(sheet: Any, text: str) -> WriteOnlyCell:
    """Return a cell that holds text, and still does when somebody edits it."""
    cell = WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"
    cell.quotePrefix = bool(_LOOKS_ALIVE.match(text))
    return cell


def _plain(value: Any) -> Any:
    """Return a value that a workbook can hold: no letters that XML lacks, no longer text than a cell takes."""
    if not isinstance(value, str):
        return value
    text = _ILLEGAL.sub("", value)
    if len(text) <= _LONGEST_TEXT // 2:
        return text
    return text.encode("utf-16-le")[: _LONGEST_TEXT * 2].decode("utf-16-le", "ignore")


def _widths(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[int]:
    """Return how many letters wide each column is; a Japanese one counts as two."""
    # The button of the filter stands beside the heading.
    widest = [_letters(text) + 3 for text in headings]
    for row in rows:
        widest = [max(width, _letters(_shown(value)) + 1) for width, value in zip(widest, row, strict=True)]
    return [min(max(width, _NARROWEST), _WIDEST) for width in widest]


def _shown(value: Any) -> str:
    if isinstance(value, date):
        return _MOMENT if isinstance(value, datetime) else _DAY
    return "" if value is None else str(value)


def _letters(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WFA" else 1 for letter in text[:_WIDEST])


def _throw_away(book: Workbook) -> None:
    """Remove the files of a workbook that came to nothing: they hold what was written so far."""
    for sheet in book.worksheets:
        with suppress(Exception):
            if not sheet.closed:
                sheet.close()
        if sheet._writer is not None:
            with suppress(FileNotFoundError):
                sheet._writer.cleanup()
