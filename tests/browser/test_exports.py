"""Files and paper: links that download what the list shows, and the work report as it leaves the printer."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Page, expect

from licenses.core.diff import Wish
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.demo_people import PEOPLE
from licensing_portal.staff.models import StaffUser
from tests.browser.conftest import Portal
from tests.integration.saving import ALL, saved, sku

_A4 = re.compile(rb"/MediaBox \[0 0 59[45][.\d]* 84[12][.\d]*\]")


@pytest.mark.parametrize("javascript", [True, False])
def test_the_links_of_a_filtered_list_download_what_it_shows(
    portal: Portal, open_page: Callable[..., Page], tmp_path: Path, javascript: bool
) -> None:
    page = open_page(javascript=javascript)
    page.goto(portal.address("users/"))
    page.get_by_role("searchbox").fill("営業部")
    page.get_by_role("button", name="Search").first.click()
    expect(page.get_by_role("button", name="matching users")).to_have_text("Select all 36 matching users")
    with page.expect_download() as plain:
        page.get_by_role("link", name="Export", exact=True).click()
    with page.expect_download() as excel:
        page.get_by_role("link", name="Export to Excel").click()
    assert plain.value.suggested_filename.startswith("コントソ商事_")
    assert plain.value.path().read_text(encoding="utf-8-sig").count("\n") == 37
    file = tmp_path / "users.xlsx"
    excel.value.save_as(file)
    assert load_workbook(file).worksheets[0].max_row == 37


@pytest.fixture
def report(portal: Portal) -> str:
    """Return the address of a work report: one user updated, one refused."""
    staff = StaffUser.objects.get(subject=PEOPLE[0].subject)
    people = [user_id("joiner", number) for number in (1, 2)]
    change = saved(staff, portal.customer, people, Wish(products={sku("SPE_E3"): ALL}))
    return f"{portal.url}/changes/{change.pk}/report/"


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("ja", 320)])
def test_the_report_can_be_read_by_everybody(
    report: str,
    open_page: Callable[..., Page],
    accessibility_problems: Callable[[Page], list[str]],
    language: str,
    width: int,
) -> None:
    page = open_page(language=language, width=width)
    page.goto(report)
    assert accessibility_problems(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("[...document.querySelectorAll('.card')].every(one => one.scrollWidth <= one.clientWidth)")


def test_paper_has_the_report_alone_on_sheets_of_a4(report: str, open_page: Callable[..., Page]) -> None:
    page = open_page(scheme="dark")
    page.goto(report)
    page.emulate_media(media="print")
    for gone in (page.get_by_role("navigation"), page.get_by_role("button"), page.locator("header.bar")):
        assert not any(one.is_visible() for one in gone.all())
    for there in ("Work report", "Done by", "Checked by", "No usage location"):
        expect(page.get_by_role("article").get_by_text(there, exact=True).first).to_be_visible()
    assert _A4.search(page.pdf(prefer_css_page_size=True))


def test_print_opens_the_printer_and_without_script_the_page_says_where_it_is(
    report: str, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.add_init_script("window.print = () => document.body.setAttribute('data-printed', '')")
    page.goto(report)
    page.get_by_role("button", name="Print").click()
    expect(page.locator("body[data-printed]")).to_be_attached()
    plain = open_page(javascript=False)
    plain.goto(report)
    assert plain.get_by_role("button", name="Print").count() == 0
    expect(plain.locator("noscript p")).to_be_visible()
    expect(plain.locator("noscript p")).to_have_text("Print this page with your browser's menu.")
