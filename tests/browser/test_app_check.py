"""App check in a browser: with and without a script, for people and for axe, and its text on the clipboard."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from licenses.models import LicenseChange
from licensing_portal.sandbox.story import user_id
from tests.browser.conftest import Portal
from tests.browser.test_every_page import SIDEWAYS

# One of each kind: a product to add, a plan to switch on, a location to choose, all in order, a note, no license helps.
PEOPLE = [("no-teams", 1), ("sales", 4), ("joiner", 1), ("executive", 1), ("executive", 5), ("guest", 1)]


@pytest.mark.parametrize(("width", "scheme", "language"), [(1280, "light", "en"), (390, "dark", "ja")])
def test_checks_are_accessible_and_fit(
    portal: Portal,
    open_page: Callable[..., Page],
    accessibility_problems: Callable[[Page], list[str]],
    width: int,
    scheme: str,
    language: str,
) -> None:
    page = open_page(width=width, scheme=scheme, language=language)
    for role, number in PEOPLE:
        page.goto(portal.address(f"users/{user_id(role, number)}/?app=teams"))
        assert accessibility_problems(page) == []
        assert page.evaluate(SIDEWAYS) <= 0
        assert page.locator(".checks > li").count() == 8


def test_a_helpdesk_agent_finds_the_cause_and_mends_it_without_a_script(
    portal: Portal, open_page: Callable[..., Page]
) -> None:
    page = open_page(person="helpdesk-agent", javascript=False)
    page.goto(portal.address(f"users/{user_id('sales', 4)}/"))
    page.get_by_role("link", name="Teams", exact=True).click()
    expect(page.get_by_text("1 check fails: Teams is switched off.", exact=True)).to_be_visible()
    page.get_by_role("button", name="Switch on Microsoft Teams in Office 365 E1").click()
    expect(page.get_by_role("heading", name="Review changes")).to_be_visible()
    assert LicenseChange.objects.get().total == 1
    page.get_by_role("link", name="Back", exact=True).click()
    expect(page.get_by_role("heading", name="App check")).to_be_visible()


def test_the_check_reaches_the_clipboard(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(portal.address(f"users/{user_id('executive', 5)}/?app=teams"))
    page.get_by_role("button", name="Copy check for ticket").click()
    expect(page.locator("#app-copied")).to_have_text("Copied to the clipboard.")
    text = page.evaluate("navigator.clipboard.readText()")
    assert "App check: Teams\n1 check fails: Microsoft is still setting Teams up for the user." in text
