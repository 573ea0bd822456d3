"""Signing in and out: the demo's picker, who may use it, the session, and where it leads afterwards."""

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from customers.models import CustomerGrant
from licensing_portal.staff.demo_people import PEOPLE, DemoPerson, ensure_demo_people
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests.factories import CustomerFactory

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

# Places that are not ours, or would lose the encryption; none may be followed.
HOSTILE = (
    "https://evil.example/",
    "http://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "////evil.example/",
    r"\\evil.example",
    r"/\evil.example",
    r"\/evil.example",
    r"http:\\evil.example",
    "http:///evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "ftp://testserver/",
    "http://testserver@evil.example/",
    "http://testserver.evil.example/",
    "http://evil.example#testserver/",
    "http://[evil.example",
    "\x08//evil.example",
    "\thttp://evil.example",
    " //evil.example",
    "",
)


@pytest.fixture(autouse=True)
def people() -> None:
    """The five people of the demo."""
    ensure_demo_people()


@pytest.fixture
def real_sign_in(settings: Any) -> Any:
    """An installation that is no demo."""
    settings.DEMO = False
    return settings


def pick(client: Client, key: str = "global-admin", **data: str) -> str:
    """Sign a person in and return where the answer leads."""
    answer = client.post("/signin/", {"person": key, **data})
    assert answer.status_code == 303
    return answer["Location"]


def buttons(page: str) -> Iterator[str]:
    """Yield the words of each person's button, as a screen reader says them."""
    for button in re.findall(r'<button class="person-pick".*?</button>', page, re.DOTALL):
        visible = re.sub(r"<span[^>]*aria-hidden.*?</span>", "", button)
        yield " ".join(re.sub(r"<[^>]+>", " ", visible).split())


def test_each_person_is_a_button_with_name_role_and_customers() -> None:
    for customer in CustomerFactory.create_batch(3)[:1]:
        CustomerGrant.objects.create(customer=customer, role=Role.SALES_AGENT.value)
    assert list(buttons(Client().get("/signin/").content.decode())) == [
        "Mika Mori Global admin · 3 customers",
        "佐藤 直樹 Admin agent · 3 customers",
        "Hana Suzuki Helpdesk agent · 0 customers",
        "Tom Becker Sales agent · 1 customer",
        "田中 恵 User management admin · 0 customers",
    ]


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.key)
def test_picked_person_is_signed_in(person: DemoPerson) -> None:
    client = Client()
    assert pick(client, person.key) == "/customers/"
    page = client.get("/customers/").content.decode()
    assert f"Signed in as {person.name}" in page


def test_making_the_people_twice_keeps_five() -> None:
    ensure_demo_people()
    assert StaffUser.objects.count() == len(PEOPLE) == len(Role)
    assert {role for account in StaffUser.objects.all() for role in account.role_set} == set(Role)


def test_somebody_unknown_or_blocked_cannot_be_picked() -> None:
    StaffUser.objects.filter(subject=PEOPLE[1].subject).update(is_active=False)
    for key in ("", "nobody", PEOPLE[0].subject, PEOPLE[1].key):
        client = Client()
        assert client.post("/signin/", {"person": key}).status_code == 404
        assert "_auth_user_id" not in client.session


def test_blocking_a_person_ends_the_session() -> None:
    client = Client()
    pick(client)
    StaffUser.objects.update(is_active=False)
    assert client.get("/customers/").status_code == 302


def test_raising_the_epoch_ends_every_session_of_a_person() -> None:
    client = Client()
    pick(client)
    StaffUser.objects.update(session_epoch=1)
    assert client.get("/customers/").status_code == 302


def test_session_key_changes_at_sign_in_and_the_old_one_is_dead() -> None:
    client = Client()
    session = client.session
    session["seen"] = "before"
    session.save()
    before = session.session_key
    pick(client)
    assert client.session.session_key not in (None, before)
    assert not Session.objects.filter(session_key=before).exists()


def test_another_person_takes_nothing_over() -> None:
    client = Client()
    pick(client)
    session = client.session
    session["seen"] = "by the first"
    session.save()
    pick(client, "sales-agent")
    assert "seen" not in client.session


