"""What an uploaded file says: encodings, separators, workbooks, columns; and that no bytes do any harm."""

import io
import random
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import DEFUSEDXML, Workbook

from customers import workbooks
from customers.columns import read_lines
from customers.pasted import read_lines as read_pasted
from customers.unfit import SENTENCES, Reason, Unfit
from customers.uploaded import MAX_FILE_BYTES, decode, read_sheet

ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
MANY = 1_000
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
JAPANESE = "表示名,メール,備考\r\n髙橋 一郎,ichiro@contoso.example,①～ﾊﾝｶｸ\r\n"


def keys(content: bytes) -> list[tuple[int, str]]:
    """Return the rows that count with what they name."""
    return [(line.number, line.key) for line in read_lines(read_sheet(content, at_most=MANY))]


def reason(content: bytes, *, at_most: int = MANY) -> Reason:
    with pytest.raises(Unfit) as refusal:
        read_sheet(content, at_most=at_most)
    return refusal.value.reason


def workbook(*sheets: Iterable[Sequence[Any]]) -> bytes:
    """Return a workbook with these rows."""
    book = Workbook()
    for number, rows in enumerate(sheets):
        sheet = book.active if number == 0 else book.create_sheet()
        for row in rows:
            sheet.append(row)
    return saved(book)


def saved(book: Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def repacked(content: bytes, *, packing: int = zipfile.ZIP_DEFLATED, **parts: str | bytes) -> bytes:
    """Return an archive with some of its parts exchanged; each has a short name."""
    names = {
        "sheet": "xl/worksheets/sheet1.xml",
        "strings": "xl/sharedStrings.xml",
        "styles": "xl/styles.xml",
        "relations": "xl/_rels/workbook.xml.rels",
        "book": "xl/workbook.xml",
        "types": "[Content_Types].xml",
    }
    exchanged = {names[name]: text for name, text in parts.items()}
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", packing) as new:
        for part in old.infolist():
            new.writestr(part.filename, exchanged.pop(part.filename, old.read(part)))
        for name, text in exchanged.items():
            new.writestr(name, text)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        JAPANESE.encode(),
        JAPANESE.encode("utf-8-sig"),
        JAPANESE.encode("utf-16"),
        b"\xfe\xff" + JAPANESE.encode("utf-16-be"),
        JAPANESE.encode("utf-16-le"),
        JAPANESE.encode("utf-16-be"),
        JAPANESE.encode("cp932"),
    ],
    ids=["utf-8", "utf-8 with mark", "utf-16", "utf-16 be", "utf-16 le bare", "utf-16 be bare", "shift_jis"],
)
def test_every_usual_encoding_is_read(content: bytes) -> None:
    assert decode(content) == JAPANESE
    assert keys(content) == [(2, "ichiro@contoso.example")]


def test_western_letters_and_damaged_ones_cost_no_address() -> None:
    assert decode("René,rene@contoso.example".encode("cp1252")) == "René,rene@contoso.example"
    assert keys(b"Name,Mail\nX\x81\xff,x@contoso.example\n") == [(2, "x@contoso.example")]


def test_a_text_of_common_kanji_in_bare_utf_16_is_read_in_its_order_of_bytes() -> None:
    # Their bytes are zeros on both sides.
    text = "一丁　、\ttaro@contoso.example\n" * 3
    assert decode(text.encode("utf-16-le")) == decode(text.encode("utf-16-be")) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@x\nb@x\n", [(1, "a@x"), (2, "b@x")]),
        ("Name;Mail\nA;a@x\n", [(2, "a@x")]),
        ("Name\tMail\nYamada, Taro\ta@x\n", [(2, "a@x")]),
        ('"Yamada; Taro",a@x\n"Sato; Ken",b@x\n', [(1, "a@x"), (2, "b@x")]),
        ("sep=;\nName;Mail\nA, B;a@x\n", [(2, "a@x")]),
        # Rows as a spreadsheet counts them: a cell with ends of line is in one row, an empty row counts.
        ('Mail,Note\na@x,"two\nlines with b@x"\n\nc@x,""\n', [(2, "a@x"), (4, "c@x")]),
        ("Mail\rA@X\rb@x", [(2, "a@x"), (3, "b@x")]),
        # A quote that does not close swallows nobody.
        ('Mail\n"a@x\nb@x\n', [(2, "a@x"), (3, "b@x")]),
        ('Mail\n"a@x"y\nb@x\n', [(2, "a@x"), (3, "b@x")]),
        ("Mail\n" + "x" * 140_000 + "\na@x", [(2, ""), (3, "a@x")]),
        (f"Name,Id\nTaro,{{{ID.upper()}}}\n", [(2, ID)]),
        ("a@x; b@x;c@x\n", [(1, "a@x"), (1, "b@x"), (1, "c@x")]),
        ("a@x\x1a", [(1, "a@x")]),
        ("ｔａｒｏ＠ｘ\n", [(1, "taro@x")]),
    ],
)
def test_separators_quotes_and_rows(text: str, expected: list[tuple[int, str]]) -> None:
    assert keys(text.encode()) == expected


