"""Find a person: in all customers of one's scope and in no other, by an address, an id or a part of a name."""

import html
import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers import people
from customers.models import Customer, CustomerGrant, DirectoryUser
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests.factories import CustomerFactory, DirectoryUserFactory, HoldingFactory, StaffUserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def alpine() -> Customer:
    return CustomerFactory.create(name="Alpine")


@pytest.fixture
def bellows() -> Customer:
    return CustomerFactory.create(name="Bellows")


def _user(customer: Customer, name: str, address: str, **fields: object) -> DirectoryUser:
    return DirectoryUserFactory.create(
        customer=customer, display_name=name, user_principal_name=address, **{"mail": address, **fields}
    )


def _page(client: Client, q: str, status: int = 200) -> str:
    response = client.get("/people/", {"q": q})
    assert response.status_code == status
    return html.unescape(response.content.decode())


def _found(client: Client, q: str) -> list[str]:
    """Return who is shown, each with the customer."""
    rows = re.findall(r"<tr>\s*<th scope=\"row\">.*?</tr>", _page(client, q), re.DOTALL)
    return [" · ".join(re.findall(r"<bdi>([^<]+)</bdi>", row)) for row in rows]


def test_a_whole_address_finds_its_user_and_nobody_who_only_contains_it(
    staff_client: Client, alpine: Customer, bellows: Customer
) -> None:
    _user(alpine, "Taro", "Taro@contoso.example")
    _user(bellows, "Taro's helper", "not.taro@contoso.example")
    _user(bellows, "Shared", "shared@bellows.example", mail="TARO@contoso.example")
    _user(alpine, "Deleted", "taro@contoso.example", deleted_at=timezone.now())

    for q in ("taro@contoso.example", " ＴＡＲＯ＠contoso.example ", "Yamada <TARO@contoso.example>"):
        assert _found(staff_client, q) == ["Shared · Bellows", "Taro · Alpine"]


def test_an_object_id_finds_its_user(staff_client: Client, alpine: Customer) -> None:
    user = _user(alpine, "Taro", "taro@contoso.example")
    _user(alpine, "Jiro", "jiro@contoso.example")
    assert _found(staff_client, f"{{{user.object_id.upper()}}}") == ["Taro · Alpine"]


@pytest.mark.parametrize(
    "q", ["高橋", "髙橋 一", "ICHIRO@alp", "ｉｃｈｉｒｏ", "@alpine.example", "営業", "ichiro@alpine.exampl"]
)
def test_a_part_of_name_address_or_department_finds_everybody_who_has_it(
    staff_client: Client, alpine: Customer, bellows: Customer, q: str
) -> None:
    _user(alpine, "髙橋 一郎", "ichiro@alpine.example", department="営業部")
    _user(bellows, "佐藤", "sato@bellows.example")
    assert _found(staff_client, q) == ["髙橋 一郎 · Alpine"]


def test_what_sql_takes_for_a_pattern_is_text(staff_client: Client, alpine: Customer) -> None:
    _user(alpine, "Taro", "taro@contoso.example")
    for q in ("%%%", "___", "ta%ro", "' OR 1=1 --", "\\\\\\", "x\0xx"):
        assert "Nobody matches" in _page(staff_client, q)


def test_a_row_tells_status_licences_and_leads_to_user_and_customer(staff_client: Client, alpine: Customer) -> None:
    user = _user(alpine, "Taro", "taro@contoso.example", enabled=False, is_guest=True)
    for _number in range(2):
        HoldingFactory.create(user=user)
    page = _page(staff_client, "taro")
    assert f'href="/customers/{alpine.tenant_id}/users/{user.object_id}/"' in page
    assert f'href="/customers/{alpine.tenant_id}/users/"' in page
    assert "Blocked" in page
    assert "Guest" in page
    assert re.search(r'data-h="Licenses">2</td>', page)


@pytest.mark.parametrize("q", ["taro", "taro@contoso.example", "id"])
def test_nobody_outside_the_scope_exists(
    q: str, sign_in: Callable[[StaffUser], Client], alpine: Customer, bellows: Customer
) -> None:
    agent = StaffUserFactory.create(roles=[Role.SALES_AGENT.value])
    here, there = _user(alpine, "Taro", "taro@contoso.example"), _user(bellows, "Taro", "taro@contoso.example")
    CustomerGrant.objects.create(customer=alpine, staff=agent)
    client = sign_in(agent)
    assert _found(client, here.object_id if q == "id" else q) == ["Taro · Alpine"]
    assert _found(client, there.object_id if q == "id" else q) == ([] if q == "id" else ["Taro · Alpine"])
    CustomerGrant.objects.all().delete()
    assert _found(client, here.object_id if q == "id" else q) == []


def test_people_without_a_role_may_not_ask(sign_in: Callable[[StaffUser], Client]) -> None:
    assert sign_in(StaffUserFactory.create(roles=["Nonsense"])).get("/people/?q=taro").status_code == 403


