"""Rows of Manage licenses: one line each, a red edge where licences are short, names that can be told apart."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from customers import selection as selections
from licenses.core.diff import Wish
from licensing_portal.sandbox.catalog import sku_id
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.demo_people import PEOPLE
from licensing_portal.staff.models import StaffUser
from tests.browser.conftest import Portal
from tests.integration.saving import ALL, draft, pks, sku

E3, E5 = "Microsoft 365 E3", "Microsoft 365 E5"
_HIGH = """rows => rows.filter((row) => !row.querySelector(".why-box > *") && row.offsetHeight > 48)
  .map((row) => row.dataset.name + " " + row.offsetHeight)"""


def select(portal: Portal, people: list[str]) -> None:
    """Make these users the selection of the global admin."""
    selection = selections.get(StaffUser.objects.get(subject=PEOPLE[0].subject), portal.customer)
    selections.add(selection, pks(portal.customer, people))


@pytest.mark.parametrize("language", ["en", "ja"])
def test_changed_rows_stay_one_line(portal: Portal, open_page: Callable[..., Page], language: str) -> None:
    select(portal, [user_id("sales", number) for number in range(1, 11)])
    page = open_page(language=language)
    page.goto(portal.address("licenses/manage/"))
    rows = page.locator("#lic-table tbody tr:visible")
    assert rows.evaluate_all(_HIGH) == []
    for name in (E3, E5, "Office 365 E1", "Microsoft Copilot for Microsoft 365"):
        page.get_by_role("checkbox", name=name, exact=True).click()
    expect(page.locator(f"#after-{sku_id('SPE_E5')}")).to_have_class("bad short")
    assert rows.evaluate_all(_HIGH) == []


def test_a_short_row_has_a_red_edge(portal: Portal, open_page: Callable[..., Page]) -> None:
    select(portal, [user_id("wants-e5", number) for number in range(1, 11)])
    page = open_page()
    page.goto(portal.address("licenses/manage/"))
    head = page.locator(f"#row-{sku_id('SPE_E5')} > th")
    box = page.get_by_role("checkbox", name=E5, exact=True)
    box.click()
    # --bad in the light theme.
    expect(head).to_have_css("border-inline-start-color", "rgb(177, 14, 28)")
    page.get_by_role("button", name=f"Reset {E5}", exact=True).click()
    expect(head).to_have_css("border-inline-start-color", "rgba(0, 0, 0, 0)")


def test_a_form_that_opens_with_choices_says_at_once_what_they_do(
    portal: Portal, open_page: Callable[..., Page]
) -> None:
    staff = StaffUser.objects.get(subject=PEOPLE[0].subject)
    change = draft(staff, portal.customer, [user_id("joiner", 2)], Wish(products={sku("SPE_E3"): ALL}))
    page = open_page()
    # The page is as soon loaded as htmx is ready: once is no proof.
    for _ in range(6):
        page.goto(portal.address(f"licenses/manage/?change={change.pk}"))
        expect(page.locator("#impact")).to_contain_text(E3)
