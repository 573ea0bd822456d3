"""The list as a hand on mouse and keys meets it: parts are swapped, nothing ticked is lost, focus stays."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page, Request, expect

from tests.browser.conftest import Portal


def _rows(page: Page) -> Locator:
    return page.locator("tbody input[name=sel]")


def _ticked(page: Page) -> list[bool]:
    return [box.is_checked() for box in _rows(page).all()]


def test_shift_reaches_from_the_last_row_to_this_one(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(portal.address("users/"))
    _rows(page).nth(2).click()
    _rows(page).nth(6).click(modifiers=["Shift"])
    expect(page.locator("#selected-link")).to_have_text("Selected users (5)")
    assert _ticked(page)[:8] == [False, False, True, True, True, True, True, False]
    # With the keys, and in the other direction; what the last row became, the others become.
    _rows(page).nth(4).focus()
    page.keyboard.press("Shift+Space")
    expect(page.locator("#selected-link")).to_have_text("Selected users (2)")
    assert _ticked(page)[:8] == [False, False, True, True, False, False, False, False]
    page.reload()
    assert _ticked(page)[:8] == [False, False, True, True, False, False, False, False]


def test_a_slash_leads_to_the_search_until_it_is_turned_off(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(portal.address("users/"))
    search = page.get_by_role("searchbox", name="Search users")
    page.keyboard.press("/")
    expect(search).to_be_focused()
    page.keyboard.type("a/b")
    expect(search).to_have_value("a/b")
    page.get_by_role("button", name="Signed in as").click()
    page.get_by_role("button", name="Turn the shortcut / off").click()
    page.reload()
    page.keyboard.press("/")
    expect(search).not_to_be_focused()


def test_pages_are_swapped_and_addresses_follow(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(portal.address("users/"))
    loads: list[str] = []
    page.on("request", lambda request: _note(request, loads))
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.locator("#page-of")).to_have_text("Page 2 of 3")
    assert page.url.endswith("/users/?page=2")
    # The head of the list is in sight again, and what was pressed is still there to be pressed.
    assert page.locator("#users-panel").bounding_box()["y"] > -2  # type: ignore[index]
    expect(page.get_by_role("button", name="Next", exact=True)).to_be_focused()
    page.get_by_role("button", name="Last", exact=True).click()
    expect(page.locator("#page-of")).to_have_text("Page 3 of 3")
    # "Last" went dead; the focus stays beside it.
    expect(page.locator("#page-of")).to_be_focused()
    expect(page.locator("#live")).to_have_text("137 users match, page 3 of 3")
    assert loads == []
    page.go_back()
    expect(page.locator("#page-of")).to_have_text("Page 2 of 3")
    page.go_back()
    expect(page.locator("#page-of")).to_have_text("Page 1 of 3")
    # Language is changed where the reader is, not where the page was opened.
    page.get_by_role("button", name="Last", exact=True).click()
    expect(page.locator("#page-of")).to_have_text("Page 3 of 3")
    page.get_by_role("button", name="日本語").click()
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    assert page.url.endswith("/users/?page=3")


def _note(request: Request, loads: list[str]) -> None:
    if request.is_navigation_request():
        loads.append(request.url)


def test_all_matching_and_clear_say_how_many(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(portal.address("users/"))
    page.get_by_role("searchbox", name="Search users").fill("営業部")
    page.keyboard.press("Enter")
    matching = page.locator("#select-matching")
    expect(matching).to_have_text("Select all 36 matching users")
    matching.click()
    expect(page.locator("#selected-link")).to_have_text("Selected users (36)")
    page.locator("#clear-selection").click()
    expect(page.locator("#selected-link")).to_have_text("Selected users (0)")
    expect(page.get_by_role("searchbox", name="Search users")).to_have_value("営業部")


def test_a_refused_search_lets_the_rows_be_ticked_again(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page(expected=("Failed to load resource",))
    page.goto(portal.address("users/"))
    page.route("**/users/", lambda route: route.fulfill(status=503, body=""), times=1)
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="Reload the page")).to_be_visible()
    _rows(page).first.check()
    expect(page.locator("#selected-link")).to_have_text("Selected users (1)")
    expect(page.locator("#toast")).to_be_hidden()
