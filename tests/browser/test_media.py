"""Forced colours and paper: what the reader's system paints over, and what leaves the printer."""

import base64
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from licensing_portal.sandbox.story import user_id
from tests.browser.conftest import Portal
from tests.browser.test_every_page import SIDEWAYS

# The number of pixels of each colour along the middle line of a picture.
_MIDDLE_LINE = """async source => {
    const picture = new Image();
    picture.src = source;
    await picture.decode();
    const canvas = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
    canvas.drawImage(picture, 0, 0);
    const data = canvas.getImageData(0, picture.height >> 1, picture.width, 1).data;
    const found = {};
    for (let at = 0; at < data.length; at += 4) {
        const colour = data.slice(at, at + 3).join();
        found[colour] = (found[colour] ?? 0) + 1;
    }
    return Object.values(found).sort((a, b) => b - a);
}"""


def _colours(part: Locator) -> list[int]:
    """Return how much of each colour the middle line of an element shows, the most first."""
    picture = base64.b64encode(part.screenshot()).decode()
    # On a page of its own: the portal's lets no data: picture in.
    page = part.page.context.new_page()
    found: list[int] = page.evaluate(_MIDDLE_LINE, f"data:image/png;base64,{picture}")
    page.close()
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_show_how_full_a_bar_is(portal: Portal, open_page: Callable[..., Page], scheme: str) -> None:
    page = open_page(scheme=scheme, forced_colors="active")
    page.goto(portal.address("licenses/"))
    bar = page.get_by_role("img", name=re.compile("^Microsoft 365 E3: .* assigned"))
    part = bar.locator(".used").bounding_box()["width"]  # type: ignore[index]
    shown = _colours(bar)

    assert len(shown) >= 2
    # One colour for what is used, another for what is free.
    assert min(abs(number - part) for number in shown[:3]) < 4


def test_paper_names_the_customer_and_opens_no_fold(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page(width=794)
    page.goto(portal.address(f"users/{user_id('sales', 1)}/"))
    page.emulate_media(media="print")
    expect(page.locator("header.bar")).to_be_hidden()
    expect(page.locator("main > .paper")).to_contain_text(portal.customer.name)
    expect(page.locator("main > .paper")).to_be_visible()
    fold = page.locator("details").first
    expect(fold.locator("li").first).to_be_hidden()
    page.emulate_media(media="screen")
    expect(page.locator("main .paper")).to_be_hidden()
    fold.locator("summary").click()
    page.emulate_media(media="print")
    expect(fold.locator("li").first).to_be_visible()


def test_paper_keeps_tables_and_says_which_part_of_a_list_it_is(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page(width=690)
    page.goto(portal.address("users/?size=25"))
    page.emulate_media(media="print")
    expect(page.get_by_role("columnheader", name="Department")).to_be_visible()
    expect(page.get_by_text("1–25 of 137")).to_be_visible()
    expect(page.locator("#go-next")).to_be_hidden()
    assert page.evaluate(SIDEWAYS) <= 0
