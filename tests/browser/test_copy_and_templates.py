"""Starting from another user or a template in a browser: with and without script, accessible, and out of the way."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from customers import selection as selections
from customers.models import DirectoryUser
from licenses.core.template import Line
from licenses.models import LicenseChange, LicenseTemplate, Product, ServicePlan
from licenses.services import templates
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.demo_people import PEOPLE
from licensing_portal.staff.models import StaffUser
from tests.browser.conftest import Portal
from tests.browser.journey import JOINERS

E1, F3 = "Office 365 E1", "Office 365 F3"


def box(page: Page, name: str) -> Locator:
    """Return the box of a product."""
    return page.get_by_role("checkbox", name=name, exact=True)


@pytest.fixture
def source(portal: Portal) -> DirectoryUser:
    """Somebody with E1 without Teams, to be copied to two joiners who are selected."""
    staff = StaffUser.objects.get(subject=PEOPLE[0].subject)
    selection = selections.get(staff, portal.customer)
    selections.add(selection, list(portal.customer.users.filter(object_id__in=JOINERS).values_list("pk", flat=True)))
    return portal.customer.users.get(object_id=user_id("sales", 4))


@pytest.fixture
def template(portal: Portal) -> LicenseTemplate:
    """E3 without Sway."""
    staff = StaffUser.objects.get(subject=PEOPLE[0].subject)
    plan = ServicePlan.objects.get(name="SWAY").plan_id
    line = Line(sku_id=Product.objects.get(part_number="SPE_E3").sku_id, disabled=frozenset({plan}))
    return templates.create(staff, "新入社員", [line], customer=portal.customer)


def test_a_copy_ticks_the_boxes_and_the_summary_follows_at_once(
    portal: Portal,
    open_page: Callable[..., Page],
    accessibility_problems: Callable[[Page], list[str]],
    source: DirectoryUser,
) -> None:
    page = open_page()
    page.goto(portal.address("licenses/manage/"))
    box(page, F3).check()
    field = page.get_by_label("Copy licenses of another user")
    field.fill(source.user_principal_name)
    field.press("Enter")

    note = page.locator(".filled")
    expect(note).to_contain_text(f"Filled in from {source.display_name}: {E1} with 1 plan off (Microsoft Teams)")
    for name in (E1, F3):
        expect(box(page, name)).to_be_checked()
    expect(page.locator("#impact")).to_contain_text(f"{E1} · 2")
    expect(page.locator("#impact")).to_contain_text("2 users will be changed")
    row = page.locator("tr.changed", has_text=E1)
    expect(row).to_contain_text("Assign to 2 more")
    expect(row).to_contain_text("1 free")
    assert accessibility_problems(page) == []
    # A filled row is reset like a ticked one.
    row.get_by_role("button", name=f"Reset {E1}").click()
    expect(box(page, E1)).not_to_be_checked()
    expect(page.locator("#impact")).not_to_contain_text(E1)


def test_enter_in_the_ticket_still_leads_to_review(
    portal: Portal, open_page: Callable[..., Page], source: DirectoryUser
) -> None:
    page = open_page()
    page.goto(portal.address("licenses/manage/"))
    box(page, F3).check()
    page.get_by_label("Ticket or reason").fill("INC-5")
    page.get_by_label("Ticket or reason").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Review changes")


def test_without_script_a_user_is_copied_kept_as_a_template_and_applied(
    portal: Portal, open_page: Callable[..., Page], source: DirectoryUser
) -> None:
    page = open_page(javascript=False)
    page.goto(portal.address(f"users/{source.object_id}/"))
    page.get_by_role("link", name="Copy licenses to other users").click()
    product = page.get_by_label(E1, exact=True)
    expect(product).to_have_value("all")

    page.get_by_text("Save as template").first.click()
    page.get_by_label("Name of the template").fill("営業部")
    page.get_by_role("button", name="Save as template").click()
    expect(page.get_by_text("The template “営業部” was saved.")).to_be_visible()
    expect(product).to_have_value("all")

    page.goto(portal.address("licenses/manage/"))
    expect(product).to_have_value("keep")
    page.get_by_label("Template", exact=True).select_option("営業部")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".filled")).to_contain_text("Filled in from the template “営業部”")
    expect(product).to_have_value("all")
    page.get_by_role("button", name="Review changes").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Review changes")
    assert LicenseChange.objects.get().status == LicenseChange.Status.DRAFT


def test_the_link_of_a_user_waits_for_a_selection(portal: Portal, open_page: Callable[..., Page]) -> None:
    source = portal.customer.users.get(object_id=user_id("sales", 4))
    joiner = portal.customer.users.get(object_id=JOINERS[0])
    page = open_page()
    page.goto(portal.address(f"users/{source.object_id}/"))
    page.get_by_role("link", name="Copy licenses to other users").click()
    expect(page.get_by_text(f"Select the users who are to get the licenses of {source.display_name}")).to_be_visible()

    page.goto(portal.address(f"users/?q={joiner.user_principal_name}"))
    page.get_by_role("checkbox", name=f"Select {joiner.display_name}").check()
    expect(page.locator("#selected-link")).to_have_text("Selected users (1)")
    page.locator("#acts").get_by_role("link", name="Manage licenses").click()
    expect(page.locator(".filled")).to_contain_text(f"Filled in from {source.display_name}")


def test_a_text_that_fits_several_users_offers_their_sign_in_names(
    portal: Portal, open_page: Callable[..., Page], source: DirectoryUser
) -> None:
    page = open_page(expected=("422",))
    page.goto(portal.address("licenses/manage/"))
    page.get_by_label("Copy licenses of another user").fill("営業部")
    page.get_by_role("button", name="Copy licenses", exact=True).click()
    field = page.get_by_label("Copy licenses of another user")
    expect(field).to_have_value("営業部")
    expect(field).to_have_accessible_description(re.compile("users match"))
    assert page.locator("#meant option").count() == 10


@pytest.mark.parametrize(("width", "is_folded", "most"), [(1280, False, 56), (390, True, 60)])
def test_the_row_is_low_and_folded_on_a_phone(
    portal: Portal,
    open_page: Callable[..., Page],
    source: DirectoryUser,
    template: LicenseTemplate,
    width: int,
    is_folded: bool,
    most: int,
) -> None:
    page = open_page(width=width)
    page.goto(portal.address("licenses/manage/"))
    field = page.get_by_label("Copy licenses of another user")
    expect(field).to_be_visible(visible=not is_folded)
    place = page.locator(".start").first.bounding_box()
    assert place is not None
    assert place["height"] <= most
    if is_folded:
        page.get_by_text("Start from another user or a template").click()
        expect(field).to_be_visible()
        page.get_by_label("Template", exact=True).select_option("新入社員")
        page.get_by_role("button", name="Apply").click()
        expect(page.locator(".filled")).to_contain_text("Microsoft 365 E3 with 1 plan off (Sway)")


def test_templates_are_renamed_and_deleted(
    portal: Portal, open_page: Callable[..., Page], template: LicenseTemplate
) -> None:
    page = open_page(expected=("422",))
    page.goto(f"{portal.url}/customers/")
    page.get_by_role("link", name="Templates").click()
    page.get_by_role("link", name="新入社員").click()
    page.get_by_label("Name of the template").fill("")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_label("Name of the template")).to_have_accessible_description("Give the template a name.")
    page.get_by_label("Name of the template").fill("Joiners")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Joiners")
    page.get_by_role("button", name="Delete “Joiners”").click()
    expect(page.get_by_text("There are no templates yet.")).to_be_visible()