def test_sign_out_ends_the_session() -> None:
    client = Client()
    pick(client)
    key = client.session.session_key
    answer = client.post("/signout/")
    assert (answer.status_code, answer["Location"]) == (303, "/signin/")
    assert not Session.objects.filter(session_key=key).exists()
    assert client.get("/customers/").status_code == 302


def test_a_link_signs_nobody_in_or_out() -> None:
    client = Client()
    pick(client)
    assert client.get("/signout/").status_code == 405
    assert client.get("/signin/?person=sales-agent").status_code == 200
    assert "Signed in as Mika Mori" in client.get("/customers/").content.decode()


def test_picking_needs_the_forms_token() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/signin/", {"person": "global-admin"}).status_code == 403
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', client.get("/signin/").content.decode())
    assert token is not None
    assert pick(client, csrfmiddlewaretoken=token[1]) == "/customers/"


@pytest.mark.parametrize("place", HOSTILE)
def test_hostile_place_is_not_followed(place: str) -> None:
    assert pick(Client(), next=place) == "/customers/"


@pytest.mark.parametrize("place", HOSTILE)
@pytest.mark.parametrize("form", ["/language/", "/theme/"])
def test_forms_of_the_header_do_not_follow_it_either(place: str, form: str) -> None:
    data = {"language": "ja", "theme": "dark", "next": place}
    assert Client().post(form, data)["Location"] == "/"
    assert Client().post(form, data | {"next": ""}, headers={"Referer": place})["Location"] == "/"


def test_encryption_is_not_given_up() -> None:
    answer = Client().post("/signin/", {"person": "global-admin", "next": "http://testserver/changes/"}, secure=True)
    assert answer["Location"] == "/customers/"


@pytest.mark.parametrize("place", ["/changes/", "/customers/?q=a%26b&page=2", "http://testserver/changes/"])
def test_own_place_is_followed(place: str) -> None:
    assert pick(Client(), next=place) == place


def test_asked_page_comes_after_signing_in() -> None:
    client = Client()
    asked = client.get("/changes/?q=%E5%B1%B1&page=2")
    page = client.get(asked["Location"]).content.decode()
    (place,) = re.findall(r'<form method="post" class="card people-list">.*?name="next" value="([^"]*)"', page)
    assert pick(client, next=html.unescape(place)) == "/changes/?q=%E5%B1%B1&page=2"


def test_fragment_leads_back_to_its_page() -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/customers/?q=a"}
    answer = Client().post("/theme-of-nothing/", headers=headers)
    assert answer.status_code == 200
    assert answer["HX-Redirect"] == "/signin/?next=%2Fcustomers%2F%3Fq%3Da"
    headers["HX-Current-URL"] = "http://evil.example/customers/"
    assert Client().get("/customers/", headers=headers)["HX-Redirect"] == "/signin/"


def test_signed_out_answers_stay_out_of_caches() -> None:
    for headers in ({}, {"HX-Request": "true"}):
        answer = Client().get("/customers/", headers=headers)
        assert "no-store" in answer["Cache-Control"]
        assert "HX-Request" in answer["Vary"]


def test_outside_the_demo_nobody_can_be_picked(real_sign_in: Any) -> None:
    client = Client()
    answer = client.post("/signin/", {"person": "global-admin"})
    assert answer.status_code == 404
    assert "_auth_user_id" not in client.session
    page = client.get("/signin/").content.decode()
    assert list(buttons(page)) == []
    assert "Mika Mori" not in page


@pytest.mark.parametrize("tenant", ["", "11111111-1111-4111-8111-111111111111"])
def test_outside_the_demo_microsoft_signs_in_and_missing_settings_are_told(real_sign_in: Any, tenant: str) -> None:
    real_sign_in.ENTRA_TENANT_ID = tenant
    page = Client().get("/signin/").content.decode()
    assert re.search(r'<a class="btn primary" href="/signin/callback/">Sign in with Microsoft</a>', page)
    assert ("Signing in is not set up on this server yet" in page) is (tenant == "")


def test_callback_is_a_clear_page_with_a_way_back() -> None:
    answer = Client().get("/signin/callback/?code=abc&state=<b>")
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Signing in is not set up on this server yet" in page
    assert 'href="/signin/"' in page
    assert "<b>" not in page