@pytest.mark.parametrize(
    ("heading", "row", "key"),
    [
        ("Mail,User principal name", "mail@x,upn@x", "upn@x"),
        ("Mail,userPrincipalName", "mail@x,upn@x", "upn@x"),
        ("メール,ユーザー プリンシパル名", "mail@x,upn@x", "upn@x"),
        ("メール,サインイン名 (UPN)", "mail@x,upn@x", "upn@x"),
        ("Manager,UPN", "boss@x,upn@x", "upn@x"),
        ("Manager,メール アドレス", "boss@x,mail@x", "mail@x"),
        ("Manager,オブジェクト ID", f"boss@x,{ID}", ID),
        ("Email,Object Id", f"mail@x,{ID}", ID),
        ("UPN,Mail", ",mail@x", "mail@x"),
        ("Username,Email", "taro,mail@x", "mail@x"),
        # Nobody is found rather than somebody else.
        ("UPN,Manager", ",boss@x", ""),
        ("UPN,Manager", "taro,boss@x", ""),
        ("UPN,Name", "upn@x", "upn@x"),
        ("Whatever,They say", "a@x,b@x", "a@x"),
        ("Report of 27 Nov\n\nName,UPN", "a,upn@x", "upn@x"),
    ],
)
def test_a_heading_tells_which_cell_names_the_user(heading: str, row: str, key: str) -> None:
    assert [found for _number, found in keys(f"{heading}\n{row}\n".encode())] == [key]


def test_the_text_of_a_row_names_the_same_user_when_it_is_pasted() -> None:
    rows = f"Manager,Mail,UPN,Name\nboss@x,mail@x,upn@x,Taro\nboss@x,{ID},,Jiro; Goro\nboss@x,,,Nobody\n"
    lines = read_lines(read_sheet(rows.encode(), at_most=MANY))
    assert [(line.text, line.in_file) for line in lines] == [
        ("upn@x\tTaro", True),
        (f"{ID}\tJiro; Goro", True),
        ("Nobody", True),
    ]
    assert [line.key for line in read_pasted("\n".join(line.text for line in lines))] == ["upn@x", ID, ""]


def test_a_long_row_is_kept_in_part_and_its_user_whole() -> None:
    address = "a" * 200 + "@x"
    text = f"{'n' * 300},{address},{'m' * 300}\n{'n' * 300},b@x"
    assert [line.text for line in read_lines(read_sheet(text.encode(), at_most=MANY))] == [
        address,
        "b@x\t" + "n" * 156,
    ]


def test_a_workbook_is_read_as_text() -> None:
    content = workbook(
        [
            ["Display name", "User principal name", "When created", "Number", "Blocked"],
            ["髙橋", "ichiro@contoso.example", date(2026, 11, 27), 1.5, True],
            [],
            [None, ID, None, 7.0, "=1/0"],
        ]
    )
    assert keys(content) == [(2, "ichiro@contoso.example"), (4, ID)]
    rows = read_sheet(content, at_most=MANY).rows
    assert rows[1][1] == ["髙橋", "ichiro@contoso.example", "46353", "1.5", "True"]
    assert rows[2][1][3] == "7"


def test_a_formula_counts_as_what_it_was_worked_out_to() -> None:
    sheet = sheet_of('<row r="1"><c r="A1" t="str"><f>B1&amp;"@x"</f><v>taro@x</v></c></row>')
    assert keys(repacked(workbook([["a@x"]]), sheet=sheet)) == [(1, "taro@x")]


def test_the_first_sheet_that_names_a_user_is_taken_and_a_visible_one_before_a_hidden_one() -> None:
    book = Workbook()
    book.active.append(["hidden@x"])
    book.active.sheet_state = "hidden"
    book.create_sheet().append(["Read me first"])
    book.create_sheet()
    book.create_sheet().append(["seen@x"])
    assert keys(saved(book)) == [(1, "seen@x")]
    del book["Sheet3"]
    assert keys(saved(book)) == [(1, "hidden@x")]


