"""Tables as CSV: opened by a spreadsheet as they are, and nothing in them runs."""

import csv
import io

import pytest

from licensing_portal.sheets import csv_lines, safe_cell


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠SUM(A1)"]
)
def test_what_would_run_is_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "山田 太郎", "a=b", "a@example.com", " =1", "'quoted'"])
def test_everything_else_stays(text: str) -> None:
    assert safe_cell(text) == text


def test_a_table_is_read_back_as_it_was() -> None:
    table = [["Name", "Note"], ['a,"b"', "two\nlines"], ["髙橋", ""]]
    text = "".join(csv_lines(table))
    assert text.startswith("\ufeff")
    assert list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))) == table
