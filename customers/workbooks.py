"""Reads Excel workbooks into rows of cells with openpyxl, behind bounds on what a file may take.

openpyxl makes objects of all that it reads, and a file of a few kilobytes can unpack to millions of them. So the parts
of a file are looked through before.
"""

import io
import logging
import re
import threading
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice, pairwise
from typing import Any

from openpyxl.reader.excel import ExcelReader
from openpyxl.worksheet._reader import DATA_TAG, ROW_TAG, WorkSheetParser
from openpyxl.xml.functions import iterparse

from customers.pasted import key_of
from customers.unfit import Reason, Unfit

logger = logging.getLogger(__name__)

# All parts of a workbook together, unpacked; a list of 50,000 users with ten columns takes 40 MiB.
MAX_UNPACKED = 64 * 1024 * 1024
# How many times its size a file may unpack to; lists take up to twenty, a row of empty cells a thousand.
_MAX_RATIO = 100
_MAX_PARTS = 2_000
# Beginnings and ends of elements in all parts; the same list has three million, and reading it takes seven seconds.
MAX_TAGS = 3_200_000
# Those of the parts that only name others, of which openpyxl makes the dearest objects.
_MAX_NAMING_TAGS = 20_000
_MAX_SHEETS = 50
# Bytes of one row, of which openpyxl keeps all cells at once.
MAX_ROW = 1024 * 1024
_EDGE_OF_ROWS = re.compile(rb"<(/?)(?:[^\s<>/:]+:)?(?:row|sheetData)\b")
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_IS_ENCRYPTED = 0x1
_CHARTS = "xl/chartsheets/"
_NAMING = (".rels", "[Content_Types].xml", "workbook.xml")
# As many rows as Excel has; the columns A to CZ, for further ones name nobody; as much text as a cell can hold.
_ROWS, _COLUMNS, _LONGEST_TEXT = 1_048_576, 104, 32_767
# An empty row takes as much time as these characters.
_COST_OF_ROW = 24
# One workbook at a time: the largest lists take 75 MiB, and warnings are caught for all threads at once.
_turn = threading.Lock()
# A list takes less; whoever waits longer holds up a worker of the web server.
_WAIT_SECONDS = 20

# The number of a row from 1, as Excel counts it, and its cells.
type Row = tuple[int, list[str]]


def is_archive(content: bytes) -> bool:
    """Tell whether bytes begin as a ZIP archive does, which every workbook is."""
    return content.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"))


def read_workbook(content: bytes, *, at_most: int) -> list[Row]:
    """Return the rows that hold anything, of the first sheet that names a user; without one, of the first filled one.

    Sheets that people see come before hidden ones. Formulas count as what they were last worked out to, dates as
    Excel's numbers. At most one row more than `at_most` is returned. What is no workbook, or too large, raises Unfit,
    and so does a workbook that other ones keep waiting.
    """
    if not _turn.acquire(timeout=_WAIT_SECONDS):
        raise Unfit(Reason.BUSY)
    try:
        with warnings.catch_warnings():
            # About what openpyxl would lose in saving.
            warnings.simplefilter("ignore")
            return _rows(_opened(_looked_through(content)), at_most)
    except Unfit:
        raise
    # openpyxl has no error of its own for damage: KeyError, TypeError, AttributeError, ParseError and many more come
    # from wherever it first meets what it did not expect.
    except Exception as error:
        logger.info("a workbook could not be read: %s", type(error).__name__)
        raise Unfit(Reason.DAMAGED) from None
    finally:
        _turn.release()


def _looked_through(content: bytes) -> io.BytesIO:
    """Return an archive of the same parts, unpacked and without charts, or raise Unfit."""
    file, tags = io.BytesIO(), 0
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(file, "w") as kept:
        _check(archive.infolist(), len(content))
        for part in archive.infolist():
            if part.filename.startswith(_CHARTS):
                continue
            # Never more than the size that was checked; a part that is longer fails by its checksum.
            data = archive.read(part)
            kept.writestr(part.filename, data)
            # Markup in UTF-16 is ASCII but for zeros.
            markup = data.replace(b"\0", b"")
            if b"<!DOCTYPE" in markup:
                raise Unfit(Reason.DAMAGED)
            here = markup.count(b"<")
            tags += here
            if part.filename.endswith(_NAMING) and here > _MAX_NAMING_TAGS:
                raise Unfit(Reason.TOO_MUCH_INSIDE)
            if tags > MAX_TAGS or _has_long_row(markup):
                raise Unfit(Reason.TOO_MUCH_INSIDE)
    return file