def test_a_wrong_size_in_the_sheet_hides_nobody() -> None:
    rows = "".join(f'<row r="{n}"><c r="B{n}" t="inlineStr"><is><t>u{n}@x</t></is></c></row>' for n in (1, 2, 900))
    sheet = sheet_of(rows, before='<dimension ref="A1"/>')
    assert keys(repacked(workbook([["a@x"]]), sheet=sheet)) == [(1, "u1@x"), (2, "u2@x"), (900, "u900@x")]


def sheet_of(rows: str, before: str = "", after: str = "") -> str:
    return f'<worksheet xmlns="{MAIN}">{before}<sheetData>{rows}</sheetData>{after}</worksheet>'


def book_of(more: str = "", *, space: str = "http://schemas.openxmlformats.org/officeDocument/2006") -> str:
    sheets = f'<sheets><sheet name="a" sheetId="1" xmlns:r="{space}/relationships" r:id="rId1"/></sheets>'
    return f'<workbook xmlns="{MAIN}">{sheets}{more}</workbook>'


def _archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "<x/>")
    return file.getvalue()


COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", Reason.EMPTY),
        (b"\xef\xbb\xbf \r\n,,,\r\n", Reason.EMPTY),
        (workbook([]), Reason.EMPTY),
        (b"a@x\n" * (MAX_FILE_BYTES // 4 + 1), Reason.TOO_LARGE),
        (b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\n", Reason.NOT_TEXT),
        (b"\x89PNG\r\n\x1a\n", Reason.NOT_TEXT),
        (bytes(range(256)), Reason.NOT_TEXT),
        (b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00", Reason.NOT_TEXT),
        (b"a@x\x07", Reason.NOT_TEXT),
        (b"\n<!DOCTYPE html><table><tr><td>a@x", Reason.WEB_PAGE),
        (b'<?xml version="1.0"?><Workbook>', Reason.WEB_PAGE),
        (COMPOUND, Reason.OLD_WORKBOOK),
        (COMPOUND + "EncryptedPackage".encode("utf-16-le"), Reason.PROTECTED),
        (_archive("a.txt"), Reason.NO_WORKBOOK),
        (_archive(), Reason.NO_WORKBOOK),
        (_archive("[Content_Types].xml", "word/document.xml"), Reason.NO_WORKBOOK),
        (_archive("[Content_Types].xml", "xl/workbook.bin"), Reason.BINARY_WORKBOOK),
        (_archive("[Content_Types].xml", "xl/workbook.xml"), Reason.DAMAGED),
        (b"PK\x03\x04 and no more", Reason.DAMAGED),
        (workbook([["a@x"]])[:-40], Reason.DAMAGED),
        (repacked(workbook([["a@x"]]), sheet="<worksheet><sheetData>"), Reason.DAMAGED),
        (repacked(workbook([["a@x"]]), sheet="<!DOCTYPE worksheet>" + sheet_of("")), Reason.DAMAGED),
        (repacked(workbook([["a@x"]]), sheet=("<!DOCTYPE x>" + sheet_of("")).encode("utf-16")), Reason.DAMAGED),
        (repacked(workbook([["a@x"]]), sheet=sheet_of('<row><c r="?"/></row>')), Reason.DAMAGED),
        (repacked(workbook([["a@x"]]), packing=zipfile.ZIP_LZMA), Reason.DAMAGED),
        # The strict kind of the format, with names of its own.
        (
            repacked(workbook([["a@x"]]), book=book_of(space="http://purl.oclc.org/ooxml/officeDocument")),
            Reason.DAMAGED,
        ),
    ],
)
def test_what_cannot_be_a_list_is_refused_with_its_reason(content: bytes, expected: Reason) -> None:
    assert reason(content) == expected
    assert str(SENTENCES[expected])


@pytest.mark.parametrize("content", [b"a@x\n" * 11, workbook([["a@x"]] * 11)], ids=["text", "workbook"])
def test_more_rows_than_asked_for_are_refused(content: bytes) -> None:
    assert reason(content, at_most=10) == Reason.TOO_MANY_ROWS
    assert len(read_sheet(content, at_most=11).rows) == 11


def test_a_workbook_is_read_no_further_than_asked_for() -> None:
    assert len(workbooks.read_workbook(workbook([["a@x"]] * 11), at_most=5)) == 6


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
# What packs badly, so that the rest may unpack to more.
NOISE = f"<!--{random.Random(1).randbytes(700_000).hex()}-->"
REFERENCE = '<row><c t="s"><v>0</v></c></row>'


@pytest.mark.parametrize(
    "parts",
    [
        {"styles": NOISE + " " * workbooks.MAX_UNPACKED},
        {"styles": " " * 4_000_000},
        {"sheet": sheet_of("<row>" + "<c/>" * 1_000_000 + "</row>")},
        {"strings": f'<sst xmlns="{MAIN}">' + "<si><t>a</t></si>" * 300_000 + "</sst>"},
        {"sheet": NOISE + sheet_of("<row>" + "<c/>" * (workbooks.MAX_ROW // 4) + "</row>")},
        {"sheet": NOISE + "<x:row>" + "<c/>" * (workbooks.MAX_ROW // 4)},
        {"sheet": (NOISE + sheet_of("<row>" + "<c/>" * (workbooks.MAX_ROW // 4) + "</row>")).encode("utf-16")},
        {"styles": NOISE + "<x>" + "<x/>" * workbooks.MAX_TAGS + "</x>"},
        {"relations": NOISE + "<x>" + "<x/>" * 30_000 + "</x>"},
    ],
    ids=["size", "ratio", "cells", "texts", "long row", "row without end", "wide letters", "elements", "names"],
)
def test_a_small_file_that_unpacks_to_a_flood_is_refused(parts: dict[str, str | bytes]) -> None:
    content = repacked(workbook([["a@x"]]), **parts)
    assert len(content) < MAX_FILE_BYTES
    assert reason(content) == Reason.TOO_MUCH_INSIDE


def many_sheets(number: int) -> str:
    space = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    sheets = "".join(f'<sheet name="s{n}" sheetId="{n}" r:id="rId1"/>' for n in range(1, number + 1))
    return f'<workbook xmlns="{MAIN}" xmlns:r="{space}"><sheets>{sheets}</sheets></workbook>'


def test_a_part_that_many_sheets_name_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    content = repacked(workbook([["nobody"]]), book=many_sheets(40))
    opened: list[str] = []
    read = zipfile.ZipFile.open

    def counted(archive: zipfile.ZipFile, name: Any, *arguments: Any, **options: Any) -> Any:
        if archive.mode == "r" and name == "xl/worksheets/sheet1.xml":
            opened.append(name)
        return read(archive, name, *arguments, **options)

    monkeypatch.setattr(zipfile.ZipFile, "open", counted)
    assert [row for _number, row in read_sheet(content, at_most=MANY).rows] == [["nobody"]]
    assert len(opened) == 1


def test_no_more_than_fifty_sheets_are_read() -> None:
    assert keys(workbook(*[[["nobody"]]] * 49, [["a@x"]])) == [(1, "a@x")]
    assert keys(workbook(*[[["nobody"]]] * 50, [["a@x"]])) == [(1, "")]


def test_what_stands_beside_the_rows_is_not_read() -> None:
    merged = '<mergeCells><mergeCell ref="no area"/></mergeCells>'
    sheet = sheet_of('<row><c t="inlineStr"><is><t>a@x</t></is></c></row>', before=merged, after=merged)
    assert keys(repacked(workbook([["a@x"]]), sheet=sheet)) == [(1, "a@x")]


def test_a_workbook_waits_its_turn_and_is_sent_away_when_that_takes_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workbooks, "_WAIT_SECONDS", 0.01)
    with workbooks._turn:
        assert reason(workbook([["a@x"]])) == Reason.BUSY
    assert keys(workbook([["a@x"]])) == [(1, "a@x")]


def test_entities_are_refused() -> None:
    sheet = ENTITIES + sheet_of("<row><c><v>&b;</v></c></row>")
    assert reason(repacked(workbook([["a@x"]]), sheet=sheet)) == Reason.DAMAGED
    # Those of other parts too, by the library itself.
    assert DEFUSEDXML is True


def test_a_part_that_is_longer_than_the_archive_states_is_refused() -> None:
    content = bytearray(repacked(workbook([["a@x"]]), sheet=sheet_of("<row/>" * 1_000)))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    place = content.rindex(size.to_bytes(4, "little"))
    content[place : place + 4] = (size // 2).to_bytes(4, "little")
    assert reason(bytes(content)) == Reason.DAMAGED


def test_one_long_text_in_many_cells_is_refused() -> None:
    content = with_strings(f'<sst xmlns="{MAIN}"><si><t>{"a" * 40_000}</t></si></sst>')
    ((_number, cells),) = read_sheet(repacked(content, sheet=sheet_of(REFERENCE)), at_most=MANY).rows
    assert [len(cell) for cell in cells] == [32_767]
    assert reason(repacked(content, sheet=sheet_of(REFERENCE * 3_000)), at_most=3_000) == Reason.TOO_MUCH_INSIDE


def test_cells_far_below_and_to_the_right_cost_nothing() -> None:
    cell = '<row r="{0}"><c r="{1}{0}" t="inlineStr"><is><t>a@x</t></is></c></row>'
    # Below the last row of Excel there is nobody.
    rows = cell.format(5, "A") + cell.format(1_048_576, "XFD") + cell.format(10**15, "A")
    content = repacked(workbook([["a@x"]]), sheet=sheet_of(rows))
    assert keys(content) == [(5, "a@x")]


def test_neither_looks_nor_named_areas_nor_charts_hide_a_list() -> None:
    book = Workbook()
    book.active.append(["a@x"])
    book.create_chartsheet(index=0)
    assert keys(repacked(saved(book), styles="<no end")) == [(1, "a@x")]
    # It would take openpyxl a minute.
    name = f'<definedName name="_xlnm.Print_Area" localSheetId="0">{"$A$1," * 20_000}</definedName>'
    areas = book_of(f"<definedNames>{name}</definedNames>")
    assert keys(repacked(workbook([["a@x"]]), book=areas)) == [(1, "a@x")]


def test_what_openpyxl_warns_of_is_no_damage() -> None:
    extension = '<extLst><ext uri="{78C0D931-6437-407D-A8EE-F0AAD7539E65}"/></extLst>'
    row = '<row><c t="inlineStr"><is><t>b@x</t></is></c></row>'
    assert keys(repacked(workbook([["a@x"]]), sheet=sheet_of(row, after=extension))) == [(1, "b@x")]


def test_shared_texts_are_read_without_the_readings_of_names() -> None:
    reading = '<rPh sb="0" eb="2"><t>ﾔﾏﾀﾞ</t></rPh>'
    texts = f"<si><t>山田</t>{reading}</si><si><r><t>taro</t></r><r><t>@x</t></r></si>"
    sheet = sheet_of('<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row>')
    content = repacked(with_strings(f'<sst xmlns="{MAIN}">{texts}</sst>'), sheet=sheet)
    assert read_sheet(content, at_most=MANY).rows == [(1, ["山田", "taro@x"])]


def with_strings(strings: str) -> bytes:
    """Return a workbook whose cells can share these texts, as Excel writes them."""
    content = workbook([["a@x"]])
    types = zipfile.ZipFile(io.BytesIO(content)).read("[Content_Types].xml").decode()
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    part = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    return repacked(content, strings=strings, types=types.replace("</Types>", part))


def test_names_with_prefixes_and_cells_far_to_the_right_are_read() -> None:
    cells = '<x:c r="CZ1" t="str"><x:v>a@x</x:v></x:c><x:c r="DA1" t="str"><x:v>b@x</x:v></x:c>'
    sheet = f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData><x:row r="1">{cells}</x:row></x:sheetData></x:worksheet>'
    (row,) = read_sheet(repacked(workbook([["a@x"]]), sheet=sheet), at_most=MANY).rows
    assert [(place, cell) for place, cell in enumerate(row[1], start=1) if cell] == [(104, "a@x")]


@given(st.binary(max_size=400))
def test_no_bytes_do_harm(content: bytes) -> None:
    _read_or_refuse(content)


PIECES = st.sampled_from(
    ['"', ",", ";", "\t", "\n", "\r\n", "@", "a@x", ID, "UPN", "メール", "＠", "\0", "<", "\u200b"]
)


@given(
    st.lists(PIECES | st.text(max_size=8), max_size=40).map("".join),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp932"]),
)
def test_no_text_does_harm_and_every_row_names_the_same_user_when_pasted(text: str, encoding: str) -> None:
    for line in _read_or_refuse(text.encode(encoding, errors="replace")):
        assert re.search(r"[\r\n]", line.text) is None
        pasted = read_pasted(f"first@x\n{line.text}")[1:]
        assert not line.key or pasted[0].key == line.key


GOOD = workbook([["Name", "UPN"], ["Taro", "taro@x"], [1, date(2026, 1, 1)]])


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=12))
def test_no_damaged_workbook_does_harm(damage: list[tuple[int, int]]) -> None:
    content = bytearray(GOOD)
    for place, value in damage:
        content[place] = value
    _read_or_refuse(bytes(content))


@given(st.text(alphabet="<>/\"= rcvtsi0189AZ'&;\n", max_size=120))
def test_no_sheet_of_a_workbook_does_harm(rows: str) -> None:
    _read_or_refuse(repacked(GOOD, sheet=sheet_of(rows)))


def _read_or_refuse(content: bytes) -> list[Any]:
    try:
        return read_lines(read_sheet(content, at_most=MANY))
    except Unfit:
        return []
