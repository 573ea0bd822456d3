"""The journey of three people: one with a keyboard alone, one who listens, one with a phone."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from licensing_portal.sandbox.catalog import sku_id
from tests.browser.conftest import Portal
from tests.browser.journey import JOINERS, SALES, WORDS, direct, finished, name, tick

pytestmark = pytest.mark.usefixtures("worker")

E1, E3 = "Office 365 E1", "Microsoft 365 E3"
_FOCUSED = "one => one === document.activeElement"


def tab_to(page: Page, target: Locator, *, key: str = "Tab", most: int = 150) -> None:
    """Press Tab until the control has the focus."""
    expect(target).to_be_visible()
    # Found once: nothing is swapped while the focus moves.
    one = target.element_handle()
    for _press in range(most):
        page.keyboard.press(key)
        if one.evaluate(_FOCUSED):
            return
    raise AssertionError(f"{target} is not reached by {key}")


def test_with_a_keyboard_alone(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page(person=None)
    page.goto(portal.url)
    tab_to(page, page.get_by_role("button", name="Mika Mori"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("main").get_by_role("link", name="コントソ商事"))
    page.keyboard.press("Enter")

    search = page.get_by_role("searchbox", name="Search users")
    tab_to(page, search)
    for number, object_id in enumerate(JOINERS, start=1):
        tenant = portal.sandbox.tenant(portal.customer.tenant_id)
        assert tenant is not None
        page.keyboard.press("Control+a")
        page.keyboard.type(tenant.users[object_id].upn)
        page.keyboard.press("Enter")
        box = page.get_by_role("checkbox", name=f"Select {name(portal, object_id)}", exact=True)
        expect(page.locator("tbody input[name=sel]")).to_have_count(1)
        # The swapped list leaves the focus where the person typed.
        expect(search).to_be_focused()
        tab_to(page, box)
        page.keyboard.press("Space")
        expect(page.locator("#selected-link")).to_have_text(f"Selected users ({number})")
        expect(box).to_be_focused()
        tab_to(page, search, key="Shift+Tab")
    tab_to(page, page.locator("#manage-link"))
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Manage licenses")
    box = page.get_by_role("checkbox", name=E3, exact=True)
    tab_to(page, box)
    page.keyboard.press("Space")
    expect(page.locator("#impact")).to_contain_text(f"{E3} · 2")
    expect(box).to_be_focused()
    tab_to(page, page.get_by_role("button", name="Reset Microsoft 365 E3"))
    page.keyboard.press("Enter")
    expect(page.locator("#impact")).to_have_text("Nothing is changed yet.")
    expect(box).to_be_focused()
    page.keyboard.press("Space")
    tab_to(page, page.get_by_label("Ticket or reason"))
    page.keyboard.type("INC-7")
    tab_to(page, page.get_by_role("button", name="Save", exact=True))
    page.keyboard.press("Enter")

    finished(page, WORDS["en"], 2, javascript=True)
    tab_to(page, page.get_by_role("link", name="Updated (2)"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name=name(portal, JOINERS[0]))).to_contain_text(E3)
    assert direct(portal, JOINERS[0]) == direct(portal, JOINERS[1]) == {sku_id("SPE_E3")}


def test_by_what_a_screen_reader_says(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page(person=None)
    page.goto(portal.url)
    page.get_by_role("main").get_by_role("button", name="Mika Mori").press("Enter")
    customers = page.get_by_role("table", name="Customers")
    customers.get_by_role("row", name="コントソ商事").get_by_role("link", name="コントソ商事").press("Enter")

    table = page.get_by_role("table", name="Users of コントソ商事, page 1 of 3")
    expect(table.get_by_role("columnheader", name="Licenses")).to_be_visible()
    for number, object_id in enumerate(SALES, start=1):
        page.get_by_role("searchbox", name="Search users").fill(name(portal, object_id))
        page.get_by_role("searchbox", name="Search users").press("Enter")
        row = page.get_by_role("row", name=name(portal, object_id)).filter(has_text=E1).first
        row.get_by_role("checkbox", name="Select").press("Space")
        expect(page.get_by_role("link", name=f"Selected users ({number})")).to_be_visible()
    page.get_by_role("link", name="Manage licenses", exact=True).press("Enter")

    chosen = page.get_by_role("region", name="Selected users (2)")
    expect(chosen.get_by_role("listitem")).to_have_count(2)
    boxes = page.get_by_role("region", name="Assign and revoke licenses")
    box = boxes.get_by_role("checkbox", name=E1, exact=True)
    expect(box).to_be_checked()
    box.press("Space")
    expect(box).not_to_be_checked()
    expect(box).to_have_accessible_description("Unassign from 2")
    said = page.get_by_role("status").filter(has_text="Opens Review first")
    expect(said).to_contain_text("Unassign: Office 365 E1 · 2")
    page.get_by_role("button", name="Save", exact=True).press("Enter")

    expect(page.get_by_role("heading", level=1, name="Review changes")).to_be_visible()
    page.get_by_role("button", name="Save for 2 users of コントソ商事").press("Enter")
    expect(page.get_by_role("link", name="Updated (2)")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("heading", level=1, name="Licenses updated")).to_be_visible()
    for object_id in SALES:
        expect(page.get_by_role("row", name=name(portal, object_id)).first).to_contain_text("Updated")
        assert sku_id("STANDARDPACK") not in direct(portal, object_id)


def test_on_a_phone_with_a_finger(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page(person=None, width=390, has_touch=True, is_mobile=True, language="ja")
    words = WORDS["ja"]
    page.goto(portal.url)
    page.get_by_role("button", name="Mika Mori").tap()
    page.get_by_role("main").get_by_role("link", name="コントソ商事").tap()
    tick(page, portal, JOINERS, words, javascript=True, press=Locator.tap)
    page.locator("#manage-link").tap()
    box = page.get_by_role("checkbox", name=E3, exact=True)
    box.tap()
    expect(box).to_be_checked()
    page.get_by_role("row", name=E3).first.get_by_text("サービス プランを表示する").tap()
    plan = page.get_by_role("group", name=re.compile(E3)).get_by_role("checkbox", name="Microsoft Teams", exact=True)
    plan.tap()
    expect(plan).not_to_be_checked()
    # Nobody has the product yet: what is said is about the two who get it, and goes with the choice.
    plans = page.get_by_role("group", name=re.compile(E3))
    said = plans.locator(".plan", has=page.get_by_text("Microsoft Teams", exact=True)).locator(".n")
    expect(said).to_have_text("新規 2 人はオフ")
    page.get_by_role("button", name=f"リセット {E3}", exact=True).tap()
    expect(said).to_have_text("")
    box.tap()
    plan.tap()
    expect(said).to_have_text("新規 2 人はオフ")
    expect(page.locator("#impact")).to_contain_text("2 人を変更します")
    page.get_by_role("button", name=words.save, exact=True).tap()
    # A plan that is switched off opens Review.
    page.get_by_role("button", name=words.save_for.format(2)).tap()
    finished(page, words, 2, javascript=True)
    assert direct(portal, JOINERS[0]) == {sku_id("SPE_E3")}
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
