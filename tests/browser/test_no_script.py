"""The user list without JavaScript: nothing ticked is lost on the way out."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal

WAYS = {
    "Select from a list": "Select from a list",
    "Selected users (0)": "Selected users",
    "Manage licenses": "Manage licenses",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.thorough), 390])
def test_what_leads_away_takes_the_ticks_along(
    portal: Portal, open_page: Callable[..., Page], way: str, width: int
) -> None:
    page = open_page(javascript=False, width=width)
    page.goto(portal.address("users/"))
    page.locator("tbody input[name=sel]").first.check()
    acts = page.locator("#acts")
    expect(acts.get_by_role("link")).to_have_count(0)
    acts.get_by_role("button", name=way, exact=True).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(WAYS[way])
    page.goto(portal.address("users/"))
    expect(page.get_by_role("button", name="Selected users (1)")).to_be_visible()


def test_with_script_they_are_links(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(portal.address("users/"))

    expect(page.locator("#acts").get_by_role("link")).to_have_count(3)
    expect(page.locator("#acts").get_by_role("button")).to_have_count(0)


def test_box_of_the_page_ticks_and_unticks_its_rows(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page(javascript=False)
    page.goto(portal.address("users/"))
    box = page.get_by_role("checkbox", name="Select all users on this page")
    update = page.get_by_role("button", name="Update selection")
    box.check()
    update.click()
    expect(page.get_by_role("button", name="Selected users (50)")).to_be_visible()
    expect(box).to_be_checked()
    # One row less is one row less, though the box above it is still on.
    page.locator("tbody input[name=sel]").first.uncheck()
    update.click()
    expect(page.get_by_role("button", name="Selected users (49)")).to_be_visible()
    expect(box).not_to_be_checked()
    box.check()
    update.click()
    box.uncheck()
    update.click()
    expect(page.get_by_role("button", name="Selected users (0)")).to_be_visible()


def test_a_script_that_leaves_a_page_full_of_ticks_keeps_them(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(portal.address("users/"))
    page.get_by_role("checkbox", name="Select all users on this page").check()
    expect(page.locator("#selected-link")).to_have_text("Selected users (50)")
    page.reload()
    rows = page.locator("tbody input[name=sel]")
    rows.first.uncheck()
    expect(page.locator("#selected-link")).to_have_text("Selected users (49)")
    rows.first.check()
    page.locator("#selected-link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Selected users")
    expect(page.locator(".sub").first).to_contain_text("50 users of")
