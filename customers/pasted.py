"""Reads pasted lines: one sign-in name, mail or object id a line, or a row of a sheet that holds one.

Pure functions over text: who a line means is looked up elsewhere.
"""

import re
import unicodedata
from dataclasses import dataclass

_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_RECIPIENT_ENDS = re.compile(r"[;；]")
_CELL_ENDS = re.compile(r"[\t,;]")
# Characters that no address holds: they surround one in mails, tables and sentences.
_AROUND = r"\s<>()\[\]{}\"“”„«»「」『』【】、。|:,;"
_ADDRESS = re.compile(f"[^{_AROUND}]+@[^{_AROUND}]+")
_IN_BRACKETS = re.compile(f"<\\s*(?:mailto:)?({_ADDRESS.pattern})\\s*>")
_OBJECT_ID = re.compile(r"(?<![0-9a-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z])")
# What the first column of a sheet or an export is called, without spaces and signs.
_HEADINGS = frozenset(
    (
        *("user", "users", "username", "name", "displayname", "firstname", "lastname", "no", "id", "department"),
        *("upn", "userprincipalname", "signinname", "loginname", "objectid", "userid", "azureadobjectid"),
        *("mail", "mails", "email", "emailaddress", "mailaddress", "primarysmtpaddress", "address"),
        *("氏名", "名前", "姓", "表示名", "ユーザー", "ユーザー名", "部署", "番号", "オブジェクトid"),
        *("サインイン名", "ログイン名", "ユーザープリンシパル名"),
        *("メール", "メールアドレス", "eメール", "電子メール", "電子メールアドレス"),
    )
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that should name a user: its number from 1, its text as pasted, and what it names.

    `key` is a folded address (it has an @), an object id in lower case, or empty when the line names nobody.
    `in_file`: the number is that of a row in an uploaded file.
    """

    number: int
    text: str
    key: str
    in_file: bool = False


def read_lines(text: str) -> list[Line]:
    """Return the lines that count, in their order; blank lines and headers are left out."""
    lines = [
        Line(number, part.rstrip(), key_of(part))
        for number, line in enumerate(split_lines(text), start=1)
        for part in recipients(line)
    ]
    return without_headings([line for line in lines if line.text.strip()])


def without_headings(lines: list[Line]) -> list[Line]:
    """Return lines without those that only name columns."""
    # A sheet of several columns begins with their names, whatever they are. A single cell may be a user not found.
    if lines and not lines[0].key and _CELL_ENDS.search(lines[0].text.strip()) and any(line.key for line in lines):
        lines = lines[1:]
    return [line for line in lines if line.key or not _is_heading(line.text)]


def split_lines(text: str) -> list[str]:
    """Return the lines of a text as a text area counts them, without signs that nobody sees."""
    return [visible(line) for line in _LINE_ENDS.split(text)]


def fold_address(address: str) -> str:
    """Return an address as it is compared: NFKC and case fold."""
    return address.lower() if address.isascii() else unicodedata.normalize("NFKC", address).casefold()


def recipients(line: str) -> list[str]:
    """Return the parts of a list of recipients as mail programs copy it: each of them names somebody.

    A row of a sheet, of which one cell has an address, is one part.
    """
    parts = [part.strip() for part in _RECIPIENT_ENDS.split(line) if part.strip()]
    return parts if len(parts) > 1 and all("@" in fold_address(part) for part in parts) else [line]


def key_of(line: str) -> str:
    """Return what a line names: the address of its first cell that has one, else its object id, else nothing."""
    folded = fold_address(line)
    for cell in _CELL_ENDS.split(folded):
        if "@" in cell and (found := _IN_BRACKETS.search(cell) or _ADDRESS.search(cell)):
            return _bare(found.group(found.lastindex or 0))
    found = _OBJECT_ID.search(folded)
    return found.group() if found else ""


def _bare(address: str) -> str:
    """Return an address without the quotes and the full stop of a sentence around it."""
    if address.startswith("'"):
        address = address.strip("'")
    return address.rstrip(".")


def visible(line: str) -> str:
    """Return a line without byte order marks, direction marks, zero widths and controls; tabs stay."""
    if line.isascii() and line.replace("\t", "").isprintable():
        return line
    return "".join(sign for sign in line if sign == "\t" or unicodedata.category(sign) not in ("Cc", "Cf", "Cs"))


def _is_heading(line: str) -> bool:
    """Tell whether a line's first cell is the name of a column."""
    first = next((cell for cell in _CELL_ENDS.split(fold_address(line)) if cell.strip()), "")
    return "".join(sign for sign in first if sign.isalnum() or sign == "ー") in _HEADINGS
