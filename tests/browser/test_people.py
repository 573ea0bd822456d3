"""Find a person, from the search for customers to the user's page, with script and without."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal
from tests.browser.journey import JOINERS, name


@pytest.mark.parametrize("javascript", [True, False])
def test_an_address_leads_from_the_customers_to_its_user(
    portal: Portal,
    open_page: Callable[..., Page],
    accessibility_problems: Callable[[Page], list[str]],
    javascript: bool,
) -> None:
    tenant = portal.sandbox.tenant(portal.customer.tenant_id)
    assert tenant is not None
    upn = tenant.users[JOINERS[0]].upn
    page = open_page(javascript=javascript, expected=("422",))
    page.goto(f"{portal.url}/customers/")
    page.get_by_label("Search customers").fill(upn.upper())
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("link", name=f"Find “{upn.upper()}” among people").click()
    row = page.get_by_role("row").filter(has_text=upn)
    expect(row.get_by_role("link", name=portal.customer.name)).to_be_visible()
    if javascript:
        assert accessibility_problems(page) == []

    page.get_by_label("Name, sign-in name, mail address or object ID").fill("x")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Enter at least three letters")
    if javascript:
        assert accessibility_problems(page) == []

    page.go_back()
    row.get_by_role("link", name=name(portal, JOINERS[0])).click()
    expect(page.get_by_role("heading", level=1, name=name(portal, JOINERS[0]))).to_be_visible()
