"""Select from a list: files of every kind, what becomes of their rows, and what is refused without losing anything."""

import io
import re
import zipfile
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.list_form import MAX_LINES
from customers.models import Customer, SelectedUser
from licensing_portal.staff.models import StaffUser
from tests.factories import CustomerFactory
from tests.integration.list_page import address_of, arrivals, box_of, new_user, page_of
from tests.unit.test_uploaded import COMPOUND, repacked, sheet_of, workbook

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def customer() -> Customer:
    return CustomerFactory.create(default_domain="contoso.example")


@pytest.fixture
def upload(staff_client: Client, customer: Customer) -> Callable[..., HttpResponse]:
    """Post a file, and a text, as the page's form does."""

    def post(content: bytes, text: str = "", name: str = "users.csv") -> HttpResponse:
        data = {"lines": text, "file": SimpleUploadedFile(name, content)}
        return staff_client.post(address_of(customer), data)  # type: ignore[return-value]

    return post


@pytest.fixture
def arrived(staff: StaffUser, customer: Customer) -> Callable[[], list[str]]:
    """Tell the names of the selected users in their order of arrival."""
    return arrivals(staff, customer)


def _problems(response: HttpResponse) -> list[str]:
    return re.findall(r"<li>((?:Line|Row) [^<]+|and [^<]+)</li>", page_of(response))


ROWS = [
    ["表示名", "マネージャー", "サインイン名 (UPN)"],
    ["千恵", "aiko@contoso.example", "chloe@contoso.example"],
    ["ブルーノ", "aiko@contoso.example", "BRUNO@contoso.example"],
]
CSV = "\r\n".join(",".join(row) for row in ROWS)


@pytest.mark.parametrize(
    "content",
    [CSV.encode("utf-8-sig"), CSV.encode("utf-16"), CSV.encode("cp932"), workbook(ROWS)],
    ids=["utf-8", "utf-16", "shift_jis", "workbook"],
)
def test_a_file_selects_its_users_in_its_order_and_nobodys_manager(
    content: bytes,
    customer: Customer,
    upload: Callable[..., HttpResponse],
    arrived: Callable[[], list[str]],
    staff_client: Client,
) -> None:
    for name in ("Aiko", "Bruno", "Chloe"):
        new_user(customer, name)

    response = upload(content)

    assert response.status_code == 303
    assert "All 2 lines found and selected." in staff_client.get(response["Location"]).content.decode()
    assert arrived() == ["Chloe", "Bruno"]
    assert list(SelectedUser.objects.values_list("source", "source_detail")) == [("list", "2"), ("list", "3")]


def test_text_and_file_are_both_used_the_text_first(
    customer: Customer, upload: Callable[..., HttpResponse], arrived: Callable[[], list[str]]
) -> None:
    for name in ("Aiko", "Bruno", "Chloe"):
        new_user(customer, name)
    file = b"UPN\nbruno@contoso.example\naiko@contoso.example\nnobody@contoso.example\nchloe@contoso.example\n"

    response = upload(file + b"bruno@contoso.example", "aiko@contoso.example\nnobody else")

    assert response.status_code == 200
    assert "3 of 7 lines found and selected; 4 are left in the box" in page_of(response)
    assert arrived() == ["Aiko", "Bruno", "Chloe"]
    assert _problems(response) == [
        "Line 2: no sign-in name, mail address or object ID in this line",
        "Row 3 of the file: the same user as line 1",
        "Row 4 of the file: no user has the sign-in name, mail address or object ID “nobody@contoso.example”",
        "Row 6 of the file: the same user as row 2 of the file",
    ]
    assert box_of(response) == [
        "nobody else",
        "aiko@contoso.example",
        "nobody@contoso.example",
        "bruno@contoso.example",
    ]


