"""A stranger in the demo finds a clash and repairs it by what can be seen: in few clicks, far within 3 minutes."""

import time
from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from playwright.sync_api import Locator, Page, expect

from licensing_portal.sandbox.catalog import sku_id
from licensing_portal.sandbox.story import user_id
from tests.browser.conftest import Portal
from tests.browser.journey import direct
from tests.browser.test_every_page import SIDEWAYS

MAILBOXES = [user_id("mailbox", number) for number in (1, 2, 3)]
PLAN_1, PLAN_2 = "Exchange Online (Plan 1)", "Exchange Online (Plan 2)"
WITHIN_SECONDS = 60.0


@pytest.fixture(autouse=True)
def forgotten_moods() -> Iterator[None]:
    """The process remembers that somebody has changed the mood of the stand-in."""
    cache.clear()
    yield
    cache.clear()


class Stranger:
    """Clicks what is on the page, and counts."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks, self._began = page, 0, time.monotonic()

    def click(self, control: Locator) -> None:
        """Press a control that can be seen."""
        expect(control).to_be_visible()
        control.click()
        self.clicks += 1

    def button(self, name: str, *, exact: bool = False) -> None:
        """Press a button by its words."""
        self.click(self.page.get_by_role("button", name=name, exact=exact))

    @property
    def seconds(self) -> float:
        """How long it took so far."""
        return time.monotonic() - self._began


def begins(portal: Portal, page: Page) -> Stranger:
    """Open the demo, pick a person, and press the first step of the tour."""
    page.goto(portal.url)
    stranger = Stranger(page)
    stranger.button("Mika Mori")
    stranger.button("A clash")
    expect(page.get_by_role("complementary", name="Tour")).to_contain_text("Tour 1 of 6: A clash.")
    return stranger


@pytest.mark.usefixtures("worker")
def test_a_clash_is_seen_before_saving_and_repaired(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page(person=None)
    stranger = begins(portal, page)
    warning = page.locator("#impact").get_by_text(f"Conflicting service plans: {PLAN_1}, {PLAN_2}, 3 users")
    expect(warning).to_be_visible()
    stranger.click(page.get_by_role("checkbox", name=PLAN_1, exact=True).first)
    expect(warning).to_have_count(0)
    stranger.button("Save", exact=True)
    stranger.button("Save for 3 users of コントソ商事")
    expect(page.get_by_role("link", name="Updated (3)")).to_be_visible(timeout=20_000)
    assert stranger.clicks == 5
    assert stranger.seconds < WITHIN_SECONDS
    for object_id in MAILBOXES:
        assert direct(portal, object_id) == {sku_id("EXCHANGEENTERPRISE")}


@pytest.mark.usefixtures("worker")
def test_who_reads_nothing_repairs_it_afterwards(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page(person=None)
    stranger = begins(portal, page)
    stranger.button("Save", exact=True)
    expect(page.get_by_role("link", name="Action needed (3)")).to_be_visible(timeout=20_000)
    stranger.button(f"Unassign {PLAN_1} and retry")
    stranger.button("Save for 3 users of コントソ商事")
    expect(page.get_by_role("link", name="Updated (3)")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("complementary", name="Tour")).to_contain_text("Repaired")
    assert stranger.clicks == 5
    assert stranger.seconds < WITHIN_SECONDS
    for object_id in MAILBOXES:
        assert direct(portal, object_id) == {sku_id("EXCHANGEENTERPRISE")}


@pytest.mark.usefixtures("worker")
def test_without_javascript_it_works_too(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page(person=None, javascript=False, width=390)
    stranger = begins(portal, page)
    page.get_by_label(PLAN_1, exact=True).first.select_option("none")
    stranger.button("Save", exact=True)
    stranger.button("Save for 3 users of コントソ商事")
    expect(page.get_by_role("link", name="Updated (3)")).to_be_visible(timeout=20_000)
    # Drawer and tour open without script, too.
    page.get_by_role("button", name="DEMO").click()
    page.get_by_role("button", name="Throttling").click()
    expect(page.get_by_text("Microsoft throttles now")).to_be_visible()
    page.get_by_role("button", name="steps done").click()
    page.get_by_role("dialog", name="Tour, 3 minutes").get_by_role("button", name="Given by a group").click()
    expect(page.get_by_text("kept by group 全社員")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme", "language"), [(1280, "light", "en"), (320, "dark", "ja")])
def test_tour_and_drawer_are_accessible_and_fit(
    portal: Portal,
    open_page: Callable[..., Page],
    accessibility_problems: Callable[[Page], list[str]],
    width: int,
    scheme: str,
    language: str,
) -> None:
    page = open_page(width=width, scheme=scheme, language=language)
    page.goto(f"{portal.url}/customers/")
    page.locator("[formaction='/demo/tour/swap/']").click()
    expect(page.locator(".tour-hint")).to_be_visible()
    page.locator("[popovertarget=demo-pop]").click()
    page.locator(".mood[value=throttling]").click()
    problems = accessibility_problems(page)
    for name in ("demo-pop", "tour-pop"):
        page.locator(f"[popovertarget={name}]").click()
        expect(page.locator(f"#{name}")).to_be_visible()
        box = page.locator(f"#{name}").bounding_box()
        assert box is not None
        assert (box["x"] >= 0, box["x"] + box["width"] <= width) == (True, True)
        problems += accessibility_problems(page)
        page.keyboard.press("Escape")
    assert problems == []
    assert page.evaluate(SIDEWAYS) <= 0


def test_a_dismissed_tour_comes_back_from_the_drawer(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{portal.url}/customers/")
    page.get_by_role("region", name="Tour, 3 minutes").get_by_role("button", name="Dismiss").click()
    page.reload()
    expect(page.get_by_role("region", name="Tour, 3 minutes")).to_have_count(0)
    page.get_by_role("button", name="DEMO").click()
    page.get_by_role("button", name="Show the six steps again").click()
    expect(page.get_by_role("region", name="Tour, 3 minutes")).to_be_visible()
