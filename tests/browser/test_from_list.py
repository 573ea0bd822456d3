"""Select from a list, as pasted in a browser, with script and without."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal
from tests.browser.journey import JOINERS, name
from tests.integration.test_rounds import behind_our_back
from tests.unit.test_uploaded import workbook


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


@pytest.mark.parametrize("javascript", [True, False])
def test_an_uploaded_workbook_and_a_look_up_select_everybody(
    portal: Portal,
    open_page: Callable[..., Page],
    accessibility_problems: Callable[[Page], list[str]],
    javascript: bool,
) -> None:
    tenant = portal.sandbox.tenant(portal.customer.tenant_id)
    assert tenant is not None
    new = {"displayName": "新しい 社員", "userPrincipalName": "new@x.test", "proxyAddresses": ["smtp:old.name@x.test"]}
    behind_our_back("POST", portal.customer, "users", new)
    rows = [["Name", "User principal name"], ["A", tenant.users[JOINERS[0]].upn], ["新しい 社員", "old.name@x.test"]]
    page = open_page(javascript=javascript, expected=("422",))
    page.goto(portal.address("users/list/"))
    box = page.get_by_label("One sign-in name, mail address or object ID a line")
    file = page.get_by_label("Or upload a file (CSV or Excel)")
    send = page.get_by_role("button", name="Select these users")
    alert = page.get_by_role("alert")

    box.fill("old.name@x.test")
    file.set_input_files({"name": "users.xls", "mimeType": "", "buffer": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"})
    send.click()
    expect(alert.get_by_role("link")).to_contain_text("This file has the old Excel format (.xls).")
    expect(file).to_have_attribute("aria-invalid", "true")
    expect(box).to_have_value("old.name@x.test")
    if javascript:
        assert accessibility_problems(page) == []

    box.fill("")
    file.set_input_files({"name": "users.xlsx", "mimeType": "", "buffer": workbook(rows)})
    send.click()
    expect(alert).to_contain_text("1 of 2 lines found and selected; 1 is left in the box")
    expect(alert.get_by_role("listitem")).to_contain_text(["Row 3 of the file: no user has"])
    expect(box).to_have_value("old.name@x.test\t新しい 社員")
    if javascript:
        assert accessibility_problems(page) == []

    page.get_by_role("button", name="Look up at Microsoft").click()
    expect(page.get_by_role("heading", level=1, name="Selected users")).to_be_visible()
    expect(page.get_by_role("link", name="新しい 社員")).to_be_visible()
    expect(page.get_by_role("link", name=name(portal, JOINERS[0]))).to_be_visible()