def test_a_file_of_which_nobody_is_known_is_in_the_box_behind_the_text(upload: Callable[..., HttpResponse]) -> None:
    response = upload(b"Name,UPN\nA,a@x\n,,\nB,b@x\n", "c@x\r\n")

    assert response.status_code == 422
    assert "None of these lines names a user of this customer." in page_of(response)
    assert box_of(response) == ["c@x", "a@x\tA", "b@x\tB"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "This file holds no rows"),
        (b"UPN\n", "This file holds no rows"),
        (b"%PDF-1.7\n", "neither a CSV file nor an Excel workbook"),
        (bytes(range(256)), "neither a CSV file nor an Excel workbook"),
        (COMPOUND, "the old Excel format"),
        (COMPOUND + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
        (b"PK\x03\x04 no archive", "This workbook cannot be read"),
        (b"a@x\n" * (MAX_LINES + 1), "more than 50,000 rows"),
        (b"a@x\n" * (5 * 1024 * 1024 // 4 + 1), "larger than 5 MB"),
    ],
    ids=["empty", "headings", "pdf", "binary", "xls", "password", "damaged", "rows", "large"],
)
def test_a_refused_file_is_said_at_its_field_and_the_pasted_text_stays(
    content: bytes,
    words: str,
    customer: Customer,
    upload: Callable[..., HttpResponse],
    arrived: Callable[[], list[str]],
) -> None:
    new_user(customer, "Aiko")

    response = upload(content, "aiko@contoso.example\nsomebody")

    page = page_of(response)
    assert response.status_code == 422
    assert re.search(rf'<a href="#file">[^<]*{words}', page)
    assert re.search(r'<input id="file"[^>]* aria-describedby="file-hint file-error" aria-invalid="true"', page)
    assert not re.search(r'<textarea id="lines"[^>]* aria-invalid', page)
    assert box_of(response) == ["aiko@contoso.example", "somebody"]
    assert arrived() == []


def test_a_file_of_another_name_and_type_is_read_by_what_it_is(
    customer: Customer, upload: Callable[..., HttpResponse], arrived: Callable[[], list[str]]
) -> None:
    new_user(customer, "Aiko")
    assert upload(workbook([["aiko@contoso.example"]]), name="users.csv").status_code == 303
    new_user(customer, "Bruno")
    assert upload(b"bruno@contoso.example", name="../../users.xlsx").status_code == 303
    assert arrived() == ["Aiko", "Bruno"]


def test_markup_in_a_file_is_text(upload: Callable[..., HttpResponse]) -> None:
    response = upload(b"Name,UPN\n<script>alert(1)</script>,<b>@x\n=cmd|x,y@x\n")
    assert "<script>alert(1)" not in response.content.decode()
    assert "<b>@x" not in response.content.decode()


def _large_workbook(rows: int) -> bytes:
    cells = "".join(
        f'<row r="{n}"><c r="A{n}" t="inlineStr"><is><t>u{n}@x.example</t></is></c></row>' for n in range(1, rows + 1)
    )
    return repacked(workbook([["a@x"]]), sheet=sheet_of(cells))


def _large_csv(rows: int) -> bytes:
    return "".join(f"Name {n},u{n}@x.example\n" for n in range(1, rows + 1)).encode()


@pytest.mark.parametrize(("make", "most"), [(_large_csv, MAX_LINES), (_large_workbook, MAX_LINES // 4)])
def test_many_thousand_rows_cost_no_more_queries_than_two(
    make: Callable[[int], bytes], most: int, customer: Customer, upload: Callable[..., HttpResponse]
) -> None:
    new_user(customer, "Aiko", mail="u2@x.example")
    upload(make(2))
    counts = []
    for rows in (2, most):
        with CaptureQueriesContext(connection) as captured:
            response = upload(make(rows))
        counts.append(len(captured))
        assert f"1 of {rows:,} lines found and selected" in page_of(response)

    assert counts[0] == counts[1]


def test_the_form_works_without_script(staff_client: Client, customer: Customer) -> None:
    page = staff_client.get(address_of(customer)).content.decode()
    assert 'enctype="multipart/form-data"' in page
    assert '<label for="file">Or upload a file (CSV or Excel)</label>' in page
    # Either of the two is enough, so neither can be asked for by the browser.
    assert not re.search(r'<(?:textarea|input) id="(?:lines|file)"[^>]* required', page)


def test_an_archive_within_a_workbook_is_not_followed(upload: Callable[..., HttpResponse]) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("users.csv", "a@x")
    assert "an archive, but no Excel workbook" in page_of(upload(file.getvalue(), name="users.zip"))


@pytest.mark.parametrize("first", ["AIKO@contoso.example", "nobody@contoso.example"])
def test_what_a_large_file_leaves_in_the_box_can_be_posted_again(
    first: str, staff_client: Client, customer: Customer, upload: Callable[..., HttpResponse]
) -> None:
    new_user(customer, "Aiko")
    row = "{},経理部," + "x" * 150
    rows = [row.format(f"unknown{number}@contoso.example") for number in range(14_000)]
    response = upload("\n".join([row.format(first), "no address," + "y" * 150, *rows]).encode())
    left = box_of(response)
    assert left[-1] == "unknown13999@contoso.example"
    assert left[-len(rows) - 1].expandtabs(1) == "no address yyyyyyyyy"
    again = staff_client.post(address_of(customer), {"lines": "\r\n".join(left)})
    assert "larger than 2 MB" not in page_of(again)  # type: ignore[arg-type]
    assert box_of(again) == left  # type: ignore[arg-type]


def test_what_a_small_file_leaves_in_the_box_is_whole(upload: Callable[..., HttpResponse]) -> None:
    assert box_of(upload("unknown@contoso.example,経理部".encode())) == ["unknown@contoso.example\t経理部"]
