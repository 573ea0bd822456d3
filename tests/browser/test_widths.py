"""What holds at every width from 320 to 1920 px: nothing leaves the window or its card, nothing is left out."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from customers.models import Customer, DirectoryUser
from licenses.core.diff import Wish
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.demo_people import PEOPLE
from licensing_portal.staff.models import StaffUser
from tests.browser.conftest import Portal
from tests.browser.test_every_page import SIDEWAYS, addresses
from tests.integration.saving import ALL, NONE, draft, saved, sku

# The edges of each layout, the narrowest and the usual ones.
WIDTHS = (320, 390, 600, 721, 768, 820, 1024, 1025, 1100, 1160, 1280, 1920)
# Cards whose content is wider than they are.
_SPILLED = "[...document.querySelectorAll('.card')].filter(card => card.scrollWidth > card.clientWidth + 1).length"


def _changes(portal: Portal) -> list[str]:
    """Save for two people, one of them refused; return the pages of the result and of a new draft."""
    staff = StaffUser.objects.get(subject=PEOPLE[0].subject)
    people = [user_id("joiner", number) for number in (1, 2)]
    result = saved(staff, portal.customer, people, Wish(products={sku("SPE_E3"): ALL})).pk
    review = draft(staff, portal.customer, people, Wish(products={sku("SPE_E3"): NONE})).pk
    shown = [f"{portal.url}/changes/{result}/?show={tab}" for tab in ("action", "updated")]
    shown.append(f"{portal.url}/changes/{result}/report/")
    return [*shown, portal.address(f"licenses/review/?change={review}")]


@pytest.mark.parametrize(
    ("language", "widths"),
    [("ja", (320, 768, 1100)), *(pytest.param(one, WIDTHS, marks=pytest.mark.thorough) for one in ("en", "ja"))],
)
def test_nothing_is_wider_than_the_window_or_its_card(
    portal: Portal, open_page: Callable[..., Page], language: str, widths: tuple[int, ...]
) -> None:
    page = open_page(language=language)
    found: dict[tuple[str, int], str] = {}
    for address in [*addresses(portal), *_changes(portal)]:
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200
        for width in widths:
            page.set_viewport_size({"width": width, "height": 900})
            sideways, spilled = page.evaluate(SIDEWAYS), page.evaluate(_SPILLED)
            if sideways > 0 or spilled:
                found[address.removeprefix(portal.url), width] = f"{sideways} px sideways, {spilled} cards spilled"

    assert found == {}


@pytest.mark.parametrize("width", [320, 820])
def test_a_narrow_list_of_users_says_all_that_the_wide_one_says(
    portal: Portal, open_page: Callable[..., Page], width: int
) -> None:
    person = portal.customer.users.exclude(department="").order_by("sort_key")[0]
    DirectoryUser.objects.filter(pk=person.pk).update(usage_location="", enabled=False)
    page = open_page(width=width)
    page.goto(portal.address(f"users/?q={person.user_principal_name}"))
    row = page.locator("tbody tr", has_text=person.user_principal_name)
    for text in (person.department, "Not set", "Blocked"):
        expect(row.get_by_text(text, exact=True)).to_be_visible()
    assert [row.get_by_role("cell").count(), row.get_by_role("rowheader").count()] == [5, 1]


@pytest.mark.parametrize("javascript", [True, False])
def test_a_phone_sorts_and_sizes_the_list(portal: Portal, open_page: Callable[..., Page], javascript: bool) -> None:
    page = open_page(width=320, javascript=javascript)
    page.goto(portal.address("users/"))
    for name, sort in (("Usage location", "location"), ("Status", "status"), ("User", "name")):
        page.get_by_role("columnheader", name=name, exact=True).get_by_role("button").click()
        expect(page.get_by_role("columnheader", name=name, exact=True)).to_have_attribute("aria-sort", "ascending")
        assert sort == "name" or page.url.endswith(f"?sort={sort}")
    page.get_by_label("Users on a page").select_option("25")
    if not javascript:
        page.get_by_role("button", name="Update selection").click()
    expect(page.locator("#page-of")).to_have_text("Page 1 of 6")


@pytest.mark.parametrize("width", [320, 820])
def test_a_narrow_list_of_customers_says_all_that_the_wide_one_says(
    portal: Portal, open_page: Callable[..., Page], width: int
) -> None:
    Customer.objects.filter(pk=portal.customer.pk).update(user_count=1234, free_licenses=567, over_licenses=89)
    page = open_page(width=width)
    page.goto(f"{portal.url}/customers/?q=contoso.example")
    row = page.locator("tbody tr", has_text="コントソ商事")
    for text in ("1,234", "567", "89", "89 licenses over-assigned"):
        expect(row.get_by_text(text, exact=True)).to_be_visible()
    for number in (-1, -2):  # Access until, As of
        expect(row.get_by_role("cell").nth(number)).to_be_visible()
