"""The page of a running change: it asks until the end, survives a lost answer, and says the quarters aloud."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from customers.models import DirectoryUser
from licenses.core.diff import Choice, Wish
from licenses.models import LicenseChange
from licenses.services import save
from licensing_portal.sandbox.catalog import sku_id
from licensing_portal.staff.demo_people import PEOPLE
from licensing_portal.staff.models import StaffUser
from tests.browser.conftest import Portal
from tests.integration.saving import draft, pumped


@pytest.mark.thorough
def test_a_lost_answer_does_not_end_the_asking(portal: Portal, open_page: Callable[..., Page]) -> None:
    staff = StaffUser.objects.get(subject=PEOPLE[0].subject)
    people = list(
        DirectoryUser.objects.filter(usage_location="JP", holdings__isnull=True).values_list("object_id", flat=True)[:2]
    )
    change = save.start(draft(staff, portal.customer, people, Wish(products={sku_id("SPE_E3"): Choice.ALL})))
    page = open_page(expected=("Failed to load resource", "htmx", "NetworkError", "fetch"))
    lost: list[str] = []

    def lose(route: Route) -> None:
        if len(lost) < 1:
            lost.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page.route("**/progress/**", lose)
    page.goto(f"{portal.url}/changes/{change.pk}/")
    expect(page.get_by_role("alert")).to_contain_text("No connection to the server")
    # What has happened meanwhile is told by the window's title too.
    expect(page).to_have_title(re.compile("^Waiting · Licenses updated"))
    LicenseChange.objects.filter(pk=change.pk).update(status=LicenseChange.Status.RUNNING)
    expect(page).to_have_title(re.compile("^0 % Licenses updated – コントソ商事 · Licensing portal$"), timeout=15_000)
    LicenseChange.objects.filter(pk=change.pk).update(status=LicenseChange.Status.QUEUED)
    pumped(change)
    expect(page.get_by_role("link", name="Updated (2)")).to_be_visible(timeout=15_000)
    assert lost
