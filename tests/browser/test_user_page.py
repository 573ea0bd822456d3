"""One user's page in a browser: the text for a ticket reaches the clipboard, or is selected where there is none."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from customers.models import DirectoryUser
from tests.browser.conftest import Portal


def _open(portal: Portal, page: Page) -> str:
    """Open somebody's page; return the text for a ticket."""
    user = DirectoryUser.objects.filter(holdings__isnull=False).order_by("sort_key")[0]
    page.goto(portal.address(f"users/{user.object_id}/"))
    return page.locator("#ticket-text").input_value()


def test_copy_for_ticket_puts_the_text_on_the_clipboard(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    text = _open(portal, page)

    page.get_by_role("button", name="Copy for ticket").click()

    expect(page.locator("#copied")).to_have_text("Copied to the clipboard.")
    assert page.evaluate("navigator.clipboard.readText()") == text
    assert "Object ID: " in text


def test_without_a_clipboard_the_text_is_selected(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    text = _open(portal, page)

    page.get_by_role("button", name="Copy for ticket").click()

    expect(page.locator("#copied")).to_contain_text("Ctrl+C")
    expect(page.locator("#ticket-text")).to_be_focused()
    assert page.evaluate("document.activeElement.selectionEnd - document.activeElement.selectionStart") == len(text)
