"""Leave it: users of a cause stay as they are by somebody's decision, and everything says so."""

import re
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange, UserChange
from licenses.services import again, report
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests.factories import StaffUserFactory
from tests.integration.saving import ALL, saved, sku

pytestmark = pytest.mark.django_db

State = UserChange.State
MAILBOX = [user_id("mailbox", 1), user_id("mailbox", 2)]
NOWHERE, JOINER = user_id("joiner", 1), user_id("joiner", 2)
CLASH, LOST = "Conflicting service plans", "No usage location"


@pytest.fixture
def change(sandbox: Sandbox, story: Customer, staff: StaffUser) -> LicenseChange:
    """Two who have a clashing plan, one without location, and one who is updated."""
    return saved(staff, story, [*MAILBOX, NOWHERE, JOINER], Wish(products={sku("EXCHANGEENTERPRISE"): ALL}))


def _address(change: LicenseChange) -> str:
    return reverse("licenses:change", args=[change.pk])


def _page(client: Client, change: LicenseChange, query: str = "?show=action") -> str:
    return client.get(_address(change) + query).content.decode()


def _cause(client: Client, change: LicenseChange, title: str) -> dict[str, str]:
    """Return what the form of a cause holds."""
    form = re.search(
        rf'<form method="post" class="repairs" aria-label="Repair: {title}".*?</form>', _page(client, change), re.S
    )
    assert form is not None
    return dict(re.findall(r'<input type="hidden" name="(cause|key)" value="([^"]*)"', form[0]))


def _press(client: Client, change: LicenseChange, title: str, go: str) -> None:
    answer = client.post(_address(change), _cause(client, change, title) | {"go": go})
    assert (answer.status_code, answer["Location"]) == (303, f"{_address(change)}?show=action")


def test_who_is_left_needs_no_action_and_stays_listed(
    change: LicenseChange, staff: StaffUser, staff_client: Client
) -> None:
    _press(staff_client, change, CLASH, "leave")
    text = _page(staff_client, change)
    assert "2 users are left as they are." in text
    assert "Action needed (1)" in text
    heads = [re.sub("<[^>]+>", "", head) for head in re.findall(r"<h2>(.*?)</h2>", text)]
    assert [head.split(":")[0] for head in heads][-1] == f"Left as it is – {CLASH}"
    assert f"Left by {staff.display_name}, " in text
    names = change.user_changes.filter(object_id__in=MAILBOX).values_list("display_name", flat=True)
    assert all(name in text for name in names)
    # What happened to them is still told: nothing.
    assert {row.state for row in change.user_changes.filter(object_id__in=MAILBOX)} == {State.FAILED}
    assert set(
        change.user_changes.filter(left_by=staff, left_at__isnull=False).values_list("object_id", flat=True)
    ) == set(MAILBOX)


def test_the_history_and_the_export_tell_it(change: LicenseChange, story: Customer, staff_client: Client) -> None:
    _press(staff_client, change, CLASH, "leave")
    history = staff_client.get(reverse("licenses:changes", args=[story.tenant_id])).content.decode()
    assert ("1 needs action" in history, "2 left as they are" in history, "1 updated" in history) == (True, True, True)
    export = b"".join(staff_client.get(reverse("licenses:change-export", args=[change.pk]))).decode("utf-8-sig")
    assert export.count("Failed (left as it is)") == 2
    page = reverse("customers:user", args=[story.tenant_id, MAILBOX[0]])
    assert "Left as it is by " in staff_client.get(page).content.decode()


def test_retry_leaves_them_out(change: LicenseChange, staff_client: Client) -> None:
    _press(staff_client, change, CLASH, "leave")
    assert list(again.to_retry(change).values_list("object_id", flat=True)) == [NOWHERE]
    staff_client.post(_address(change), {"go": "retry", "key": uuid.uuid4().hex})
    draft = LicenseChange.objects.get(parent=change)
    assert list(draft.user_changes.values_list("object_id", flat=True)) == [NOWHERE]


