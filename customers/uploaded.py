"""Reads an uploaded file into rows of cells: CSV or other text of any usual encoding, or an Excel workbook.

Pure functions over bytes; a file that cannot be a list raises Unfit. Nothing in a file is trusted.
"""

import codecs
import csv
import io
import re

from customers.columns import Sheet
from customers.unfit import Reason, Unfit
from customers.workbooks import is_archive, read_workbook

MAX_FILE_BYTES = 5 * 1024 * 1024

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Compound files: workbooks before 2007, and those of today behind a password.
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_NO_TEXT = (b"%PDF-", b"{\\rtf", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf")
_MARKUP = re.compile(r"\s*<(?:\?xml|!doctype|html|table|workbook)\b", re.IGNORECASE)
# What no text holds; the last three are bytes that Windows' Shift_JIS only passes through.
_CONTROLS = re.compile("[\0-\x08\x0e-\x1f\x7f]")
_PASSED_THROUGH = re.compile("[\x80\xa0\uf8f0-\uf8f3]")
_SEPARATORS = "\t;,"
# Excel's own way to name the separator, as the first line.
_SEPARATOR_LINE = re.compile(r"sep=([,;\t|])", re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"')
_SAMPLE = 20
# Of UTF-16 without a mark one in so many signs: a list without addresses is none.
_ASCII_AT_LEAST = 8


def read_sheet(content: bytes, *, at_most: int) -> Sheet:
    """Return the rows that hold anything; more than `at_most` of them, or no list at all, raise Unfit."""
    if len(content) > MAX_FILE_BYTES:
        raise Unfit(Reason.TOO_LARGE)
    if content.startswith(_COMPOUND):
        raise Unfit(Reason.PROTECTED if _ENCRYPTED in content else Reason.OLD_WORKBOOK)
    if content.startswith(_NO_TEXT):
        raise Unfit(Reason.NOT_TEXT)
    sheet = Sheet(read_workbook(content, at_most=at_most)) if is_archive(content) else _read_text(decode(content))
    if not sheet.rows:
        raise Unfit(Reason.EMPTY)
    if len(sheet.rows) > at_most:
        raise Unfit(Reason.TOO_MANY_ROWS)
    return sheet


def decode(content: bytes) -> str:
    """Return the text of bytes in UTF-8, UTF-16, Shift_JIS as Windows writes it, or else as Western Windows does.

    A damaged letter costs no list: addresses are ASCII. What is no text raises Unfit.
    """
    mark, encoding = next((entry for entry in _MARKS if content.startswith(entry[0])), (b"", ""))
    content = content[len(mark) :]
    if encoding:
        text = content.decode(encoding, errors="replace")
    else:
        text = _wide(content) if b"\0" in content else _narrow(content)
    # DOS ended its files with this sign.
    text = text.removesuffix("\x1a")
    if _CONTROLS.search(text):
        raise Unfit(Reason.NOT_TEXT)
    if _MARKUP.match(text):
        raise Unfit(Reason.WEB_PAGE)
    return text


def _wide(content: bytes) -> str:
    """Return UTF-16 without a mark; in the wrong order of bytes addresses and separators would be no ASCII."""
    for encoding in ("utf-16-le", "utf-16-be"):
        text = content[: len(content) // 2 * 2].decode(encoding, errors="replace")
        if sum(sign.isascii() for sign in text) * _ASCII_AT_LEAST > len(text) and "\ufffd" not in text:
            return text
    raise Unfit(Reason.NOT_TEXT)


def _narrow(content: bytes) -> str:
    """Return text of bytes without a zero among them."""
    for encoding in ("utf-8", "cp932"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or not _PASSED_THROUGH.search(text):
            return text
    return content.decode("cp1252", errors="replace")


def _read_text(text: str) -> Sheet:
    """Return the rows of separated cells; quotes that do not close are taken as they are."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    first, _end, rest = text.partition("\n")
    if named := _SEPARATOR_LINE.fullmatch(first.strip(" ")):
        text, separator = rest, named[1]
    else:
        separator = _separator(text)
    try:
        table = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error:
        table = [line.split(separator) for line in text.split("\n")]
    rows = [(number, cells) for number, cells in enumerate(table, start=1) if any(cell.strip() for cell in cells)]
    return Sheet(rows, separator)


def _separator(text: str) -> str:
    """Return what separates the cells: what the first line has most of, else most of the lines after it."""
    lines = (line for line in _QUOTED.sub("", text[:50_000]).split("\n") if line.strip())
    sample = [line for line, _number in zip(lines, range(_SAMPLE), strict=False)]
    if not sample:
        return ","
    return max(_SEPARATORS, key=lambda sign: (sample[0].count(sign), sum(sign in line for line in sample)))
