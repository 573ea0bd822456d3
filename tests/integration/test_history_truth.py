"""The history says what a change did, not what was wished: to how many users, and who needed nothing."""

import html
import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import EntitlementPlan, LicenseChange
from licenses.services import again, save
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.integration.saving import ALL, NONE, draft, pumped, saved, sku

pytestmark = pytest.mark.django_db

SALES = [user_id("sales", number) for number in range(1, 15)]


def _newest(client: Client, story: Customer, query: str = "") -> list[str]:
    """Return what the newest row of the history says was done, and how it ended."""
    text = client.get(reverse("licenses:changes", args=[story.tenant_id]) + query).content.decode()
    row = re.search(r"<tbody>(.*?)</tr>", text, re.S)
    if row is None:
        return []
    items = re.findall(r"<li[^>]*>(.*?)</li>", row[1], re.S)
    return [" ".join(html.unescape(re.sub("<[^>]+>", "", item)).split()) for item in items]


def test_what_groups_keep_is_no_removal(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    by_group = story.users.filter(holdings__product__part_number="AAD_PREMIUM_P2", holdings__direct=False)
    people = list(by_group.values_list("object_id", flat=True)[:4])
    assert people
    saved(staff, story, people, Wish(products={sku("AAD_PREMIUM_P2"): NONE, sku("FLOW_FREE"): ALL}))
    assert "Unassigned: Microsoft Entra ID P2 (0)" in _newest(staff_client, story)
    assert _newest(staff_client, story, "?removals=1") == []


def test_an_undo_says_what_came_back(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    swap = saved(staff, story, SALES, Wish(products={sku("SPE_E3"): ALL, sku("STANDARDPACK"): NONE}))
    assert _newest(staff_client, story) == [
        "Assigned: Microsoft 365 E3 (14)",
        "Unassigned: Office 365 E1 (14)",
        "14 updated",
    ]
    pumped(save.start(again.undo(swap, staff, key=uuid.uuid4().hex)))
    assert _newest(staff_client, story) == [
        "Assigned: Office 365 E1 (14)",
        "Unassigned: Microsoft 365 E3 (14)",
        "14 updated",
    ]


def test_an_undo_of_plans_does_not_name_what_nobody_has(
    story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    e1 = sku("STANDARDPACK")
    entitlement = story.entitlements.get(product__sku_id=e1)
    plan = EntitlementPlan.objects.filter(entitlement=entitlement, applies_to="User", plan__family="sharepoint").first()
    assert plan is not None
    change = saved(staff, story, SALES, Wish(plans={(e1, plan.plan.plan_id): NONE}))
    pumped(save.start(again.undo(change, staff, key=uuid.uuid4().hex)))
    assert _newest(staff_client, story)[0] == "Service plans: Office 365 E1: service plans as before (14)"


def test_who_was_already_so_is_counted_apart(
    story: Customer, staff: StaffUser, staff_client: Client, sandbox: Sandbox
) -> None:
    wish = Wish(products={sku("FLOW_FREE"): ALL})
    saved(staff, story, SALES[:3], wish)
    change = saved(staff, story, SALES[:5], wish)
    assert _newest(staff_client, story) == ["Assigned: Microsoft Power Automate Free (2)", "2 updated", "3 already so"]
    text = staff_client.get(reverse("licenses:change", args=[change.pk])).content.decode()
    assert "Updated (5)" in text
    assert "2 changed, 3 were already so" in text


def test_a_change_under_way_says_what_it_will_do(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    save.start(draft(staff, story, SALES[:2], Wish(products={sku("FLOW_FREE"): ALL})))
    assert _newest(staff_client, story)[0] == "Assigned: Microsoft Power Automate Free (2)"
    assert LicenseChange.objects.get().products.get().assigned == 2
