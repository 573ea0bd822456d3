"""The result of a change as a file: the words and figures of its page, for those who may see it."""

import csv
import io

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange
from licenses.services import save
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests.factories import StaffUserFactory
from tests.integration.saving import ALL, draft, saved, sku

pytestmark = pytest.mark.django_db

MAILBOX, NOWHERE, JOINER = user_id("mailbox", 1), user_id("joiner", 1), user_id("joiner", 2)


@pytest.fixture
def change(sandbox: Sandbox, story: Customer, staff: StaffUser) -> LicenseChange:
    wish = Wish(products={sku("EXCHANGEENTERPRISE"): ALL})
    return saved(staff, story, [MAILBOX, NOWHERE, JOINER], wish)


def _table(client: Client, change: LicenseChange, **headers: str) -> list[list[str]]:
    answer = client.get(reverse("licenses:change-export", args=[change.pk]), headers=headers)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="')
    text = b"".join(answer).decode()  # type: ignore[call-overload]
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_each_user_has_a_row_with_what_became_of_them(change: LicenseChange, staff_client: Client) -> None:
    heading, *rows = _table(staff_client, change)
    found = {row[2]: dict(zip(heading, row, strict=True)) for row in rows}
    assert list(found) == [MAILBOX, NOWHERE, JOINER]
    assert found[JOINER]["Result"] == "Updated"
    assert found[JOINER]["Changed"] == "Assigned: Exchange Online (Plan 2)"
    assert "Exchange Online (Plan 2)" in found[JOINER]["Now has"]
    assert (found[NOWHERE]["Result"], found[NOWHERE]["Reason"]) == ("Failed", "No usage location")
    assert (found[MAILBOX]["Changed"], found[MAILBOX]["Reason"]) == ("", "Conflicting service plans")
    assert found[MAILBOX]["Request id"]


def test_it_speaks_the_readers_language(change: LicenseChange, staff_client: Client) -> None:
    heading, *rows = _table(staff_client, change, accept_language="ja")
    assert heading[0] == "ユーザー"
    assert {row[3] for row in rows} == {"変更済み", "失敗"}


def test_a_name_that_is_a_formula_is_text(change: LicenseChange, staff_client: Client) -> None:
    change.user_changes.filter(object_id=JOINER).update(display_name='=HYPERLINK("http://x")')
    assert [row[0] for row in _table(staff_client, change) if row[2] == JOINER] == ['\'=HYPERLINK("http://x")']


def test_the_page_leads_to_it(change: LicenseChange, staff_client: Client) -> None:
    text = staff_client.get(reverse("licenses:change", args=[change.pk])).content.decode()
    assert f'href="{reverse("licenses:change-export", args=[change.pk])}" download>Export</a>' in text


def test_the_queries_do_not_grow_with_the_users(change: LicenseChange, staff_client: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        _table(staff_client, change)
    assert len(queries) <= 9


def test_what_still_runs_leads_to_its_page(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    running = save.start(draft(staff, story, [JOINER], Wish(products={sku("FLOW_FREE"): ALL})))
    answer = staff_client.get(reverse("licenses:change-export", args=[running.pk]))
    assert answer["Location"] == reverse("licenses:change", args=[running.pk])


def test_it_is_for_those_who_see_the_customer(change: LicenseChange, client: Client) -> None:
    address = reverse("licenses:change-export", args=[change.pk])
    assert client.get(address)["Location"].startswith("/signin/")
    client.force_login(StaffUserFactory.create(roles=[Role.HELPDESK_AGENT.value]))
    assert client.get(address).status_code == 404
    client.force_login(StaffUserFactory.create(roles=[]))
    assert client.get(address).status_code == 403
    assert client.post(address).status_code == 405
