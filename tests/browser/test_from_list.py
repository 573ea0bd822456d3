"""Select from a list, as pasted in a browser, with script and without."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal
from tests.browser.journey import JOINERS, name


@pytest.mark.parametrize("javascript", [True, False])
def test_a_pasted_list_is_corrected_until_all_are_selected(
    portal: Portal,
    open_page: Callable[..., Page],
    accessibility_problems: Callable[[Page], list[str]],
    javascript: bool,
) -> None:
    tenant = portal.sandbox.tenant(portal.customer.tenant_id)
    assert tenant is not None
    upns = [tenant.users[object_id].upn for object_id in JOINERS]
    page = open_page(javascript=javascript, expected=("422",))
    page.goto(portal.address("users/"))
    page.get_by_role("link" if javascript else "button", name="Select from a list").click()
    box = page.get_by_label("One sign-in name, mail address or object ID a line")
    send = page.get_by_role("button", name="Select these users")

    box.fill("nobody@contoso.example")
    send.click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("None of these lines names a user of this customer.")
    expect(box).to_have_value("nobody@contoso.example")
    expect(box).to_have_attribute("aria-invalid", "true")
    if javascript:
        expect(alert).to_be_focused()
        assert accessibility_problems(page) == []

    box.fill(f"Name\tMail\n{name(portal, JOINERS[0])}\t{upns[0]}\nnobody@contoso.example\n")
    send.click()
    expect(alert).to_contain_text("1 of 2 lines found and selected; 1 is left in the box")
    expect(alert.get_by_role("listitem")).to_contain_text(["Line 3: no user has"])
    expect(box).to_have_value("nobody@contoso.example")
    if javascript:
        assert accessibility_problems(page) == []

    box.fill(upns[1].replace("@", "＠"))
    send.click()
    expect(page.get_by_role("heading", level=1, name="Selected users")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="1 line found and selected.")).to_be_visible()
    for object_id in JOINERS:
        expect(page.get_by_role("link", name=name(portal, object_id))).to_be_visible()
