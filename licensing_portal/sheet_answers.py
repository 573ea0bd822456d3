"""Answers with a table as a file: CSV that is sent while it is read, or an Excel workbook."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from itertools import batched
from tempfile import TemporaryFile
from urllib.parse import quote

from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone, translation
from django.utils.text import get_valid_filename
from django.utils.translation import gettext as _

from licensing_portal.errors import refused
from licensing_portal.sheets import Cell, Column, Sheet, csv_lines
from licensing_portal.workbooks import write_workbook

# Lines sent at once: few enough that the first ones come soon.
_LINES = 100
# A file's name is at most 255 bytes long in most places: Japanese letters are three.
_LONGEST_NAME = 60


class Format(StrEnum):
    """Which file is asked for by `?format=`."""

    CSV = "csv"
    XLSX = "xlsx"


def sheet_answer(request: HttpRequest, sheet: Sheet, name: str) -> HttpResponseBase:
    """Answer with a table as a file of this name, in the format that `?format=` asks for; CSV is the usual one."""
    asked = request.GET.get("format", Format.CSV)
    if asked == Format.XLSX:
        answer: HttpResponseBase = _workbook(sheet)
    elif asked == Format.CSV:
        answer = _streamed(sheet)
    else:
        return refused(request, _('The format "%(format)s" is not known; "csv" and "xlsx" are.') % {"format": asked})
    answer["Content-Disposition"] = _disposition(name, asked)
    return answer


def _streamed(sheet: Sheet) -> StreamingHttpResponse:
    """Return the table as CSV that is read while it is sent, in the reader's language."""
    language = translation.get_language() or "en"

    def lines() -> Iterator[str]:
        # It runs after the view has returned.
        with translation.override(language):
            yield from map("".join, batched(csv_lines(sheet), _LINES))

    return StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")


def _workbook(sheet: Sheet) -> FileResponse:
    """Return the table as a workbook, from a file that is gone once it was sent."""
    file = TemporaryFile()  # noqa: SIM115  the answer closes it
    try:
        columns = [_with_zone(column) for column in sheet.columns]
        write_workbook(file, sheet.name, columns, (map(_for_workbook, row) for row in sheet.rows))
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return FileResponse(file, content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")


def _with_zone(column: Column) -> str:
    return f"{column.heading} ({zone_name()})" if column.is_moment else column.heading


def zone_name() -> str:
    """Return what the site's time zone is called all year: JST, or Europe/Berlin where summer has another name."""
    here, year = timezone.get_default_timezone(), timezone.localdate().year
    names = {datetime(year, month, 1, tzinfo=here).tzname() for month in (1, 7)}
    return str(names.pop() if len(names) == 1 else here)


def _for_workbook(cell: Cell) -> Cell:
    """Return a cell as a workbook holds it: a time to the second in the site's zone, without saying so."""
    return timezone.localtime(cell).replace(microsecond=0, tzinfo=None) if isinstance(cell, datetime) else cell


def _disposition(name: str, suffix: str) -> str:
    """Return the header that names the file, for old programs in Latin letters alone."""
    whole = get_valid_filename(name) + f".{suffix}"
    latin = "".join(letter for letter in whole if letter.isascii()).lstrip("_")
    return f"attachment; filename=\"{latin}\"; filename*=UTF-8''{quote(whole)}"


def file_name(subject: str, what: str) -> str:
    """Return a file's name without its end: whose it is, what it is, and when it was made."""
    return f"{subject[:_LONGEST_NAME]} {what} {timezone.localtime():%Y-%m-%d %H%M}".strip()
