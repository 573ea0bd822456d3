"""Tables as CSV that a spreadsheet opens as it is: UTF-8 with its mark, and no cell that runs as a formula."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import translation
from django.utils.text import get_valid_filename

BYTE_ORDER_MARK = "\ufeff"
# What spreadsheets take for the beginning of a formula, in full width too.
_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")


class _Line:
    """A file that gives back what is written to it."""

    @staticmethod
    def write(text: str) -> str:
        return text


def safe_cell(text: str) -> str:
    """Return a cell's text, with a sign before what a spreadsheet would run."""
    return f"'{text}" if _FORMULA.match(text) else text


def csv_lines(table: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table as lines of CSV."""
    writer = csv.writer(_Line())
    yield BYTE_ORDER_MARK
    for row in table:
        # The writer returns what its file's write returns.
        yield writer.writerow([safe_cell(cell) for cell in row])


def csv_answer(request: HttpRequest, table: Iterable[Sequence[str]], name: str) -> StreamingHttpResponse:
    """Answer with a table as a file of this name, line by line, in the reader's language."""
    language = translation.get_language() or "en"

    def lines() -> Iterator[str]:
        # It runs after the view has returned.
        with translation.override(language):
            yield from csv_lines(table)

    answer = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{get_valid_filename(name)}.csv"'
    return answer
