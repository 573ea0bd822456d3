"""A draft as a file: what Review says, one row per user."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import Holding, LicenseChange, Product
from licenses.services import drafts, save
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.integration.downloads import assert_same_table, csv_table, records, xlsx_table
from tests.integration.saving import ALL, NONE, draft, sku

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

MAILBOX, NOWHERE, JOINER = user_id("mailbox", 1), user_id("joiner", 1), user_id("joiner", 2)


@pytest.fixture
def waiting(story: Customer, staff: StaffUser) -> LicenseChange:
    """Users of all kinds: changed, left out, kept by a group, warned of."""
    wish = Wish(products={sku("EXCHANGEENTERPRISE"): ALL, sku("STANDARDPACK"): NONE})
    return draft(staff, story, [MAILBOX, NOWHERE, JOINER, _holder(story)], wish)


def _holder(story: Customer) -> str:
    """Return somebody who has E1 directly."""
    e1 = Product.objects.get(part_number="STANDARDPACK")
    held = Holding.objects.filter(customer=story, product=e1, direct=True, by_group=False, user__usage_location="JP")
    return held.order_by("user__sort_key").first().user.object_id  # type: ignore[union-attr]


def _address(change: LicenseChange) -> str:
    return reverse("licenses:review-export", args=[change.customer.tenant_id]) + f"?change={change.pk}"


def _rows(client: Client, change: LicenseChange) -> dict[str, dict[str, Any]]:
    return {row["Object ID"]: row for row in records(csv_table(client, _address(change)))}


def test_each_user_has_a_row_with_what_will_happen(waiting: LicenseChange, staff_client: Client) -> None:
    found = _rows(staff_client, waiting)
    assert list(found) == [MAILBOX, NOWHERE, JOINER, _holder(waiting.customer)]
    assert (found[JOINER]["Outcome"], found[JOINER]["Assign"]) == ("will be changed", "Exchange Online (Plan 2)")
    assert found[_holder(waiting.customer)]["Unassign"] == "Office 365 E1"
    assert (found[NOWHERE]["Outcome"], found[NOWHERE]["Assign"]) == ("left out", "")
    assert found[NOWHERE]["Not possible"] == "No usage location"
    assert "Conflicting service plans" in found[MAILBOX]["Warning"]


def test_it_has_the_figures_of_the_page(waiting: LicenseChange, staff_client: Client) -> None:
    page = staff_client.get(
        reverse("licenses:review", args=[waiting.customer.tenant_id]) + f"?change={waiting.pk}"
    ).context
    rows = _rows(staff_client, waiting).values()
    assert sum(row["Outcome"] == "will be changed" for row in rows) == page["calls"]
    assert sum(row["Outcome"] == "left out" for row in rows) == sum(
        group.number for group in page["groups"] if group.is_left_out
    )
    for group in page["groups"]:
        (row,) = [row for row in rows if row["User"] == group.names[0].partition(" (")[0]][:1]
        said = " ".join(row.values())
        assert all(line.text in said for line in (*group.outcome.changes, *group.outcome.notes))


def test_what_a_group_keeps_and_where_somebody_is_have_columns(
    story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    by_group = story.users.filter(holdings__by_group=True, holdings__direct=False).first()
    assert by_group is not None
    held = by_group.holdings.filter(direct=False).first()
    wish = Wish(products={held.product.sku_id: NONE, sku("POWER_BI_PRO"): ALL}, location="JP")
    found = _rows(staff_client, draft(staff, story, [by_group.object_id, NOWHERE], wish))
    assert "kept by group" in found[by_group.object_id]["Kept"]
    assert found[by_group.object_id]["Department"] == by_group.department
    assert found[NOWHERE]["Usage location"] == "JP"


def test_both_formats_tell_the_same(waiting: LicenseChange, staff_client: Client) -> None:
    assert_same_table(csv_table(staff_client, _address(waiting)), xlsx_table(staff_client, _address(waiting)))


def test_hostile_names_run_nothing(waiting: LicenseChange, staff_client: Client) -> None:
    waiting.user_changes.update(display_name="＝1+1", user_principal_name="@SUM(A1)")
    assert {row[0] for row in csv_table(staff_client, _address(waiting))[1:]} == {"'＝1+1"}
    assert {row[1] for row in xlsx_table(staff_client, _address(waiting))[1:]} == {"@SUM(A1)"}


def test_what_was_saved_leads_to_its_page(waiting: LicenseChange, staff_client: Client) -> None:
    save.start(waiting)
    answer = staff_client.get(_address(waiting))
    assert answer["Location"] == reverse("licenses:change", args=[waiting.pk])


@pytest.mark.parametrize("change", ["", "odd", "00000000-0000-4000-8000-000000000000"])
def test_a_draft_that_is_not_there_has_no_file(change: str, story: Customer, staff_client: Client) -> None:
    address = reverse("licenses:review-export", args=[story.tenant_id])
    assert staff_client.get(f"{address}?change={change}").status_code == 404


def test_review_leads_to_it(waiting: LicenseChange, staff_client: Client) -> None:
    page = reverse("licenses:review", args=[waiting.customer.tenant_id]) + f"?change={waiting.pk}"
    text = staff_client.get(page).content.decode()
    assert f'href="{_address(waiting)}" download>Export</a>' in text
    assert f'href="{_address(waiting)}&amp;format=xlsx" download>Export to Excel</a>' in text


def test_whom_review_warns_of_or_has_left_out_is_in_the_file(
    story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    blocked, guest = user_id("blocked", 1), user_id("guest", 1)
    story.users.filter(object_id__in=[blocked, guest]).update(usage_location="JP")
    change = draft(staff, story, [JOINER, blocked, guest], Wish(products={sku("SPE_E3"): ALL}))
    found = _rows(staff_client, change)
    assert [found[one]["Warning"] for one in (JOINER, blocked, guest)] == ["", "Sign-in blocked", "Guest"]

    drafts.leave_out(change, drafts.BLOCKED)
    row = _rows(staff_client, change)[blocked]
    assert (row["Outcome"], row["Not possible"], row["Assign"]) == ("left out", "Sign-in blocked", "")
