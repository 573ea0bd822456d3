"""Selected users: only those, removable one by one."""

import html
import re
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers import selection as selections
from customers.models import Customer, CustomerFacet, DirectoryUser, Selection
from licensing_portal.staff.models import StaffUser
from tests.factories import CustomerFactory, DirectoryUserFactory, HoldingFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer() -> Customer:
    return CustomerFactory.create()


@pytest.fixture
def people(customer: Customer) -> list[DirectoryUser]:
    return [DirectoryUserFactory.create(customer=customer, display_name=name) for name in ("Aiko", "Bruno", "Chloé")]


@pytest.fixture
def selection(staff: StaffUser, customer: Customer, people: list[DirectoryUser]) -> Selection:
    """Chloé, then Aiko."""
    selection = selections.get(staff, customer)
    selections.add(selection, [people[2].pk, people[0].pk])
    return selection


def _address(customer: Customer) -> str:
    return f"/customers/{customer.tenant_id}/users/selected/"


def _names(client: Client, customer: Customer, query: str = "") -> list[str]:
    page = client.get(_address(customer) + query).content.decode()
    return re.findall(r'<th scope="row">.*?<bdi>([^<]+)</bdi>', page)


def test_only_the_selected_are_shown_in_list_order(
    staff_client: Client, customer: Customer, selection: Selection
) -> None:
    assert _names(staff_client, customer) == ["Aiko", "Chloé"]


def test_one_is_removed_by_a_button_that_names_the_user(
    staff_client: Client, customer: Customer, selection: Selection, people: list[DirectoryUser]
) -> None:
    page = staff_client.get(_address(customer)).content.decode()
    assert f'value="{people[0].object_id}">Remove<span class="vh"> Aiko</span>' in page

    response = staff_client.post(f"{_address(customer)}?page=1", {"remove": people[0].object_id.upper()})

    assert (response.status_code, response["Location"]) == (303, f"{_address(customer)}?page=1")
    assert _names(staff_client, customer) == ["Chloé"]


def test_removing_somebody_twice_is_no_mistake(
    staff_client: Client, customer: Customer, selection: Selection, people: list[DirectoryUser]
) -> None:
    for _time in range(2):
        assert staff_client.post(_address(customer), {"remove": people[0].object_id}).status_code == 303

    assert _names(staff_client, customer) == ["Chloé"]


@pytest.mark.parametrize("wrong", ["another customer's", "nobody's", "no id", "NUL"])
def test_an_id_that_is_not_this_customers_changes_nothing(
    staff_client: Client, customer: Customer, selection: Selection, wrong: str
) -> None:
    stranger = DirectoryUserFactory.create()
    theirs = selections.get(selection.staff, stranger.customer)
    selections.add(theirs, [stranger.pk])
    bad = {"another customer's": stranger.object_id, "nobody's": str(uuid.uuid4()), "no id": "1", "NUL": "\0"}[wrong]

    assert staff_client.post(_address(customer), {"remove": bad}).status_code == 404
    assert _names(staff_client, customer) == ["Aiko", "Chloé"]
    assert selections.count(theirs) == 1


def test_clear_leaves_a_page_that_says_how_to_go_on(
    staff_client: Client, customer: Customer, selection: Selection
) -> None:
    page = staff_client.post(_address(customer), {"go": "clear"}, follow=True).content.decode()

    assert "Nobody is selected." in page
    assert "Manage licenses" not in page


def test_a_hundred_are_a_page_and_cost_the_same_queries(
    staff_client: Client, customer: Customer, selection: Selection
) -> None:
    for user in DirectoryUserFactory.create_batch(205, customer=customer):
        HoldingFactory.create(user=user)
    selections.add_matching(selection, DirectoryUser.objects.of(customer))

    assert len(_names(staff_client, customer)) == 100
    assert len(_names(staff_client, customer, "?page=99")) == 8
    with CaptureQueriesContext(connection) as captured:
        staff_client.get(_address(customer))
    assert len(captured) <= 12


def _origins(client: Client, customer: Customer, language: str = "en") -> list[str]:
    """Return where each user came from, as it reads."""
    page = client.get(_address(customer), headers={"accept-language": language}).content.decode()
    cells = re.findall(r'<div class="origin">(.*?)</div>', page, re.DOTALL)
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in cells]


