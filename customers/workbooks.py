"""Reads Excel workbooks into rows of cells as they unpack, and stops where a file would take more than a list does.

Read by hand, because a general reader (openpyxl) makes objects of every cell, link and format first: it takes five
times as long for a list of 50,000 users, and a file of a few kilobytes can fill its memory.
"""

import io
import logging
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from posixpath import dirname, join, normpath
from string import ascii_uppercase
from typing import IO
from xml.parsers import expat

from customers.pasted import key_of
from customers.unfit import Reason, Unfit

logger = logging.getLogger(__name__)

# All parts of a workbook together, unpacked; a list of 50,000 users with ten columns takes 40 MiB.
MAX_UNPACKED = 64 * 1024 * 1024
_MAX_PARTS = 2_000
# Elements of all that is read; the same list has two million.
_MAX_ELEMENTS = 4_000_000
# As much text as Excel allows in a cell.
_MAX_CELL = 32_767
_CHUNK = 256 * 1024
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_IS_ENCRYPTED = 0x1
_LETTERS = [*ascii_uppercase, *(first + second for first in ascii_uppercase[:3] for second in ascii_uppercase)]
# A to CZ; further columns name nobody.
_COLUMNS = {letters: number for number, letters in enumerate(_LETTERS)}
_NOT_AS_DOCUMENTED = (
    *(zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, OSError),
    *(ValueError, LookupError, NotImplementedError),
)

# The number of a row from 1, as Excel counts it, and its cells.
type Row = tuple[int, list[str]]


def is_archive(content: bytes) -> bool:
    """Tell whether bytes begin as a ZIP archive does, which every workbook is."""
    return content.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"))


def read_workbook(content: bytes, *, at_most: int, elements: int = _MAX_ELEMENTS) -> list[Row]:
    """Return the rows that hold anything, of the first sheet that names a user; without one, of the first filled one.

    Sheets that people see come before hidden ones. Formulas count as what they were last worked out to, dates as
    Excel's numbers. At most one row more than `at_most` is returned. What is no workbook, or too large, raises Unfit.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check(archive.infolist())
            return _read(archive, at_most, _Budget(elements))
    except _NOT_AS_DOCUMENTED as error:
        logger.info("a workbook could not be read: %s", type(error).__name__)
        raise Unfit(Reason.DAMAGED) from None


def _check(parts: Sequence[zipfile.ZipInfo]) -> None:
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
    if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise Unfit(Reason.TOO_MUCH_INSIDE)


def _read(archive: zipfile.ZipFile, at_most: int, budget: "_Budget") -> list[Row]:
    """Return the rows of the sheet that counts."""
    book = next((target for _key, kind, target in _relations(archive, "", budget) if kind == "officeDocument"), "")
    relations = _relations(archive, book, budget)
    targets = {key: target for key, kind, target in relations if kind == "worksheet"}
    listed = _Elements("sheet", budget).read(archive.open(book)).found
    listed.sort(key=lambda sheet: sheet.get("state", "visible") != "visible")
    texts = next((target for _key, kind, target in relations if kind == "sharedStrings"), None)
    strings = _Strings(budget).read(archive.open(texts)).found if texts else []
    first: list[Row] = []
    for sheet in listed:
        if (name := targets.get(sheet.get("id", ""))) is None:
            # A sheet that is a chart.
            continue
        rows = _Sheet(strings, at_most, budget).read(archive.open(name)).found
        if any(key_of(cell) for _number, cells in rows for cell in cells):
            return rows
        first = first or rows
    return first


def _relations(archive: zipfile.ZipFile, part: str, budget: "_Budget") -> list[tuple[str, str, str]]:
    """Return id, kind and name of the parts that a part refers to."""
    place, _slash, name = part.rpartition("/")
    found = _Elements("Relationship", budget).read(archive.open(join(place, "_rels", f"{name}.rels"))).found
    return [
        (one["Id"], one["Type"].rpartition("/")[2], normpath(join("/", dirname(part), one["Target"])).lstrip("/"))
        for one in found
    ]


class _Budget:
    """How many elements may still be read."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self) -> None:
        """Count one; raises Unfit when there were too many."""
        self.left -= 1
        if self.left < 0:
            raise Unfit(Reason.TOO_MUCH_INSIDE)


class _Enough(Exception):
    """What follows is not needed."""


