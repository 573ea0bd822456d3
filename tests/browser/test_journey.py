"""The whole journey in Chromium, by the names that people read: in both languages, and without JavaScript."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from licensing_portal.sandbox.catalog import sku_id
from licensing_portal.sandbox.story import user_id
from tests.browser.conftest import Portal

pytestmark = pytest.mark.usefixtures("worker")

JOINERS = [user_id("joiner", number) for number in (2, 3)]
SALES = [user_id("sales", number) for number in (1, 2)]
COPILOT = "Microsoft Copilot for Microsoft 365"


@dataclass(frozen=True)
class Words:
    """Names of controls in one language."""

    select: str
    next: str
    manage: str
    selected: str
    save: str
    review: str
    save_for: str
    title: str
    updated: str
    ticket: str
    assign_all: str
    unassign_all: str
    update_selection: str


WORDS = {
    "en": Words(
        "Select {}",
        "Next",
        "Manage licenses",
        "Selected users ({})",
        "Save",
        "Review changes",
        "Save for {} users of コントソ商事",
        "Licenses updated",
        "Updated ({})",
        "Ticket or reason",
        "Assign to all {}",
        "Unassign from all",
        "Update selection",
    ),
    "ja": Words(
        "{} を選択",
        "次へ",
        "ライセンスの管理",
        "選択したユーザー ({})",
        "保存",
        "変更内容の確認",
        "コントソ商事 の {} 人について保存",
        "ライセンスの変更結果",
        "変更済み ({})",
        "チケット番号・理由",
        "{} 人全員に割り当てる",
        "全員の割り当てを解除する",
        "選択を反映",
    ),
}


def _name(portal: Portal, object_id: str) -> str:
    tenant = portal.sandbox.tenant(portal.customer.tenant_id)
    assert tenant is not None
    return tenant.users[object_id].name


def _direct(portal: Portal, object_id: str) -> set[str]:
    tenant = portal.sandbox.tenant(portal.customer.tenant_id)
    assert tenant is not None
    return set(tenant.users[object_id].direct)


def _sign_in(page: Page, portal: Portal) -> None:
    page.goto(portal.url)
    page.get_by_role("button", name="Mika Mori").click()
    page.get_by_role("link", name="コントソ商事").click()


def _tick(page: Page, portal: Portal, object_ids: list[str], words: Words, *, javascript: bool) -> None:
    """Find each user by sign-in name and tick the box; every search shows another list."""
    tenant = portal.sandbox.tenant(portal.customer.tenant_id)
    assert tenant is not None
    for number, object_id in enumerate(object_ids, start=1):
        page.locator("#q").fill(tenant.users[object_id].upn)
        page.locator("#q").press("Enter")
        box = page.get_by_role("checkbox", name=words.select.format(_name(portal, object_id)), exact=True)
        box.check()
        if not javascript:
            page.get_by_role("button", name=words.update_selection).click()
        expect(page.locator("#selected-link")).to_have_text(words.selected.format(number))


def _finished(page: Page, words: Words, number: int, *, javascript: bool) -> None:
    """Wait for the result; without script the page asks for itself again."""
    expect(page.get_by_role("link", name=words.updated.format(number))).to_be_visible(timeout=20_000)
    expect(page.get_by_role("heading", level=1)).to_have_text(words.title)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_assign_and_revoke(portal: Portal, open_page: Callable[..., Page], language: str) -> None:
    words = WORDS[language]
    page = open_page(person=None, language=language)
    _sign_in(page, portal)

    # Assign: nothing asks for Review, so Save starts at once.
    _tick(page, portal, JOINERS, words, javascript=True)
    page.locator("#manage-link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(words.manage)
    row = page.get_by_role("row", name="Microsoft 365 E3").first
    box = row.get_by_role("checkbox", name="Microsoft 365 E3", exact=True)
    expect(box).not_to_be_checked()
    box.click()
    expect(page.locator("#impact")).to_contain_text("Microsoft 365 E3 · 2")
    page.get_by_label(words.ticket).fill("INC-20488")
    page.get_by_role("button", name=words.save, exact=True).click()
    _finished(page, words, 2, javascript=True)
    expect(page.get_by_text("INC-20488")).to_be_visible()
    for object_id in JOINERS:
        assert _direct(portal, object_id) == {sku_id("SPE_E3")}

    # Revoke: Review opens and names count and customer.
    page.goto(portal.address("users/"))
    expect(page.locator("#selected-link")).to_have_text(words.selected.format(0))
    _tick(page, portal, SALES, words, javascript=True)
    page.locator("#manage-link").click()
    page.get_by_role("row", name="Office 365 E1").first.get_by_role(
        "checkbox", name="Office 365 E1", exact=True
    ).click()
    page.get_by_role("button", name=words.save, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(words.review)
    page.get_by_role("button", name=words.save_for.format(2)).click()
    _finished(page, words, 2, javascript=True)
    for object_id in SALES:
        assert sku_id("STANDARDPACK") not in _direct(portal, object_id)


def test_without_javascript(portal: Portal, open_page: Callable[..., Page]) -> None:
    words = WORDS["en"]
    page = open_page(person=None, javascript=False)
    _sign_in(page, portal)
    _tick(page, portal, JOINERS, words, javascript=False)
    page.locator("#manage-link").click()
    page.get_by_label("Microsoft 365 E3", exact=True).select_option(label=words.assign_all.format(2))
    page.get_by_role("button", name=words.review).click()
    page.get_by_role("button", name=words.save_for.format(2)).click()
    _finished(page, words, 2, javascript=False)
    for object_id in JOINERS:
        assert _direct(portal, object_id) == {sku_id("SPE_E3")}


def test_a_partial_box_turns_through_three_states(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(portal.address("users/"))
    _tick(page, portal, [user_id("member", 9), JOINERS[0]], WORDS["en"], javascript=True)
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
    _sign_in(page, portal)
    link = page.locator("#selected-link")
    page.locator("tbody input[name=sel]").nth(0).check()
    expect(link).to_have_text("Selected users (1)")
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.get_by_text("Page 2 of 3", exact=True)).to_be_visible()
    page.locator("tbody input[name=sel]").nth(3).check()
    expect(link).to_have_text("Selected users (2)")
    page.get_by_role("button", name="Last", exact=True).click()
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
    _sign_in(page, portal)
    expect(link).to_have_text("Selected users (3)")
    page.get_by_role("button", name="Select all 137 matching users").click()
    expect(link).to_have_text("Selected users (137)")
    page.get_by_role("button", name="Clear selection").click()
    expect(link).to_have_text("Selected users (0)")


def test_group_held_licences_are_locked_and_named(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(portal.address("users/"))
    _tick(page, portal, [user_id("member", 50), user_id("member", 51)], WORDS["en"], javascript=True)
    page.locator("#manage-link").click()
    box = page.get_by_role("checkbox", name="Microsoft Entra ID P2", exact=True)
    expect(box).to_be_disabled()
    expect(box).to_be_checked()
    expect(page.get_by_text("kept by group セキュリティ強化")).to_be_visible()
