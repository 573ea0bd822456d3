"""Customers: who sees which, search, the figures that filter, and what needs attention first."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.attention import NEEDS, reasons
from customers.models import Customer
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests.factories import CustomerFactory, CustomerGrantFactory, StaffUserFactory

pytestmark = pytest.mark.django_db

_NEEDY = ["Needs attention (6)", "Bellows", "City", "Dune", "Ember", "Fjord", "Grove"]


def _rows(client: Client, query: str = "") -> list[str]:
    """Return the customers shown and the headings of their groups, in order."""
    response = client.get(f"/customers/{query}")
    assert response.status_code == 200
    page = response.content.decode().split("<tbody>", 1)[-1]
    found = re.findall(r'scope="rowgroup"[^>]*>([^<]+)<|<bdi>([^<]+)</bdi></a><small>', page)
    return [heading or name for heading, name in found]


@pytest.fixture
def several() -> None:
    """Seven customers, one for each kind of trouble and one without."""
    soon = timezone.now() + timedelta(days=10)
    CustomerFactory.create(name="Alpine", free_licenses=12, user_count=1234)
    CustomerFactory.create(name="Bellows", error_users=3)
    CustomerFactory.create(name="City", short_products=2)
    CustomerFactory.create(name="Dune", over_licenses=5)
    CustomerFactory.create(name="Ember", relationship_ends_at=soon)
    CustomerFactory.create(name="Fjord", relationship="terminated")
    CustomerFactory.create(name="Grove", relationship="expiring")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [*_NEEDY, "Nothing to do (1)", "Alpine"]),
        ("?need=any", _NEEDY),
        ("?need=errors", ["Needs attention (1)", "Bellows"]),
        ("?need=short", ["Needs attention (1)", "City"]),
        ("?need=over", ["Needs attention (1)", "Dune"]),
        ("?need=access", ["Needs attention (3)", "Ember", "Fjord", "Grove"]),
        ("?need=access&q=fjo", ["Needs attention (1)", "Fjord"]),
        ("?q=alp", ["Nothing to do (1)", "Alpine"]),
        ("?page=x", [*_NEEDY, "Nothing to do (1)", "Alpine"]),
    ],
)
def test_what_needs_attention_comes_first_and_figures_filter(
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


def test_an_unknown_filter_shows_all_and_says_so(staff_client: Client, several: None) -> None:
    response = staff_client.get("/customers/?need=money&q=alp")

    page = response.content.decode()
    assert response.status_code == 422
    assert "This filter is not known; the list shows all customers." in page
    assert "Bellows" in page


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

    assert _rows(client) == ["Needs attention (2)", "Bellows", "City"]
    assert re.findall(r"<b[^>]*>(\d+)</b><span>", page) == ["2", "3", "2", "0", "0"]


def test_row_shows_its_figures(staff_client: Client) -> None:
    CustomerFactory.create(
        name="Alpine", user_count=1234, free_licenses=56, short_products=2, over_licenses=7, error_users=9
    )

    page = staff_client.get("/customers/").content.decode().split("<tbody>")[1]

    cells = [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r'<td class="num"[^>]*>(.*?)</td>', page)]
    assert cells == ["1,234", "56", "2", "7", "Users with errors: 9"]
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


def test_page_costs_seven_queries_whatever_it_shows(staff_client: Client) -> None:
    CustomerFactory.create_batch(30, error_users=1)
    staff_client.get("/customers/")

    with CaptureQueriesContext(connection) as captured:
        staff_client.get("/customers/")

    assert len(captured) == 7


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
