"""The whole journey in Chromium, by the names that people read: in both languages, and without JavaScript."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from licensing_portal.sandbox.catalog import sku_id
from licensing_portal.sandbox.story import user_id
from tests.browser.conftest import Portal
from tests.browser.journey import JOINERS, SALES, WORDS, direct, finished, sign_in, tick

pytestmark = pytest.mark.usefixtures("worker")

COPILOT = "Microsoft Copilot for Microsoft 365"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# The lists of choices and the texts beside them, folded plans too, in pairs that share room.
_OVERLAPS = """() => {
  for (const fold of document.querySelectorAll(".lic details, details.folded")) fold.open = true;
  const found = [];
  for (const group of document.querySelectorAll(".lic .plan, .lic .pick")) {
    const parts = [...group.querySelectorAll(":scope > :is(label, .n), tri-state > select, :scope > .line > label")];
    const boxes = parts.map((one) => [one, one.getBoundingClientRect()]).filter(([, box]) => box.width && box.height);
    const over = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]) > 1;
    for (const [one, a] of boxes) for (const [other, b] of boxes) {
      const covers = over(a, b, "left", "right") && over(a, b, "top", "bottom");
      if (one !== other && covers) found.push(one.tagName + " over " + other.textContent);
    }
  }
  return found;
}"""


def lie_over_each_other(page: Page) -> list[str]:
    """Return which lists and texts of the products cover each other."""
    found: list[str] = page.evaluate(_OVERLAPS)
    return found


@pytest.mark.parametrize("language", ["en", "ja"])
def test_assign_and_revoke(portal: Portal, open_page: Callable[..., Page], language: str) -> None:
    words = WORDS[language]
    page = open_page(person=None, language=language)
    sign_in(page, portal)

    # Assign: nothing asks for Review, so Save starts at once.
    tick(page, portal, JOINERS, words, javascript=True)
    page.locator("#manage-link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(words.manage)
    row = page.get_by_role("row", name="Microsoft 365 E3").first
    box = row.get_by_role("checkbox", name="Microsoft 365 E3", exact=True)
    expect(box).not_to_be_checked()
    box.click()
    expect(page.locator("#impact")).to_contain_text("Microsoft 365 E3 · 2")
    page.get_by_label(words.ticket).fill("INC-20488")
    page.get_by_role("button", name=words.save, exact=True).click()
    finished(page, words, 2, javascript=True)
    expect(page.get_by_text("INC-20488")).to_be_visible()
    for object_id in JOINERS:
        assert direct(portal, object_id) == {sku_id("SPE_E3")}

    # Revoke: Review opens and names count and customer.
    page.goto(portal.address("users/"))
    expect(page.locator("#selected-link")).to_have_text(words.selected.format(0))
    tick(page, portal, SALES, words, javascript=True)
    page.locator("#manage-link").click()
    page.get_by_role("row", name="Office 365 E1").first.get_by_role(
        "checkbox", name="Office 365 E1", exact=True
    ).click()
    page.get_by_role("button", name=words.save, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(words.review)
    page.get_by_role("button", name=words.save_for.format(2)).click()
    finished(page, words, 2, javascript=True)
    for object_id in SALES:
        assert sku_id("STANDARDPACK") not in direct(portal, object_id)


def test_without_javascript(portal: Portal, open_page: Callable[..., Page]) -> None:
    words = WORDS["en"]
    page = open_page(person=None, javascript=False)
    sign_in(page, portal)
    tick(page, portal, JOINERS, words, javascript=False)
    page.get_by_role("button", name=words.manage).click()
    for width in (1280, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert lie_over_each_other(page) == []
        assert page.evaluate(SIDEWAYS) <= 0
    page.get_by_label("Microsoft 365 E3", exact=True).select_option(label=words.assign_all.format(2))
    page.get_by_role("button", name=words.review).click()
    page.get_by_role("button", name=words.save_for.format(2)).click()
    finished(page, words, 2, javascript=False)
    for object_id in JOINERS:
        assert direct(portal, object_id) == {sku_id("SPE_E3")}


def test_a_partial_box_turns_through_three_states(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(portal.address("users/"))
    tick(page, portal, [user_id("member", 9), JOINERS[0]], WORDS["en"], javascript=True)
    page.locator("#manage-link").click()
    box = page.get_by_role("checkbox", name=COPILOT, exact=True)
    posted = page.locator(f"select[name='product-{sku_id('Microsoft_365_Copilot')}']")
    expect(box).to_be_checked(indeterminate=True)
    box.focus()
    for value, checked, partial in (("all", True, False), ("none", False, False), ("keep", False, True)):
        page.keyboard.press("Space")
        assert posted.input_value() == value
        if partial:
            expect(box).to_be_checked(indeterminate=True)
        else:
            expect(box).to_be_checked(checked=checked)


def test_a_selection_survives_pages_search_and_sign_out(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page(person=None)
    sign_in(page, portal)
    link = page.locator("#selected-link")
    page.locator("tbody input[name=sel]").nth(0).check()
    expect(link).to_have_text("Selected users (1)")
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.get_by_text("Page 2 of 3", exact=True)).to_be_visible()
    page.locator("tbody input[name=sel]").nth(3).check()
    expect(link).to_have_text("Selected users (2)")
    page.get_by_role("button", name="Last", exact=True).click()
    expect(page.get_by_text("Page 3 of 3", exact=True)).to_be_visible()
    page.locator("tbody input[name=sel]").nth(1).check()
    expect(link).to_have_text("Selected users (3)")
    page.get_by_role("button", name="Usage location").click()
    page.locator("#q").fill("営業部")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(link).to_have_text("Selected users (3)")
    page.reload()
    expect(link).to_have_text("Selected users (3)")
    page.get_by_role("button", name="Signed in as").click()
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, portal)
    expect(link).to_have_text("Selected users (3)")
    page.get_by_role("button", name="Select all 137 matching users").click()
    expect(link).to_have_text("Selected users (137)")
    page.get_by_role("button", name="Clear selection").click()
    expect(link).to_have_text("Selected users (0)")


def test_group_held_licences_are_locked_and_named(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(portal.address("users/"))
    tick(page, portal, [user_id("member", 50), user_id("member", 51)], WORDS["en"], javascript=True)
    page.locator("#manage-link").click()
    box = page.get_by_role("checkbox", name="Microsoft Entra ID P2", exact=True)
    expect(box).to_be_disabled()
    expect(box).to_be_checked()
    expect(page.get_by_text("kept by group セキュリティ強化")).to_be_visible()