class _Part:
    """An XML part, read as it unpacks: nothing is kept but what a subclass takes. Prefixes of names are passed over."""

    def __init__(self, budget: _Budget) -> None:
        self._budget = budget

    def read[Self: _Part](self: Self, stream: IO[bytes]) -> Self:
        """Read to the end, or until there is enough."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._finish
        parser.CharacterDataHandler = self.text
        # No workbook has one; entities grow without end.
        parser.StartDoctypeDeclHandler = _refuse
        with stream:
            try:
                while chunk := stream.read(_CHUNK):
                    parser.Parse(chunk, False)
                parser.Parse(b"", True)
            except _Enough:
                pass
        return self

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        self._budget.take()
        self.start(name.rpartition(":")[2] if ":" in name else name, attributes)

    def _finish(self, name: str) -> None:
        self.end(name.rpartition(":")[2] if ":" in name else name)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take the beginning of an element."""

    def end(self, name: str) -> None:
        """Take the end of an element."""

    def text(self, data: str) -> None:
        """Take text."""


def _refuse(*_declaration: object) -> None:
    raise ValueError("a document type")


class _Elements(_Part):
    """The attributes of all elements of one name."""

    def __init__(self, wanted: str, budget: _Budget) -> None:
        super().__init__(budget)
        self._wanted = wanted
        self.found: list[Mapping[str, str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Keep the attributes."""
        if name == self._wanted:
            self.found.append({key.rpartition(":")[2]: value for key, value in attributes.items()})


class _Texts(_Part):
    """A part with texts: in `t` and `v`, but for the readings of Japanese names, which stand in `rPh`."""

    def __init__(self, budget: _Budget) -> None:
        super().__init__(budget)
        self._pieces: list[str] = []
        self._is_text = self._is_reading = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Note what text follows."""
        if name in ("t", "v"):
            self._is_text = not self._is_reading
        elif name == "rPh":
            self._is_reading = True

    def end(self, name: str) -> None:
        """Note what text is over."""
        if name in ("t", "v"):
            self._is_text = False
        elif name == "rPh":
            self._is_reading = False

    def text(self, data: str) -> None:
        """Keep text that counts."""
        if self._is_text:
            self._pieces.append(data)

    def taken(self) -> str:
        """Return the text since the last time."""
        text = "".join(self._pieces)[:_MAX_CELL]
        self._pieces.clear()
        return text


class _Strings(_Texts):
    """The texts that the cells of all sheets share."""

    def __init__(self, budget: _Budget) -> None:
        super().__init__(budget)
        self.found: list[str] = []

    def end(self, name: str) -> None:
        """Keep a text."""
        super().end(name)
        if name == "si":
            self.found.append(self.taken())


class _Sheet(_Texts):
    """The rows of a sheet that hold anything; one more than `at_most` is enough to know."""

    def __init__(self, strings: Sequence[str], at_most: int, budget: _Budget) -> None:
        super().__init__(budget)
        self.found: list[Row] = []
        self._strings, self._at_most = strings, at_most
        self._number = 0
        self._cells: dict[int, str] = {}
        self._column: int | None = -1
        self._is_shared = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Note the place of a row or cell; places that are left out follow each other."""
        super().start(name, attributes)
        if name == "c":
            letters = attributes.get("r", "").rstrip("0123456789")
            self._column = _COLUMNS.get(letters) if letters else self._following()
            self._is_shared = attributes.get("t") == "s"
        elif name == "row":
            number = attributes.get("r", "")
            self._number = int(number) if number.isdecimal() and len(number) < 8 else self._number + 1
            self._cells, self._column = {}, -1

    def _following(self) -> int | None:
        """Return the column beside the last cell, if it counts."""
        return None if self._column is None or self._column + 1 == len(_COLUMNS) else self._column + 1

    def end(self, name: str) -> None:
        """Keep a cell or a row; behind the rows stand links and formats."""
        super().end(name)
        if name == "c":
            text = self.taken()
            if text and self._column is not None:
                self._cells[self._column] = self._strings[int(text)] if self._is_shared else text
        elif name == "row" and any(text.strip() for text in self._cells.values()):
            self.found.append((self._number, _in_order(self._cells)))
            if len(self.found) > self._at_most:
                raise _Enough
        elif name == "sheetData":
            raise _Enough


def _in_order(cells: Mapping[int, str]) -> list[str]:
    """Return the cells of a row up to the last one that holds anything."""
    return [cells.get(column, "") for column in range(max(cells) + 1)]
