"""Customers: who sees which, search, the figures that filter, and what needs attention first."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.attention import NEEDS, RELATIONSHIPS, reasons
from customers.models import Customer
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests.factories import CustomerFactory, CustomerGrantFactory, StaffUserFactory

pytestmark = pytest.mark.django_db

_NEEDY = ["Needs attention (5)", "Bellows", "Dune", "Ember", "Fjord", "Grove"]
_FINE = ["Nothing to do (2)", "Alpine", "City"]


def _rows(client: Client, query: str = "") -> list[str]:
    """Return the customers shown and the headings of their groups, in order."""
    response = client.get(f"/customers/{query}")
    assert response.status_code == 200
    page = response.content.decode().split("<tbody>", 1)[-1]
    found = re.findall(r'scope="rowgroup"[^>]*>([^<]+)<|<bdi>([^<]+)</bdi></a><small>', page)
    return [heading or name for heading, name in found]


@pytest.fixture
def several() -> None:
    """Seven customers, one for each kind of trouble and two without: all licenses in use is no trouble."""
    soon = timezone.now() + timedelta(days=10)
    CustomerFactory.create(name="Alpine", free_licenses=12, user_count=1234, relationship="active")
    CustomerFactory.create(name="Bellows", error_users=3, relationship="")
    CustomerFactory.create(name="City", short_products=2, relationship="active")
    CustomerFactory.create(name="Dune", over_licenses=5, relationship="")
    CustomerFactory.create(name="Ember", relationship_ends_at=soon, user_count=1)
    CustomerFactory.create(name="Fjord", relationship="terminated")
    CustomerFactory.create(name="Grove", relationship="expiring")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [*_NEEDY, *_FINE]),
        ("?need=any", _NEEDY),
        ("?need=errors", ["Needs attention (1)", "Bellows"]),
        ("?need=short", ["Nothing to do (1)", "City"]),
        ("?need=over", ["Needs attention (1)", "Dune"]),
        ("?need=access", ["Needs attention (3)", "Ember", "Fjord", "Grove"]),
        ("?need=access&q=fjo", ["Needs attention (1)", "Fjord"]),
        ("?q=alp", ["Nothing to do (1)", "Alpine"]),
        ("?page=x", [*_NEEDY, *_FINE]),
        ("?need=&relationship=&sort=", [*_NEEDY, *_FINE]),
        ("?relationship=active", _FINE),
        ("?relationship=expiring", ["Needs attention (2)", "Ember", "Grove"]),
        ("?relationship=ended", ["Needs attention (1)", "Fjord"]),
        ("?relationship=unknown", ["Needs attention (2)", "Bellows", "Dune"]),
        ("?sort=attention", [*_NEEDY, *_FINE]),
        ("?sort=name", ["Alpine", "Bellows", "City", "Dune", "Ember", "Fjord", "Grove"]),
        ("?sort=-name&need=access", ["Grove", "Fjord", "Ember"]),
        ("?sort=users", ["Bellows", "City", "Dune", "Fjord", "Grove", "Ember", "Alpine"]),
        ("?sort=-users", ["Alpine", "Ember", "Bellows", "City", "Dune", "Fjord", "Grove"]),
    ],
)
def test_what_needs_attention_comes_first_and_filters_and_sorts_hold(
    staff_client: Client, several: None, query: str, expected: list[str]
) -> None:
    assert _rows(staff_client, query) == expected


def test_reasons_and_the_filter_agree_for_every_relationship() -> None:
    now = timezone.now()
    states = ("", "none", "active", "expiring", "expired", "terminated", "ended", "approvalPending")
    ends = (None, now - timedelta(days=1), now + timedelta(days=29), now + timedelta(days=31))
    for state in states:
        for end in ends:
            CustomerFactory.create(relationship=state, relationship_ends_at=end)
    CustomerFactory.create(sync_error="503")

    needy = set(Customer.objects.filter(NEEDS["any"](now)))

    assert needy == {customer for customer in Customer.objects.all() if reasons(customer, now)}
    assert len(needy) == len(states) * len(ends) + 1 - 4


def test_access_that_is_over_is_not_called_ending_soon() -> None:
    now = timezone.now()
    over = CustomerFactory.build(relationship_ends_at=now - timedelta(days=1))
    soon = CustomerFactory.build(relationship_ends_at=now + timedelta(days=1))

    assert [str(reason.text) for reason in reasons(over, now)] == ["access has ended"]
    assert [str(reason.text) for reason in reasons(soon, now)] == ["access ends soon"]


def test_a_customer_without_a_listed_relationship_is_reachable_with_a_warning() -> None:
    now = timezone.now()
    bare = CustomerFactory.create(relationship="none")

    assert bare.is_reachable
    assert [(reason.kind, str(reason.text)) for reason in reasons(bare, now)] == [
        ("warn", "no admin relationship is listed")
    ]
    assert bare in Customer.objects.filter(NEEDS["any"](now))


@pytest.mark.parametrize("asked", ["need=money", "relationship=love", "sort=free", "sort=-attention", "sort=--name"])
def test_an_unknown_filter_or_sort_shows_all_and_says_so(staff_client: Client, several: None, asked: str) -> None:
    response = staff_client.get(f"/customers/?{asked}&q=alp")

    page = response.content.decode()
    assert response.status_code == 422
    assert "This filter or sorting is not known; the list shows all customers." in page
    assert "Bellows" in page
    # The way on does not lead here again.
    assert staff_client.get("/customers/" + re.findall(r'class="sort" href="([^"]+)"', page)[0]).status_code == 200


def test_every_customer_has_one_relationship(staff_client: Client) -> None:
    now = timezone.now()
    for state in ("", "none", "active", "expiring", "expired", "terminated", "ended", "approvalPending"):
        for end in (None, now - timedelta(days=1), now + timedelta(days=29), now + timedelta(days=31)):
            CustomerFactory.create(relationship=state, relationship_ends_at=end)
    found = [set(Customer.objects.filter(condition(now))) for condition in RELATIONSHIPS.values()]

    assert sum(map(len, found)) == len(set[Customer]().union(*found)) == Customer.objects.count()


@pytest.mark.parametrize(
    ("asked", "states", "links"),
    [
        ("", ["none", "ascending", "none"], ["sort=name", "sort=attention", "sort=-users"]),
        ("?sort=name&q=e", ["ascending", "none", "none"], ["q=e&sort=-name", "q=e&sort=attention", "q=e&sort=-users"]),
        ("?sort=-users&page=2", ["none", "none", "descending"], ["sort=name", "sort=attention", "sort=users"]),
    ],
)
def test_headings_say_and_change_the_order(
    staff_client: Client, several: None, asked: str, states: list[str], links: list[str]
) -> None:
    head = staff_client.get(f"/customers/{asked}").content.decode().split("<thead>")[1].split("</thead>")[0]

    assert re.findall('aria-sort="([^"]+)"', head) == states
    found = [unescape(link).removeprefix("?") for link in re.findall('class="sort" href="([^"]+)"', head)]
    assert [sorted(link.split("&")) for link in found] == [sorted(link.split("&")) for link in links]


@pytest.mark.parametrize(("asked", "shown"), [("0", 1), ("-3", 1), ("x", 1), ("", 1), ("2", 2), ("99", 2)])
def test_odd_page_numbers_lead_to_a_good_page(staff_client: Client, asked: str, shown: int) -> None:
    CustomerFactory.create_batch(101)

    assert f"Page {shown} of 2" in staff_client.get(f"/customers/?page={asked}").content.decode()


@pytest.mark.parametrize("typed", ["こんとそ", "コントソ商事", "ｺﾝﾄｿ 商事", "contoso.example", "old-contoso", "TENANT"])
def test_search_finds_by_name_any_domain_or_tenant_id(staff_client: Client, typed: str) -> None:
    customer = CustomerFactory.create(name="コントソ 商事", domains=["contoso.example", "old-contoso.example"])
    CustomerFactory.create(name="Fabrikam")

    found = _rows(staff_client, f"?q={customer.tenant_id.upper() if typed == 'TENANT' else typed}")

    # Hiragana is another word than katakana.
    assert found == ([] if typed == "こんとそ" else ["Nothing to do (1)", "コントソ 商事"])


@pytest.mark.parametrize("typed", ["%25", "_", "%00", "' OR 1=1 --"])
def test_search_takes_every_letter_literally(staff_client: Client, several: None, typed: str) -> None:
    found = _rows(staff_client, f"?q={typed}")

    assert len(found) == (9 if typed == "%00" else 0)


def test_search_and_filter_with_nothing_found_say_what_to_do(staff_client: Client, several: None) -> None:
    assert "No customer matches." in staff_client.get("/customers/?q=zzz").content.decode()


def test_a_person_without_customers_learns_whom_to_ask(sign_in: Callable[[StaffUser], Client], several: None) -> None:
    page = sign_in(StaffUserFactory.create()).get("/customers/").content.decode()

    assert "You do not see any customer yet." in page
    assert "Bellows" not in page


def test_figures_count_only_what_the_person_sees(sign_in: Callable[[StaffUser], Client], several: None) -> None:
    agent = StaffUserFactory.create(roles=[Role.HELPDESK_AGENT.value])
    CustomerGrantFactory.create(staff=agent, customer=Customer.objects.get(name="Bellows"))
    CustomerGrantFactory.create(staff=None, role=Role.HELPDESK_AGENT.value, customer=Customer.objects.get(name="City"))
    CustomerGrantFactory.create(staff=None, role=Role.SALES_AGENT.value, customer=Customer.objects.get(name="Dune"))
    client = sign_in(agent)

    page = client.get("/customers/").content.decode()

    assert _rows(client) == ["Needs attention (1)", "Bellows", "Nothing to do (1)", "City"]
    assert re.findall(r"<b[^>]*>(\d+)</b><span>", page) == ["1", "3", "2", "0", "0"]


def test_row_shows_its_figures(staff_client: Client) -> None:
    CustomerFactory.create(
        name="Alpine", user_count=1234, free_licenses=56, short_products=2, over_licenses=7, error_users=9
    )

    page = staff_client.get("/customers/").content.decode().split("<tbody>")[1]

    cells = [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r'<td class="num"[^>]*>(.*?)</td>', page)]
    assert cells == [
        "1,234",
        "56",
        "Products without free licenses: 2",
        "Licenses over-assigned: 7",
        "Users with errors: 9",
    ]
    assert "9 users with errors" in page
    assert re.search(r'<time class="muted"[^>]*>\d\d:\d\d JST</time>', page)


def test_a_hundred_customers_are_a_page(staff_client: Client) -> None:
    CustomerFactory.create_batch(101)
    CustomerFactory.create(name="Zulu", error_users=1)

    first, last = staff_client.get("/customers/"), staff_client.get("/customers/?page=99")

    assert first.content.decode().count('class="person"') == 100
    assert last.content.decode().count('class="person"') == 2
    # Groups say how many there are on all pages.
    for page in (first, last):
        assert "Nothing to do (101)" in page.content.decode()
    assert "Needs attention (1)" in first.content.decode()


def test_page_costs_eight_queries_whatever_it_shows(staff_client: Client) -> None:
    CustomerFactory.create_batch(30, error_users=1)
    staff_client.get("/customers/")

    with CaptureQueriesContext(connection) as captured:
        staff_client.get("/customers/")

    # One of them asks for the demo's tour.
    assert len(captured) == 8


def test_names_are_text_whatever_they_hold(staff_client: Client) -> None:
    CustomerFactory.create(name="<b>Bold</b>", default_domain='"><img src=x>')

    page = staff_client.get("/customers/").content.decode()

    assert "<b>Bold" not in page
    assert "<img" not in page


def test_front_door_leads_to_customers(staff_client: Client) -> None:
    customer = CustomerFactory.create()

    assert staff_client.get("/")["Location"] == "/customers/"
    assert (
        staff_client.get(f"/customers/{customer.tenant_id.upper()}/")["Location"]
        == f"/customers/{customer.tenant_id}/users/"
    )


def test_a_refused_filter_keeps_what_was_typed(staff_client: Client, several: None) -> None:
    page = staff_client.get("/customers/?q=alp&relationship=active&need=money").content.decode()

    assert 'name="q" data-slash value="alp"' in page
    assert '<option value="active" selected>' in page
    assert re.search('name="need" aria-invalid="true".*?<option value="money" selected>', page)
