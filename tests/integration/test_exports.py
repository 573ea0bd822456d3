"""The result of a change as a file: the words and figures of its page, for those who may see it."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange, UserChange
from licenses.services import save
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests.factories import LicenseChangeFactory, StaffUserFactory
from tests.integration.downloads import assert_same_table, csv_table, records, xlsx_table
from tests.integration.saving import ALL, draft, saved, sku

pytestmark = pytest.mark.django_db

MAILBOX, NOWHERE, JOINER = user_id("mailbox", 1), user_id("joiner", 1), user_id("joiner", 2)


@pytest.fixture
def change(sandbox: Sandbox, story: Customer, staff: StaffUser) -> LicenseChange:
    wish = Wish(products={sku("EXCHANGEENTERPRISE"): ALL})
    return saved(staff, story, [MAILBOX, NOWHERE, JOINER], wish)


def _address(change: LicenseChange) -> str:
    return reverse("licenses:change-export", args=[change.pk])


def test_each_user_has_a_row_with_what_became_of_them(change: LicenseChange, staff_client: Client) -> None:
    rows = records(csv_table(staff_client, _address(change)))
    found = {row["Object ID"]: row for row in rows}
    assert list(found) == [MAILBOX, NOWHERE, JOINER]
    assert found[JOINER]["Result"] == "Updated"
    assert found[JOINER]["Changed"] == "Assigned: Exchange Online (Plan 2)"
    assert "Exchange Online (Plan 2)" in found[JOINER]["Now has"]
    assert found[JOINER]["As of"].endswith("+09:00")
    assert (found[NOWHERE]["Result"], found[NOWHERE]["Reason"]) == ("Failed", "No usage location")
    assert (found[MAILBOX]["Changed"], found[MAILBOX]["Reason"]) == ("", "Conflicting service plans")
    assert found[MAILBOX]["Request id"]


def test_the_workbook_tells_the_same(change: LicenseChange, staff_client: Client) -> None:
    assert_same_table(csv_table(staff_client, _address(change)), xlsx_table(staff_client, _address(change)))


def test_it_speaks_the_readers_language(change: LicenseChange, staff_client: Client) -> None:
    for table in (csv_table, xlsx_table):
        heading, *rows = table(staff_client, _address(change), accept_language="ja")
        assert heading[0] == "ユーザー"
        assert {row[3] for row in rows} == {"変更済み", "失敗"}
        assert "割り当て済み: Exchange Online (プラン 2)" in {row[4] for row in rows}


def test_it_keeps_the_language_of_the_page_while_it_is_sent(change: LicenseChange, staff_client: Client) -> None:
    answer = staff_client.get(_address(change), headers={"accept-language": "ja"})
    # By then the thread may speak to somebody else.
    with translation.override("en"):
        assert "変更済み" in b"".join(answer).decode()  # type: ignore[call-overload]


def test_a_name_that_is_a_formula_is_text(change: LicenseChange, staff_client: Client) -> None:
    change.user_changes.filter(object_id=JOINER).update(display_name='=HYPERLINK("http://x")')
    rows = csv_table(staff_client, _address(change))
    assert [row[0] for row in rows if row[2] == JOINER] == ['\'=HYPERLINK("http://x")']
    rows = xlsx_table(staff_client, _address(change))
    assert [row[0] for row in rows if row[2] == JOINER] == ['=HYPERLINK("http://x")']


def test_the_page_leads_to_it(change: LicenseChange, staff_client: Client) -> None:
    text = staff_client.get(reverse("licenses:change", args=[change.pk])).content.decode()
    assert f'href="{_address(change)}" download>Export</a>' in text
    assert f'href="{_address(change)}?format=xlsx" download>Export to Excel</a>' in text


def test_the_file_is_called_by_customer_and_time(change: LicenseChange, staff_client: Client) -> None:
    name = staff_client.get(_address(change))["Content-Disposition"]
    # コントソ商事, percent-encoded.
    assert "filename*=UTF-8''%E3%82%B3%E3%83%B3%E3%83%88%E3%82%BD%E5%95%86%E4%BA%8B_Licenses_updated_20" in name


def test_a_format_that_is_not_known_is_refused(change: LicenseChange, staff_client: Client) -> None:
    answer = staff_client.get(_address(change) + "?format=ods")
    assert answer.status_code == 422
    assert "ods" in answer.content.decode()


def test_the_queries_do_not_grow_with_the_users(change: LicenseChange, staff_client: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        csv_table(staff_client, _address(change))
    assert len(queries) <= 9


def test_a_large_result_is_read_while_it_is_sent(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    large = LicenseChangeFactory.create(customer=story, staff=staff, status=LicenseChange.Status.DONE, total=3_000)
    add = [{"skuId": sku("SPE_E3"), "disabledPlans": []}]
    UserChange.objects.bulk_create(
        UserChange(
            change=large,
            object_id=f"{n:036}",
            display_name=f"User {n}",
            user_principal_name=f"u{n}@contoso.example",
            sort_key=f"{n:05}",
            position=n,
            state=UserChange.State.UPDATED,
            add=add,
            before={"paths": []},
            after={"paths": [{"skuId": sku("SPE_E3"), "via": "direct", "disabledPlans": []}]},
        )
        for n in range(3_000)
    )
    with CaptureQueriesContext(connection) as queries:
        answer = staff_client.get(_address(large))
        lines = iter(answer.streaming_content)  # type: ignore[attr-defined]
        assert b"User 0," in next(lines)
        at_first = len(queries)
        rest = b"".join(lines)
    assert b"User 2999," in rest
    # One query a thousand users: the names of what they mention.
    assert len(queries) == at_first + 2


def test_what_still_runs_leads_to_its_page(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    running = save.start(draft(staff, story, [JOINER], Wish(products={sku("FLOW_FREE"): ALL})))
    assert staff_client.get(_address(running))["Location"] == reverse("licenses:change", args=[running.pk])


def test_it_is_for_those_who_see_the_customer(change: LicenseChange, client: Client) -> None:
    address = _address(change)
    assert client.get(address)["Location"].startswith("/signin/")
    client.force_login(StaffUserFactory.create(roles=[Role.HELPDESK_AGENT.value]))
    assert client.get(address).status_code == 404
    client.force_login(StaffUserFactory.create(roles=[]))
    assert client.get(address).status_code == 403
    assert client.post(address).status_code == 405