def test_when_all_are_left_nobody_needs_attention(change: LicenseChange, staff_client: Client) -> None:
    _press(staff_client, change, CLASH, "leave")
    _press(staff_client, change, LOST, "leave")
    text = _page(staff_client, change)
    assert "Action needed (0)" in text
    assert "Nobody needs attention." in text
    assert 'value="retry"' not in text
    assert report.counts(change).left == 3
    # Without a choice of the tab, what was done is shown.
    assert "Updated users" in _page(staff_client, change, "")


def test_they_can_be_taken_up_again(change: LicenseChange, staff_client: Client) -> None:
    _press(staff_client, change, CLASH, "leave")
    _press(staff_client, change, CLASH, "take-up")
    text = _page(staff_client, change)
    assert "2 users need action again." in text
    assert "Action needed (3)" in text
    assert "Left as it is" not in text
    assert not change.user_changes.filter(left_at__isnull=False).exists()


def test_pressed_twice_it_says_and_does_nothing_more(change: LicenseChange, staff_client: Client) -> None:
    form = _cause(staff_client, change, CLASH) | {"go": "leave"}
    staff_client.post(_address(change), form)
    first = set(change.user_changes.values_list("left_at", flat=True))
    staff_client.post(_address(change), form)
    assert set(change.user_changes.values_list("left_at", flat=True)) == first


def test_people_without_a_form_for_it_cannot(change: LicenseChange, client: Client, staff_client: Client) -> None:
    form = _cause(staff_client, change, CLASH) | {"go": "leave"}
    assert client.post(_address(change), form)["Location"].startswith("/signin/")
    client.force_login(StaffUserFactory.create(roles=[Role.HELPDESK_AGENT.value]))
    assert client.post(_address(change), form).status_code == 404
    assert report.counts(change).left == 0


@pytest.mark.parametrize("cause", ["", "x", "9" * 18, "-1"])
def test_a_cause_that_is_none_changes_nothing(change: LicenseChange, staff_client: Client, cause: str) -> None:
    answer = staff_client.post(_address(change), {"go": "leave", "cause": cause})
    assert answer.status_code == 422
    assert "This cause is not known." in answer.content.decode()
    assert report.counts(change).left == 0


def test_the_cause_of_another_change_is_none(
    change: LicenseChange, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    other = saved(staff, story, [NOWHERE], Wish(products={sku("POWER_BI_PRO"): ALL}))
    form = _cause(staff_client, other, LOST)
    assert staff_client.post(_address(change), form | {"go": "leave"}).status_code == 422
    assert report.counts(other).left == 0


@pytest.mark.sqlite
def test_users_are_counted_without_reading_their_rows(change: LicenseChange) -> None:
    with CaptureQueriesContext(connection) as asked:
        report.counts(change)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {asked.captured_queries[0]['sql']}")
        plan = " ".join(str(row) for row in cursor.fetchall())
    assert "USING COVERING INDEX user_changes_counted" in plan


@pytest.mark.parametrize("title", [CLASH, LOST])
def test_an_older_tab_cannot_repair_who_was_left(change: LicenseChange, staff_client: Client, title: str) -> None:
    form = re.search(
        rf'<form method="post" class="repairs" aria-label="Repair: {title}".*?</form>',
        _page(staff_client, change),
        re.S,
    )
    assert form is not None
    repairs = re.findall(r'name="repair" value="([^"]*)"', form[0])
    older = _cause(staff_client, change, title) | {"go": "repair", "location": "JP"}
    _press(staff_client, change, title, "leave")
    assert repairs
    for code in (*repairs, "retry"):
        answer = staff_client.post(_address(change), older | {"repair": code})
        assert answer.status_code == 422
        assert "These users were left as they are." in answer.content.decode()
    assert not LicenseChange.objects.filter(parent=change).exists()
