"""The page of a change, its progress, and the history: true for every user, also after a reload."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from customers import selection as selections
from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange, UserChange
from licenses.services import save, stopping
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.integration.saving import ALL, NONE, draft, pumped, saved, sku

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

PART = "POST /graph/v1.0/users/*/assignLicense"


def page(client: Client, change: LicenseChange, query: str = "") -> str:
    """Return the text of a change's page."""
    answer = client.get(reverse("licenses:change", args=[change.pk]) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def _name(customer: Customer, object_id: str) -> str:
    return str(customer.users.get(object_id=object_id).display_name)


def test_updated_users_show_what_changed_and_what_they_have_now(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    people = [user_id("sales", 1), user_id("member", 50)]
    wish = Wish(products={sku("POWER_BI_PRO"): ALL, sku("STANDARDPACK"): NONE})
    text = page(staff_client, saved(staff, story, people, wish))
    assert "Updated (2)" in text
    assert "Action needed (0)" in text
    for object_id in people:
        assert _name(story, object_id) in text
    assert '<span class="vh">Unassigned: </span>Office 365 E1' in text
    assert '<span class="tag new">Power BI Pro</span>' in text
    assert "read back from Microsoft" in text


def test_failures_are_grouped_by_cause_with_names_instead_of_ids(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    people = [user_id("mailbox", 1), user_id("mailbox", 2), user_id("joiner", 1), user_id("joiner", 2)]
    text = page(staff_client, saved(staff, story, people, Wish(products={sku("EXCHANGEENTERPRISE"): ALL})))
    assert "Action needed (3)" in text
    assert "Conflicting service plans: Exchange Online (Plan 1), Exchange Online (Plan 2)" in text
    assert "No usage location" in text
    assert text.count('class="cause-head"') == 2
    assert text.count("Nothing was changed for these users.") == 2
    # Ids stand in forms and in Microsoft's own words, which are folded away.
    shown = re.sub("<[^>]+>", "", re.sub(r"<details.*?</details>", "", text, flags=re.S))
    assert "9aaf7827-d63c-4b61-89c3-182f06f82e5c" not in shown
    assert "are mutually exclusive</q>" in text
    assert _name(story, user_id("joiner", 2)) not in text
    assert _name(story, user_id("joiner", 2)) in page(staff_client, LicenseChange.objects.get(), "?show=updated")


def test_an_unknown_refusal_shows_microsofts_own_words(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    error = {
        "error": {"code": "Request_BadRequest", "message": "Odd <b>words</b>", "innerError": {"request-id": "r-1"}}
    }
    sandbox.faults.add({"match": PART, "status": 400, "body": error})
    text = page(staff_client, saved(staff, story, [user_id("joiner", 2)], Wish(products={sku("SPE_E3"): ALL})))
    assert "Odd &lt;b&gt;words&lt;/b&gt;" in text
    assert "r-1" in text


def test_a_location_that_was_set_before_a_refusal_is_told(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    error = {"error": {"code": "Request_BadRequest", "message": "service plans are mutually exclusive"}}
    sandbox.faults.add({"match": PART, "status": 400, "body": error})
    wish = Wish(products={sku("SPE_E3"): ALL}, location="JP")
    text = page(staff_client, saved(staff, story, [user_id("joiner", 1)], wish))
    assert '<span class="vh">Usage location: </span>JP' in text
    assert "Nothing was changed for these users." not in text
    assert "Their usage location had been set before." in text


def test_an_unknown_part_of_the_result_is_named(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    change = saved(staff, story, [user_id("joiner", 2)], Wish(products={sku("SPE_E3"): ALL}))
    answer = staff_client.get(reverse("licenses:change", args=[change.pk]) + "?show=zz")
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "This part of the result is not known" in text
    assert _name(story, user_id("joiner", 2)) in text


def test_unknown_is_said_as_unknown(sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client) -> None:
    change = saved(staff, story, [user_id("joiner", 2)], Wish(products={sku("SPE_E3"): ALL}))
    change.user_changes.update(state=UserChange.State.UNKNOWN, failure_kind="unreadable", verified=False)
    text = page(staff_client, change)
    assert "Result unknown" in text
    assert "not known" in text
    assert "Nothing was changed" not in text


def test_a_running_change_polls_and_ends_with_its_page(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    change = save.start(draft(staff, story, [user_id("joiner", 2)], Wish(products={sku("SPE_E3"): ALL})))
    assert 'hx-trigger="load delay:1s"' in page(staff_client, change)
    progress = reverse("licenses:change-progress", args=[change.pk])
    fragment = staff_client.get(progress, headers={"HX-Request": "true"})
    assert fragment.content.decode().strip().startswith('<div id="progress"')
    assert staff_client.get(progress)["Location"] == reverse("licenses:change", args=[change.pk])
    pumped(change)
    done = staff_client.get(progress, headers={"HX-Request": "true"})
    assert done["HX-Redirect"] == reverse("licenses:change", args=[change.pk])
    assert 'id="progress"' not in page(staff_client, change)


def test_stop_ends_as_not_tried(sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client) -> None:
    change = save.start(draft(staff, story, [user_id("joiner", 2)], Wish(products={sku("SPE_E3"): ALL})))
    staff_client.post(reverse("licenses:change-stop", args=[change.pk]))
    assert pumped(change).status == LicenseChange.Status.CANCELLED
    text = page(staff_client, change)
    assert "Not tried" in text
    assert "Nothing was changed for these users." in text


def test_stop_between_location_and_licences_tells_the_location(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    people = [user_id("joiner", 1), user_id("joiner", 2)]
    wish = Wish(products={sku("SPE_E3"): ALL}, location="JP")
    change = save.start(draft(staff, story, people, wish))
    change.user_changes.filter(location="JP").update(step=UserChange.Step.LICENCES)
    stopping.request_stop(change)
    text = page(staff_client, change)
    assert text.count("Nothing was changed for these users.") == 1
    assert text.count("Their usage location had been set before.") == 1
    assert text.count('class="cause-head"') == 2


def test_the_same_users_can_be_selected_again(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    people = [user_id("joiner", number) for number in (4, 2, 3)]
    change = saved(staff, story, people, Wish(products={sku("SPE_E3"): ALL}))
    answer = staff_client.post(reverse("licenses:change", args=[change.pk]), {"go": "again"})
    assert answer["Location"] == reverse("customers:selected", args=[story.tenant_id])
    assert selections.count(selections.get(staff, story)) == 3


def test_history_tells_who_what_and_for_which_ticket(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    wish = Wish(products={sku("SPE_E3"): ALL})
    change = save.start(draft(staff, story, [user_id("joiner", 2)], wish, reference="INC-5"))
    pumped(change)
    draft(staff, story, [user_id("joiner", 3)], wish, reference="only a draft")
    for address in (reverse("licenses:changes", args=[story.tenant_id]), reverse("licenses:all-changes")):
        text = staff_client.get(address).content.decode()
        assert "INC-5" in text
        assert staff.display_name in text
        assert "Microsoft 365 E3" in text
        assert "only a draft" not in text
        assert "No change matches" in staff_client.get(f"{address}?q=nothing").content.decode()
        assert "INC-5" in staff_client.get(f"{address}?q=inc-5").content.decode()


def test_a_user_of_the_change_is_found_by_name(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    people = [user_id("member", number) for number in range(1, 30)]
    change = saved(staff, story, people, Wish(products={sku("FLOW_FREE"): ALL}))
    wanted = _name(story, people[3])
    text = page(staff_client, change, f"?q={wanted}")
    assert wanted in text
    assert text.count('class="person"') < 29
    assert "No user of this change matches" in page(staff_client, change, "?q=nobody")