def _check(parts: Sequence[zipfile.ZipInfo], packed: int) -> None:
    """Raise Unfit unless the parts are those of a workbook, plain, packed as workbooks are, and not too large."""
    names = {part.filename.casefold() for part in parts}
    if any(part.flag_bits & _IS_ENCRYPTED for part in parts):
        raise Unfit(Reason.PROTECTED)
    if "xl/workbook.bin" in names:
        raise Unfit(Reason.BINARY_WORKBOOK)
    if "[content_types].xml" not in names or not any(name.startswith("xl/") for name in names):
        raise Unfit(Reason.NO_WORKBOOK)
    # Other packings are unpacked without bounds.
    if any(part.compress_type not in _PACKINGS for part in parts):
        raise Unfit(Reason.DAMAGED)
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > _MAX_PARTS or unpacked > min(MAX_UNPACKED, packed * _MAX_RATIO):
        raise Unfit(Reason.TOO_MUCH_INSIDE)


def _has_long_row(markup: bytes) -> bool:
    edges = ((edge.start(), not edge[1]) for edge in _EDGE_OF_ROWS.finditer(markup))
    stretches = pairwise(chain(edges, [(len(markup), False)]))
    return any(begins and end - start > MAX_ROW for (start, begins), (end, _begins) in stretches)


class _RowReader(WorkSheetParser):  # type: ignore[misc]
    """Reads the rows of a part and nothing else: of merged cells and links openpyxl makes objects for ten seconds."""

    def parse(self) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """Yield the rows with their numbers."""
        for _event, element in iterparse(self.source):
            if element.tag == ROW_TAG:
                yield self.parse_row(element)
                element.clear()
            elif element.tag == DATA_TAG:
                return


def _opened(file: io.BytesIO) -> ExcelReader:
    """Read what comes before the sheets.

    `load_workbook` reads formats, properties and named areas too: it refuses a file for a colour or a date in them, and
    takes a minute for an area of 100 KB.
    """
    reader = ExcelReader(file, read_only=True, data_only=True, keep_links=False)
    reader.read_manifest()
    reader.read_strings()
    reader.read_workbook()
    return reader


def _parts(reader: ExcelReader) -> list[str]:
    """Return the parts of the first sheets, those of hidden ones last."""
    hidden: dict[str, bool] = {}
    for sheet, relation in islice(reader.parser.find_sheets(), _MAX_SHEETS):
        if relation.target in reader.valid_files and "chartsheet" not in relation.Type:
            # Any number of sheets may name one part: it is read once.
            hidden.setdefault(relation.target, sheet.state != "visible")
    if not hidden:
        # As of those that were saved as Strict Open XML, which openpyxl does not know.
        raise Unfit(Reason.DAMAGED)
    return sorted(hidden, key=lambda part: hidden[part])


def _rows(reader: ExcelReader, at_most: int) -> list[Row]:
    """Return the rows of the sheet that counts."""
    first: list[Row] = []
    left = MAX_UNPACKED
    for part in _parts(reader):
        rows: list[Row] = []
        with reader.archive.open(part) as source:
            last = 0
            for number, values in _RowReader(source, reader.shared_strings, data_only=True).parse():
                # Many cells may share one long text.
                left -= _COST_OF_ROW + sum(map(len, cells := _texts(values)))
                if left < 0:
                    raise Unfit(Reason.TOO_MUCH_INSIDE)
                if last < number <= _ROWS and any(map(str.strip, cells)):
                    last = number
                    rows.append((number, cells))
                    if len(rows) > at_most:
                        break
        if any(key_of(cell) for _number, cells in rows for cell in cells):
            return rows
        first = first or rows
    return first


def _texts(row: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the cells of a row as text, up to the last one that holds anything."""
    filled = {cell["column"]: cell["value"] for cell in row if cell["value"] is not None}
    width = max((column for column in filled if column <= _COLUMNS), default=0)
    cells = [str(filled.get(column, ""))[:_LONGEST_TEXT] for column in range(1, width + 1)]
    while cells and not cells[-1]:
        cells.pop()
    return cells
