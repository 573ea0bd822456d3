"""Users as a file: all whom the list's filters match, in its order, with what they hold and how."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from customers import selection as selections
from customers.models import Customer, DirectoryUser
from licenses.models import Holding
from licensing_portal.staff.models import StaffUser
from tests.factories import (
    AssignmentFactory,
    CustomerFactory,
    DirectoryUserFactory,
    EntitlementFactory,
    GroupFactory,
    HoldingFactory,
    PlanSetFactory,
    ProductFactory,
)
from tests.integration.downloads import assert_same_table, csv_table, records, xlsx_table
from tests.integration.saving import sku

pytestmark = pytest.mark.django_db


def _address(customer: Customer, query: str = "") -> str:
    return reverse("licenses:users-export", args=[customer.tenant_id]) + query


def _of_list(client: Client, customer: Customer, query: str) -> list[str]:
    """Return the object ids that the list shows, page after page."""
    found: list[str] = []
    page = 1
    while True:
        answer = client.get(reverse("customers:users", args=[customer.tenant_id]) + f"?{query}&size=25&page={page}")
        shown = answer.context["page"]
        found += [user.object_id for user in shown.rows]
        if page == shown.pages:
            return found
        page += 1


@pytest.mark.parametrize(
    "query",
    [
        "",
        "q=山田",
        "licence={E3}",
        "product={E3}&sort=-name",
        "licence=none&sort=status",
        "status=blocked",
        "status=guest",
        "location=none",
        "location=JP&sort=location&page=2&size=25",
        "errors=1",
        "department=営業部",
    ],
)
def test_it_holds_whom_the_list_shows_in_its_order(query: str, story: Customer, staff_client: Client) -> None:
    query = query.replace("{E3}", sku("SPE_E3"))
    rows = records(csv_table(staff_client, _address(story, f"?{query}")))
    assert [row["Object ID"] for row in rows] == _of_list(staff_client, story, query)
    assert rows != []


def test_both_formats_tell_the_same(story: Customer, staff_client: Client) -> None:
    assert_same_table(csv_table(staff_client, _address(story)), xlsx_table(staff_client, _address(story)))


def test_licences_are_those_of_the_list_each_with_its_path(story: Customer, staff_client: Client) -> None:
    listed = staff_client.get(reverse("customers:users", args=[story.tenant_id]) + "?size=200").context["rows"]
    rows = {row["Object ID"]: row for row in records(csv_table(staff_client, _address(story)))}
    paths = set()
    for one in listed:
        row = rows[one.user.object_id]
        for tag in (*one.tags, *one.more):
            if tag.kind == "error":
                assert tag.name in row["Errors"]
            else:
                assert tag.name in row["Licenses"]
                paths.add((tag.kind, "(direct" in row["Licenses"], "by group" in row["Licenses"]))
        if not (one.tags or one.more):
            assert (row["Licenses"], row["Errors"]) == ("", "")
    assert {kind for kind, _direct, _group in paths} == {"", "group"}


@pytest.fixture
def person() -> DirectoryUser:
    """A blocked guest from on-premises with one product by two paths, and an error."""
    customer = CustomerFactory.create(name="北山商店")
    user = DirectoryUserFactory.create(
        customer=customer,
        display_name="髙橋 花子",
        mail="hanako@kitayama.example",
        department="経理部",
        job_title="課長",
        enabled=False,
        is_guest=True,
        on_premises=True,
        has_errors=True,
    )
    group = GroupFactory.create(customer=customer, display_name="全社員")
    both, broken = (ProductFactory.create(display_name=name) for name in ("Exchange Online (Plan 2)", "Visio Plan 2"))
    HoldingFactory.create(user=user, product=both, by_group=True)
    AssignmentFactory.create(user=user, product=both)
    AssignmentFactory.create(user=user, product=both, via=group.object_id)
    AssignmentFactory.create(
        user=user, product=broken, via=group.object_id, state="Error", error="MutuallyExclusiveViolation"
    )
    return user


def _row(client: Client, user: DirectoryUser, **headers: str) -> dict[str, Any]:
    (row,) = records(csv_table(client, _address(user.customer), **headers))
    return row


def test_a_row_says_who_somebody_is_and_what_is_wrong(person: DirectoryUser, staff_client: Client) -> None:
    row = _row(staff_client, person)
    assert (row["Sign-in"], row["Type"], row["Source"]) == ("blocked", "Guest", "synced from on-premises")
    assert (row["Department"], row["Job title"], row["Usage location"]) == ("経理部", "課長", "JP")
    assert row["Licenses"] == "Exchange Online (Plan 2) (direct, by group 全社員)"
    assert row["Errors"] == "Visio Plan 2 (by group 全社員): Conflicting service plans"
    read_at = timezone.localtime(max(person.read_at, person.customer.synced_at))
    assert row["As of"] == read_at.isoformat(timespec="seconds")


def test_it_speaks_japanese(person: DirectoryUser, staff_client: Client) -> None:
    row = _row(staff_client, person, accept_language="ja")
    assert row["ライセンス"] == "Exchange Online (プラン 2) (直接割り当て、グループ「全社員」)"
    assert row["エラー"] == "Visio Plan 2 (グループ「全社員」): サービス プランの競合"


def test_a_hostile_directory_runs_nothing(person: DirectoryUser, staff_client: Client) -> None:
    evil = '=cmd|"/c calc"!A1'
    texts = ("display_name", "user_principal_name", "mail", "department", "job_title")
    DirectoryUser.objects.filter(pk=person.pk).update(**dict.fromkeys(texts, evil))
    ((*cells,),) = csv_table(staff_client, _address(person.customer))[1:]
    assert cells.count(f"'{evil}") == len(texts)
    ((*cells,),) = xlsx_table(staff_client, _address(person.customer))[1:]
    assert cells.count(evil) == len(texts)


@pytest.mark.parametrize("query", ["licence=nonsense", "status=x", "sort=age", "errors=2", "location=XX"])
def test_a_value_that_the_list_does_not_know_makes_no_file(query: str, story: Customer, staff_client: Client) -> None:
    answer = staff_client.get(_address(story, f"?{query}"))
    assert answer.status_code == 422
    assert "is not known" in answer.content.decode()


def test_another_customers_users_are_not_in_it(person: DirectoryUser, story: Customer, staff_client: Client) -> None:
    assert len(csv_table(staff_client, _address(person.customer))) == 2
    assert person.object_id not in str(csv_table(staff_client, _address(story)))


def test_selected_users_are_exported_alone(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    address = reverse("licenses:selected-export", args=[story.tenant_id])
    assert len(csv_table(staff_client, address)) == 1
    chosen = list(story.users.order_by("-sort_key")[:3])
    selections.add(selections.get(staff, story), [user.pk for user in chosen])
    rows = records(csv_table(staff_client, address))
    # In list order, as their page has them.
    assert [row["Object ID"] for row in rows] == [user.object_id for user in reversed(chosen)]
    assert_same_table(csv_table(staff_client, address), xlsx_table(staff_client, address))


def test_the_list_leads_to_what_it_shows(story: Customer, staff_client: Client) -> None:
    address = reverse("customers:users", args=[story.tenant_id])
    text = staff_client.get(f"{address}?status=blocked&sort=-name&page=2").content.decode()
    assert f'href="{_address(story)}?status=blocked&amp;sort=-name" download>Export</a>' in text
    assert (
        f'href="{_address(story)}?status=blocked&amp;sort=-name&amp;format=xlsx" download>Export to Excel</a>' in text
    )
    swapped = staff_client.post(
        address, {"status": "guest", "go": "search"}, headers={"HX-Request": "true"}, follow=True
    )
    assert f'href="{_address(story)}?status=guest" download>Export</a>' in swapped.content.decode()
    # Everybody is shown where the filter was not understood: no file may be taken for the answer.
    assert "download>" not in staff_client.get(f"{address}?status=odd").content.decode()


def test_a_large_tenant_is_read_while_it_is_sent(staff_client: Client) -> None:
    customer = CustomerFactory.create()
    product = EntitlementFactory.create(customer=customer).product
    people = DirectoryUserFactory.create_batch(5_000, customer=customer)
    everything = PlanSetFactory.create(product=product)
    Holding.objects.bulk_create(
        HoldingFactory.build(
            user=user, customer=customer, product=product, plan_set=everything, direct_plan_set=everything
        )
        for user in people
    )
    with CaptureQueriesContext(connection) as queries:
        answer = staff_client.get(_address(customer))
        lines = iter(answer.streaming_content)  # type: ignore[attr-defined]
        first = next(lines)
        at_first = len(queries)
        rest = b"".join(lines)
    assert (first + rest).count(f"{product.display_name} (direct)".encode()) == 5_000
    # What the first thousand hold was asked for, and nothing yet of the others: two queries each.
    assert len(queries) - at_first == 4 * 2
    assert len(queries) <= 16
