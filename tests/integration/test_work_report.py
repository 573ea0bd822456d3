"""The work report of a change: a page made for paper, with the figures of the result."""

import html
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange
from licenses.services import save
from licenses.services.work_report import work_report
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.integration.saving import ALL, NONE, draft, saved, sku

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

MAILBOX, NOWHERE, JOINER = user_id("mailbox", 1), user_id("joiner", 1), user_id("joiner", 2)


@pytest.fixture
def change(sandbox: Sandbox, story: Customer, staff: StaffUser) -> LicenseChange:
    """One user updated, one refused by Microsoft, one by planning."""
    wish = Wish(products={sku("EXCHANGEENTERPRISE"): ALL})
    change = saved(staff, story, [MAILBOX, NOWHERE, JOINER], wish)
    LicenseChange.objects.filter(pk=change.pk).update(reference="INC-7 <b>")
    return change


def _page(client: Client, change: LicenseChange, **headers: str) -> str:
    answer = client.get(reverse("licenses:change-report", args=[change.pk]), headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def _words(page: str) -> str:
    """Return the report as it is read, without the rest of the page."""
    article = page[page.index("<article") : page.index("</article>")]
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", article)).split())


def test_it_says_for_whom_by_whom_when_and_why(change: LicenseChange, staff: StaffUser, staff_client: Client) -> None:
    words = _words(_page(staff_client, change))
    assert "To コントソ商事" in words
    assert change.customer.tenant_id in words
    assert staff.display_name in words
    assert "INC-7 <b>" in words
    assert str(change.pk) in words
    assert "JST" in words
    assert "Done by Checked by" in words


def test_it_says_what_was_changed_and_how_many_were_not(change: LicenseChange, staff_client: Client) -> None:
    words = _words(_page(staff_client, change))
    assert "Exchange Online (Plan 2) 1 0 0" in words
    # Users, updated, already so, failed, not tried, unknown.
    assert "Unknown 3 1 0 2 0 0" in words
    assert re.search(r"Conflicting service plans\b[^.]* \(1 user\)", words)
    assert "No usage location (1 user)" in words


def _section(words: str, start: str, end: str) -> str:
    return words[words.index(start) : words.index(end)]


def test_who_was_left_as_they_are_needs_no_action(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    users = [MAILBOX, user_id("mailbox", 2), NOWHERE]
    change = saved(staff, story, users, Wish(products={sku("EXCHANGEENTERPRISE"): ALL}))
    clash = change.user_changes.filter(failure_kind="exclusive").order_by("pk")
    moments = [timezone.now(), timezone.now() - timedelta(hours=1)]
    for row, moment in zip(clash, moments, strict=True):
        change.user_changes.filter(pk=row.pk).update(left_at=moment, left_by=staff)
    words = _words(_page(staff_client, change))
    needed = _section(words, "Action needed", "Left as it is")
    left = _section(words, "Left as it is", "Result per user")
    assert ("No usage location (1 user)" in needed, "Conflicting" in needed) == (True, False)
    assert left.count("Conflicting service plans") == 1
    assert "(2 users)" in left
    assert words.count("Failed (left as it is)") == 2


def test_who_needs_attention_comes_first_then_the_others_by_name(change: LicenseChange, staff_client: Client) -> None:
    rows = work_report(change).rows
    assert [row.one.row.state for row in rows] == ["failed", "failed", "updated"]
    assert [bool(row.reason) for row in rows] == [True, True, False]
    words = _words(_page(staff_client, change))
    assert re.search(r"3 \S+ \S+ \S+@\S+ Updated Assigned: Exchange Online \(Plan 2\)", words)


def test_what_is_too_much_for_paper_is_said(change: LicenseChange) -> None:
    for most in (1, 2):
        report = work_report(change, most=most)
        assert (len(report.rows), report.more) == (most, 3 - most)
    assert work_report(change).more == 0


def test_a_change_of_locations_and_plans_is_told_in_words(
    story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    e1 = sku("STANDARDPACK")
    holder = story.users.filter(holdings__product__sku_id=e1, holdings__direct=True).first()
    assert holder is not None
    teams = story.entitlements.get(product__sku_id=e1).plan_rows.get(plan__name="TEAMS1").plan
    change = saved(staff, story, [holder.object_id, NOWHERE], Wish(plans={(e1, teams.plan_id): NONE}, location="JP"))
    words = _words(_page(staff_client, change))
    assert f"{teams.display_name} off in Office 365 E1" in words
    assert "Usage location set for 1 user" in words


def test_it_is_a_report_in_japanese(change: LicenseChange, staff_client: Client) -> None:
    words = _words(_page(staff_client, change, accept_language="ja"))
    assert words.startswith("コントソ商事 御中 作業報告書")
    assert "作業者 確認者" in words
    assert "Exchange Online (プラン 2) 1 0 0" in words


def test_a_name_is_no_markup(change: LicenseChange, staff_client: Client) -> None:
    change.user_changes.update(display_name="<script>alert(1)</script>")
    assert "<script>alert" not in _page(staff_client, change)


def test_its_queries_do_not_grow_with_the_users(change: LicenseChange, staff_client: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        _page(staff_client, change)
    assert len(queries) <= 20


def test_the_result_leads_to_it(change: LicenseChange, staff_client: Client) -> None:
    text = staff_client.get(reverse("licenses:change", args=[change.pk])).content.decode()
    assert f'href="{reverse("licenses:change-report", args=[change.pk])}">Print</a>' in text


def test_what_still_runs_leads_to_its_page(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    running = save.start(draft(staff, story, [JOINER], Wish(products={sku("FLOW_FREE"): ALL})))
    answer = staff_client.get(reverse("licenses:change-report", args=[running.pk]))
    assert answer["Location"] == reverse("licenses:change", args=[running.pk])