@pytest.mark.parametrize("q", ["a", " 1 ", ".", "a1", "c o", "ア", "é"])
def test_a_question_that_fits_everybody_is_refused_at_its_field(staff_client: Client, alpine: Customer, q: str) -> None:
    _user(alpine, "a 1.", "a1@contoso.example")
    page = _page(staff_client, q, 422)
    assert "Enter at least three letters of a name or an address." in page
    assert 'aria-describedby="error-q"' in page
    assert "a1@contoso.example" not in page


@pytest.mark.parametrize("q", ["林", "はる", "김", "é1"])
def test_one_kanji_or_two_kana_may_be_a_name(staff_client: Client, alpine: Customer, q: str) -> None:
    _user(alpine, "林 はるか 김 é1", "hayashi@contoso.example")
    assert _found(staff_client, q) == ["林 はるか 김 é1 · Alpine"]


def test_without_a_question_nobody_is_shown(staff_client: Client, alpine: Customer) -> None:
    _user(alpine, "Taro", "taro@contoso.example")
    assert _found(staff_client, "") == []
    assert "Nobody matches" not in _page(staff_client, "")


def test_a_hundred_are_shown_by_name_and_that_there_are_more_is_said(staff_client: Client, alpine: Customer) -> None:
    for number in range(people.SHOWN):
        _user(alpine, f"User {number:03}", f"u{number}@contoso.example")
    assert "there are more" not in _page(staff_client, "contoso")
    _user(alpine, "User", "first@contoso.example")
    found = _found(staff_client, "contoso")
    assert (found[0], found[-1], len(found)) == ("User · Alpine", "User 098 · Alpine", 100)
    assert "The first 100 are shown, and there are more." in _page(staff_client, "contoso")


def test_those_who_are_shown_are_the_first_by_name_of_all_customers(
    staff: StaffUser, alpine: Customer, bellows: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "_CUSTOMERS_AT_ONCE", 1)
    for number in range(people.SHOWN + 1):
        _user(alpine, f"User {2 * number:03}", f"a{number}@contoso.example")
        _user(bellows, f"User {2 * number + 1:03}", f"b{number}@contoso.example")
    found = people.find(staff, "contoso")
    assert [user.display_name for user in found.rows] == [f"User {number:03}" for number in range(people.SHOWN)]
    assert found.has_more


def test_a_part_that_everybody_has_is_looked_for_along_the_names_of_each_customer(staff: StaffUser) -> None:
    for customer in CustomerFactory.create_batch(25):
        DirectoryUser.objects.bulk_create(DirectoryUserFactory.build_batch(400, customer=customer))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        with CaptureQueriesContext(connection) as captured:
            assert people.find(staff, "example").has_more
        (statement,) = [query["sql"] for query in captured if "UNION" in query["sql"]]
        cursor.execute(("EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN ") + statement)
        plan = "\n".join(str(row) for row in cursor.fetchall())
    assert plan.count("user_by_name") == 25
    # Sorted is what was found: by SQLite the users of each part, by PostgreSQL all together.
    assert plan.count("USE TEMP B-TREE FOR ORDER BY") == (25 if connection.vendor == "sqlite" else 0)
    assert plan.count("Sort Key") <= 1


@pytest.mark.parametrize("q", ["contoso", "u1@contoso.example"])
def test_people_cost_no_queries(staff_client: Client, alpine: Customer, q: str) -> None:
    counts = []
    for number in (1, 30):
        for _again in range(number):
            user = _user(CustomerFactory.create(), "User", "u1@contoso.example")
            HoldingFactory.create(user=user)
        with CaptureQueriesContext(connection) as captured:
            staff_client.get("/people/", {"q": q})
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 12


def test_a_whole_address_is_looked_up_in_indexes(staff: StaffUser, alpine: Customer) -> None:
    # A small table is read whole, whatever indexes it has.
    DirectoryUser.objects.bulk_create(DirectoryUserFactory.build_batch(2_000, customer=alpine))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        with CaptureQueriesContext(connection) as captured:
            people.find(staff, "taro@contoso.example")
        statement = captured.captured_queries[0]["sql"]
        cursor.execute(("EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN ") + statement)
        plan = "\n".join(str(row) for row in cursor.fetchall())
    assert "user_by_sign_in_name" in plan
    assert "user_by_mail" in plan


@pytest.mark.parametrize(
    ("q", "is_offered"), [("alp", False), ("taro", True), ("taro@contoso.example", True), ("", False)]
)
def test_the_search_for_customers_leads_on_to_people(
    staff_client: Client, alpine: Customer, q: str, is_offered: bool
) -> None:
    page = staff_client.get("/customers/", {"q": q, "sort": "name"}).content.decode()
    link = re.search(r'href="(/people/\?[^"]*)"[^>]*>.*?among people', page)
    assert bool(link) == is_offered
    if link:
        assert staff_client.get(html.unescape(link[1])).context["q"] == q


def test_every_page_leads_there(staff_client: Client) -> None:
    assert re.search(r'<a href="/people/">.*Find a person', staff_client.get("/customers/").content.decode())
    assert re.search(r'<a href="/people/" aria-current="page">', staff_client.get("/people/").content.decode())
