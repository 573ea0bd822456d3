"""Action needed by cause: every cause with all its users counted, however many; a customer's trouble is said once."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from licenses.models import LicenseChange, UserChange
from licenses.services import report
from licensing_portal.staff.models import StaffUser
from tests.integration.failure_cases import give
from tests.integration.saving import draft

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

State = UserChange.State
E3 = next(iter(give("SPE_E3").products))


@pytest.fixture
def change(story: Customer, staff: StaffUser) -> LicenseChange:
    """An ended change of all 137 users, in which each cause hits somebody."""
    people = list(story.users.order_by("sort_key").values_list("object_id", flat=True))
    change = draft(staff, story, people, give("SPE_E3"))
    LicenseChange.objects.update(status=LicenseChange.Status.DONE)
    change.user_changes.update(
        state=State.FAILED, cautions=[], failure_skus=[], failure_plans=[], attempts=1, location=""
    )
    return change


def _heads(client: Client, change: LicenseChange, query: str = "") -> list[str]:
    text = client.get(reverse("licenses:change", args=[change.pk]) + f"?show=action{query}").content.decode()
    return [re.sub("<[^>]+>", "", head) for head in re.findall(r"<h2>(.*?)</h2>", text)]


def test_thirty_causes_are_all_there_with_their_numbers(change: LicenseChange, staff_client: Client) -> None:
    rows = list(change.user_changes.order_by("position"))
    for place, row in enumerate(rows):
        row.failure_kind, row.message = "unknown", f"Reason {place % 30:02}"
    UserChange.objects.bulk_update(rows, ["failure_kind", "message"])
    assert sorted(cause.number for cause in report.causes(change)) == [4] * 13 + [5] * 17
    heads = _heads(staff_client, change) + _heads(staff_client, change, "&page=2")
    # A cause that goes on over the page's end is named on both, with all its users.
    assert sum(head.endswith("(5)") for head in heads) + sum(head.endswith("(4)") for head in heads) == len(heads)
    assert len(heads) in (30, 31)


def test_a_hundred_users_of_one_cause_are_one_heading(change: LicenseChange, staff_client: Client) -> None:
    change.user_changes.update(failure_kind="no_seat", failure_skus=[E3], message="words")
    assert _heads(staff_client, change) == ["Not enough licenses: Microsoft 365 E3 (137)"]


def test_what_concerns_the_customer_is_said_once_whatever_the_words(
    change: LicenseChange, staff_client: Client
) -> None:
    rows = list(change.user_changes.order_by("position"))
    for place, row in enumerate(rows):
        row.failure_kind, row.message, row.request_id = "forbidden", f"No. Trace {place}", f"r-{place}"
    UserChange.objects.bulk_update(rows, ["failure_kind", "message", "request_id"])
    assert _heads(staff_client, change) == ["Access refused (137)"]
