"""Tables as files: opened by a spreadsheet as they are, and nothing in them runs."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import pytest
from django.test import RequestFactory, override_settings
from openpyxl import load_workbook

from licensing_portal.sheet_answers import file_name, sheet_answer, zone_name
from licensing_portal.sheets import Cell, Column, Sheet, csv_lines, safe_cell
from licensing_portal.workbooks import write_workbook

HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠SUM(A1)"]
MOMENT = datetime(2026, 11, 23, 14, 44, 5, tzinfo=UTC)


def sheet(rows: Any, *columns: Column) -> Sheet:
    return Sheet("Users", columns or (Column("User"), Column("Note")), rows)


def read(file: io.BytesIO) -> list[list[Any]]:
    """Return what Excel would show: values of the first sheet."""
    file.seek(0)
    return [[cell.value for cell in row] for row in load_workbook(file).worksheets[0].iter_rows()]


def written(rows: Any, **extra: Any) -> io.BytesIO:
    file = io.BytesIO()
    write_workbook(file, "Users", ["User", "Note"], rows, **extra)
    return file


@pytest.mark.parametrize("text", HOSTILE)
def test_what_would_run_is_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "山田 太郎", "a=b", "a@example.com", " =1", "'quoted'"])
def test_everything_else_stays(text: str) -> None:
    assert safe_cell(text) == text


def test_what_comes_to_the_front_when_a_nul_goes_does_not_run() -> None:
    assert "".join(csv_lines(sheet([["\0=1+1", ""]]))).splitlines()[1] == "'=1+1,"


def test_a_table_is_read_back_as_it_was() -> None:
    table = [["User", "Note"], ['a,"b"', "two\nlines"], ["髙橋", ""]]
    text = "".join(csv_lines(sheet(table[1:])))
    assert text.startswith("\ufeff")
    assert list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))) == table


def test_a_time_says_its_offset_and_a_number_below_zero_is_no_formula() -> None:
    line = "".join(csv_lines(sheet([[MOMENT, date(2026, 12, 1), -3, None]]))).splitlines()[1]
    assert line == "2026-11-23T23:44:05+09:00,2026-12-01,-3,"


@pytest.mark.parametrize("text", [*HOSTILE, "#N/A", "#REF!", "'=1", "山田 太郎"])
def test_a_workbook_keeps_text_as_text(text: str) -> None:
    file = written([[text, "x"]])
    cell = load_workbook(file).worksheets[0]["A2"]
    # XML knows one kind of line break.
    assert (cell.data_type, cell.value) == ("s", text.replace("\r", "\n"))
    # Somebody who edits the cell does not turn it into a formula either.
    assert cell.quotePrefix or text[0] in "'山"


def test_numbers_and_times_of_a_workbook_can_be_reckoned_with() -> None:
    file = written([[-3, datetime(2026, 11, 23, 23, 44)], [date(2026, 12, 1), None]])
    cells = load_workbook(file).worksheets[0]
    assert cells["A2"].value == -3
    assert (cells["B2"].value, cells["B2"].number_format) == (datetime(2026, 11, 23, 23, 44), "yyyy-mm-dd hh:mm")
    assert (cells["A3"].value, cells["A3"].number_format) == (datetime(2026, 12, 1), "yyyy-mm-dd")


def test_letters_that_xml_lacks_are_left_out_and_long_text_is_cut() -> None:
    first, second = read(written([["a\0\x08\x1f\ufffeb", "𠮷" * 40_000]]))[1]
    assert first == "ab"
    # Excel counts what stands beyond the first plane twice.
    assert second == "𠮷" * (32_767 // 2)


def test_the_heading_stays_in_sight_and_filters() -> None:
    cells = load_workbook(written([["山田 太郎", "x"], ["b", "y" * 500]])).worksheets[0]
    assert (cells.freeze_panes, cells.auto_filter.ref) == ("A2", "A1:B3")
    assert cells["A1"].font.bold
    assert cells.column_dimensions["A"].width == 10
    assert cells.column_dimensions["B"].width == 60


def test_an_empty_table_has_its_heading() -> None:
    assert read(written([])) == [["User", "Note"]]


def test_what_a_sheet_cannot_hold_goes_on_in_another() -> None:
    book = load_workbook(written(([n, ""] for n in range(6)), most=4))
    assert book.sheetnames == ["Users", "Users 2"]
    assert [[row[0].value for row in one.iter_rows()] for one in book.worksheets] == [
        ["User", 0, 1, 2],
        ["User", 3, 4, 5],
    ]


def test_a_name_that_excel_refuses_is_made_good() -> None:
    file = io.BytesIO()
    write_workbook(file, "a/b:c*[d]'" + "e" * 40, ["User"], [])
    assert load_workbook(file).sheetnames == ["a b c  d  " + "e" * 21]


def test_a_workbook_that_came_to_nothing_leaves_no_file(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def rows() -> Iterator[list[Cell]]:
        yield from ([n, ""] for n in range(500))
        assert list(tmp_path.iterdir()) != []
        raise OSError("the database is away")

    with pytest.raises(OSError, match="away"):
        written(rows())
    assert list(tmp_path.iterdir()) == []


def test_a_workbook_is_written_while_its_rows_are_read(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sizes: list[int] = []

    def rows() -> Iterator[list[Cell]]:
        for number in range(5_000):
            if number % 1_000 == 999:
                sizes.append(sum(file.stat().st_size for file in tmp_path.iterdir()))
            yield [f"User {number}", "x" * 50]

    written(rows())
    assert sizes[0] > 50_000
    assert all(later > earlier + 50_000 for earlier, later in pairwise(sizes))


def test_the_first_lines_come_before_the_last_row_is_read() -> None:
    taken: list[int] = []

    def rows() -> Iterator[list[Cell]]:
        for number in range(5_000):
            taken.append(number)
            yield [f"User {number}", ""]

    answer = sheet_answer(RequestFactory().get("/"), sheet(rows()), "users")
    lines = iter(answer.streaming_content)  # type: ignore[attr-defined]
    assert next(lines).decode().startswith("\ufeffUser,Note\r\nUser 0,")
    assert len(taken) < 200
    assert b"User 4999," in b"".join(lines)


def test_an_unknown_format_makes_no_file(db: None) -> None:
    taken: list[int] = []
    answer = sheet_answer(RequestFactory().get("/?format=pdf"), sheet(map(taken.append, range(3))), "users")
    assert answer.status_code == 422
    assert "The format &quot;pdf&quot; is not known" in answer.content.decode()  # type: ignore[attr-defined]
    assert taken == []


def test_a_file_is_called_by_its_japanese_name_and_by_latin_letters_for_old_programs() -> None:
    answer = sheet_answer(RequestFactory().get("/"), sheet([]), 'コントソ"\r\n商事 users')
    assert answer["Content-Disposition"] == (
        "attachment; filename=\"users.csv\"; filename*=UTF-8''"
        "%E3%82%B3%E3%83%B3%E3%83%88%E3%82%BD%E5%95%86%E4%BA%8B_users.csv"
    )


def test_a_files_name_is_short_enough_for_a_disk() -> None:
    assert len(file_name("商" * 256, "users").encode()) < 230


@pytest.mark.parametrize(("zone", "name"), [("Asia/Tokyo", "JST"), ("UTC", "UTC"), ("Europe/Berlin", "Europe/Berlin")])
def test_the_heading_of_times_names_the_zone_of_all_of_them(zone: str, name: str) -> None:
    with override_settings(TIME_ZONE=zone):
        assert zone_name() == name
        answer = sheet_answer(
            RequestFactory().get("/?format=xlsx"), sheet([[MOMENT]], Column("When", is_moment=True)), "changes"
        )
        heading, (moment,) = read(io.BytesIO(b"".join(answer)))  # type: ignore[call-overload]
        answer.file_to_stream.close()  # type: ignore[attr-defined]
        assert heading == [f"When ({name})"]
        assert moment.tzinfo is None
