"""Finds in the rows of a sheet the cell that names a user: by its heading where there is one.

Pure functions over text, beside `customers.pasted`, whose lines they make.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from customers.pasted import Line, fold_address, key_of, recipients, visible, without_headings

# How columns are called in exports of Microsoft's consoles, Exchange and ours, without spaces and signs; the first
# kind that a row has is taken.
_KINDS = (
    (
        *("upn", "userprincipalname", "userprincipalnameupn", "signinname", "signinnameupn", "loginname", "username"),
        *("ユーザープリンシパル名", "サインイン名", "サインイン名upn", "ログイン名", "ユーザー名", "サインインid"),
    ),
    (
        *("objectid", "entraobjectid", "azureadobjectid", "aadobjectid", "externaldirectoryobjectid", "userid", "id"),
        *("オブジェクトid", "ユーザーid", "ユーザーオブジェクトid"),
    ),
    (
        *("mail", "email", "emailaddress", "mailaddress", "primarysmtpaddress", "primaryemail", "primaryemailaddress"),
        *("メール", "メールアドレス", "eメール", "eメールアドレス", "電子メール", "電子メールアドレス"),
        *("プライマリsmtpアドレス",),
    ),
)
_KIND_OF = {heading: kind for kind, headings in enumerate(_KINDS) for heading in headings}
# Titles and dates of a report may stand above the headings.
_ABOVE = 20
# Characters of a row that are kept for the person who reads why it was not found.
_KEPT = 160

# The number of a row from 1, as a spreadsheet counts it, and its cells.
type Row = tuple[int, list[str]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of a file that hold anything, and the sign between its cells; a workbook has none."""

    rows: Sequence[Row]
    separator: str = ""


def read_lines(sheet: Sheet) -> list[Line]:
    """Return the lines of a file's rows, in their order; headings are left out.

    Below headings that tell where a user is named no other cell counts: it may be a manager's address. The text of a
    line, pasted again, names the same user.
    """
    start, columns = _headings(sheet.rows)
    lines: list[Line] = []
    for number, cells in sheet.rows[start:]:
        tidy = [_tidy(cell) for cell in cells]
        chosen = _below(columns, tidy) if columns else _first(tidy, sheet.separator)
        others = [cell for cell in tidy if cell and not key_of(cell)]
        parts = [part.strip() for part in recipients(chosen)]
        lines += [
            Line(number, _kept([part, *(others if len(parts) == 1 else ())]), key_of(part), in_file=True)
            for part in parts
        ]
    return lines if columns else without_headings(lines)


def _headings(rows: Sequence[Row]) -> tuple[int, list[int]]:
    """Return where the rows below the headings begin, and the columns that name users, the best first."""
    for place, (_number, cells) in enumerate(rows[:_ABOVE]):
        if any(key_of(cell) for cell in cells):
            break
        kinds = [(_KIND_OF[word], column) for column, cell in enumerate(cells) if (word := _word(cell)) in _KIND_OF]
        if kinds:
            return place + 1, [column for _kind, column in sorted(kinds)]
    return 0, []


def _word(heading: str) -> str:
    return "".join(sign for sign in fold_address(heading) if sign.isalnum() or sign == "ー")


def _tidy(cell: str) -> str:
    """Return a cell as one line."""
    return " ".join(visible(cell).split()) if not cell.isprintable() or "  " in cell else cell.strip()


def _below(columns: Sequence[int], cells: Sequence[str]) -> str:
    """Return the first cell of these columns that names somebody, or nothing."""
    return next((cells[column] for column in columns if column < len(cells) and key_of(cells[column])), "")


def _first(cells: Sequence[str], separator: str) -> str:
    """Return the first cell with an address, else with an object id; or all cells of a list of recipients."""
    keys = {cell: key_of(cell) for cell in cells if cell}
    if separator == ";" and len(keys) > 1 and all("@" in key for key in keys.values()):
        return ";".join(keys)
    named = [cell for cell, key in keys.items() if key]
    return next((cell for cell in named if "@" in keys[cell]), named[0] if named else "")


def _kept(cells: list[str]) -> str:
    """Return a row's text: the cell that names the user is whole, the others as far as there is room."""
    return (cells[0] + "".join(f"\t{cell}" for cell in cells[1:])[: max(0, _KEPT - len(cells[0]))]).strip()