def test_a_tick_and_a_line_of_a_list_are_named_as_the_origin(
    staff_client: Client, customer: Customer, people: list[DirectoryUser]
) -> None:
    users = f"/customers/{customer.tenant_id}/users/"
    staff_client.post(users, {"shown": people[0].object_id, "sel": people[0].object_id})
    staff_client.post(f"{users}list/", {"lines": f"Name\tMail\n\n{people[1].mail}\n{people[0].mail}"})

    # Who was selected before keeps the first origin.
    assert _origins(staff_client, customer) == ["Ticked", "List, line 3"]


def test_all_matching_names_its_filters_and_leads_to_them(
    staff_client: Client, customer: Customer, people: list[DirectoryUser]
) -> None:
    sku, group = "a" * 36, "b" * 36
    for kind, value, label in (
        ("location", "JP", "JP"),
        ("department", "営業 & 部", "営業 & 部"),
        ("product", sku, "Exchange Online (Plan 2)"),
        ("group", group, "全社員"),
    ):
        CustomerFacet.objects.create(customer=customer, kind=kind, value=value, label=label, number=1)
    DirectoryUser.objects.filter(pk=people[0].pk).update(department="営業 & 部")
    users = f"/customers/{customer.tenant_id}/users/"
    staff_client.post(
        users,
        {"go": "matching", "q": "ai", "location": "JP", "department": "営業 & 部", "status": "active", "page": "1"},
    )
    staff_client.post(users, {"go": "matching", "q": "bruno", "licence": "none", "sort": "-name", "size": "25"})
    staff_client.post(users, {"go": "matching"})
    detail = f"licence={sku}&group={group}&errors=1&status=retired"
    selections.get(_only_staff(), customer).rows.filter(user=people[2]).update(source_detail=detail)

    assert _origins(staff_client, customer) == [
        "All matching Search: ai Usage location: Japan (JP) Status: Active Department: 営業 & 部",
        "All matching Search: bruno License: Unlicensed",
        "All matching License: Exchange Online (Plan 2) Group: 全社員 Errors: Users with errors Status: retired",
    ]
    assert "Exchange Online (プラン 2)" in _origins(staff_client, customer, "ja")[2]
    page = staff_client.get(_address(customer)).content.decode()
    assert f'href="{users}?q=bruno&amp;licence=none"' in page


def _only_staff() -> StaffUser:
    return StaffUser.objects.get()


def test_everybody_matching_without_a_filter_leads_to_the_whole_list(
    staff_client: Client, customer: Customer, people: list[DirectoryUser]
) -> None:
    users = f"/customers/{customer.tenant_id}/users/"
    staff_client.post(users, {"go": "matching", "page": "2", "size": "25"})

    assert _origins(staff_client, customer) == ["All matching"] * 3
    assert f'<a href="{users}">All matching</a>' in staff_client.get(_address(customer)).content.decode()


def test_status_is_said_in_words(staff_client: Client, customer: Customer, people: list[DirectoryUser]) -> None:
    DirectoryUser.objects.filter(pk=people[0].pk).update(enabled=False, is_guest=True)
    selections.add(selections.get(_only_staff(), customer), [people[0].pk, people[1].pk])

    rows = staff_client.get(_address(customer)).content.decode().split("<tbody>")[1].split("</tr>")

    assert "Blocked" in rows[0]
    assert "Guest" in rows[0]
    assert "Active" in rows[1]
    assert "Guest" not in rows[1]


def test_the_page_says_its_age_and_refreshes_to_itself(staff_client: Client, customer: Customer) -> None:
    page = staff_client.get(_address(customer)).content.decode()

    assert re.search(r"as of \d\d:\d\d JST", page)
    assert f'action="/customers/{customer.tenant_id}/refresh/"' in page
    assert f'name="next" value="{_address(customer)}"' in page


@pytest.mark.parametrize(("go", "left"), [("keep", 2), ("clear", 0)])
def test_an_old_selection_is_asked_about_here_too(
    staff_client: Client, customer: Customer, selection: Selection, go: str, left: int
) -> None:
    assert "still selected" not in staff_client.get(_address(customer)).content.decode()
    Selection.objects.filter(pk=selection.pk).update(since=timezone.now() - timedelta(hours=9))
    assert "2 users are still selected since" in staff_client.get(_address(customer)).content.decode()

    response = staff_client.post(f"{_address(customer)}?page=1", {"go": go})

    assert response["Location"] == f"{_address(customer)}?page=1"
    assert "still selected" not in staff_client.get(_address(customer)).content.decode()
    assert selections.count(selection) == left


def test_an_unknown_button_changes_nothing(staff_client: Client, customer: Customer, selection: Selection) -> None:
    assert staff_client.post(_address(customer), {"go": "delete"}).status_code == 303
    assert selections.count(selection) == 2
