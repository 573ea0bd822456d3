"""What every page has around it: policy, caches, language, theme, header, messages, and its weight."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from licensing_portal.staff.models import StaffUser
from tests.factories import CustomerFactory, LicenseChangeFactory

pytestmark = pytest.mark.one_database

POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
}
FIRST_LOAD = 100 * 1024


def policy_of(header: str) -> dict[str, str]:
    """Return the sources of each directive."""
    return dict(directive.strip().split(" ", 1) for directive in header.split(";"))


@pytest.fixture
def customer(db: None) -> Customer:
    """One customer to look at."""
    return CustomerFactory.create(name="<b>山 & Co</b>")


@pytest.mark.parametrize(
    ("method", "place", "headers", "status"),
    [
        ("get", "/signin/", {}, 200),
        ("get", "/customers/", {}, 200),
        ("get", "/changes/", {}, 200),
        ("get", "/customers/", {"HX-Request": "true"}, 200),
        ("get", "/", {}, 302),
        ("post", "/theme/", {}, 303),
        ("get", "/customers/?need=nonsense", {}, 422),
        ("get", "/nowhere/", {}, 404),
        ("get", "/theme/", {}, 405),
        ("get", "/readyz", {}, 200),
    ],
)
def test_every_answer_carries_the_policy(
    staff_client: Client, method: str, place: str, headers: dict[str, str], status: int
) -> None:
    answer = getattr(staff_client, method)(place, headers=headers)
    policy = policy_of(answer["Content-Security-Policy"])
    assert answer.status_code == status
    assert {name: policy[name] for name in POLICY} == POLICY
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert re.fullmatch("[0-9a-f]{32}", answer["X-Request-ID"])


def test_signed_out_and_refused_answers_carry_the_policy_too(db: None) -> None:
    for headers in ({}, {"HX-Request": "true"}, {"Host": "evil.example"}):
        answer = Client().get("/customers/", headers=headers)
        assert POLICY.items() <= policy_of(answer["Content-Security-Policy"]).items()


def test_scripts_run_by_a_nonce_that_is_fresh_each_time(staff_client: Client) -> None:
    seen = set()
    for _ in range(2):
        answer = staff_client.get("/customers/")
        (nonce,) = re.findall(r"'nonce-([^']+)'", answer["Content-Security-Policy"])
        scripts = re.findall(r"<script[^>]*>", answer.content.decode())
        assert len(scripts) == 2
        assert all(f'nonce="{nonce}"' in script and 'src="/static/' in script for script in scripts)
        seen.add(nonce)
    assert len(seen) == 2


@pytest.mark.parametrize("place", ["/signin/", "/customers/", "/nowhere/", "/theme/"])
def test_pages_stay_out_of_caches(staff_client: Client, place: str) -> None:
    answer = staff_client.get(place)
    assert {"no-store", "private"} <= set(answer["Cache-Control"].split(", "))
    assert {"Cookie", "HX-Request"} <= set(answer["Vary"].split(", "))


def test_pages_travel_compressed(staff_client: Client) -> None:
    answer = staff_client.get("/customers/", headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert b"</html>" in gzip.decompress(answer.content)


def test_first_page_is_light_and_complete_by_itself(staff_client: Client) -> None:
    page = staff_client.get("/customers/").content.decode()
    files = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page))
    weight = len(gzip.compress(page.encode()))
    for file in files:
        weight += len(gzip.compress((Path(settings.BASE_DIR) / file.lstrip("/")).read_bytes()))
    assert {"/static/js/app.js", "/static/icons.svg", "/static/vendor/htmx-4.0.1.min.js"} <= files
    assert not re.search(r'(?:href|src)="(?:https?:)?//', page)
    assert weight <= FIRST_LOAD


def test_icons_of_the_header_are_in_the_sprite(staff_client: Client, customer: Customer) -> None:
    page = staff_client.get(f"/customers/{customer.tenant_id}/users/").content.decode()
    sprite = (Path(settings.BASE_DIR) / "static/icons.svg").read_text(encoding="utf-8")
    used = set(re.findall(r"icons\.svg#([\w-]+)", page))
    assert used
    assert used <= set(re.findall(r'<symbol id="([\w-]+)"', sprite))


# Health


def test_health_needs_neither_database_nor_host() -> None:
    answer = Client().get("/healthz", headers={"Host": "10.0.0.1"})
    assert (answer.status_code, answer.content) == (200, b"ok")


def test_readiness_tells_whether_the_database_answers(db: None) -> None:
    def away(*arguments: object) -> None:
        raise OperationalError("gone")

    assert Client().get("/readyz").status_code == 200
    with connection.execute_wrapper(away):
        answer = Client().get("/readyz")
    assert (answer.status_code, answer.content) == (503, b"database away")


# Language and theme


def language_of(client: Client, accepted: str = "en") -> str:
    """Return the language that a page says it is in."""
    page = client.get("/customers/", headers={"Accept-Language": accepted}).content.decode()
    (language,) = re.findall(r'<html lang="([^"]*)" dir="ltr"', page)
    return language


@pytest.mark.parametrize(
    ("accepted", "language"), [("ja", "ja"), ("ja-JP,en;q=0.5", "ja"), ("en-GB", "en"), ("fr", "en"), ("", "en")]
)
def test_language_is_the_browsers(staff_client: Client, accepted: str, language: str) -> None:
    assert language_of(staff_client, accepted) == language


def test_chosen_language_beats_the_browsers_and_is_kept_with_the_account(staff_client: Client) -> None:
    answer = staff_client.post("/language/", {"language": "ja", "next": "/changes/"})
    cookie = answer.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert (answer.status_code, answer["Location"]) == (303, "/changes/")
    assert cookie["samesite"] == "Lax"
    assert language_of(staff_client) == "ja"
    assert StaffUser.objects.get().language == "ja"
    staff_client.post("/language/", {"language": "en"})
    assert language_of(staff_client, "ja") == "en"
    assert StaffUser.objects.get().language == "en"


@pytest.mark.parametrize("language", ["", "fr", "xx", "../etc", "ja\r\nSet-Cookie: a=b"])
def test_unknown_language_changes_nothing(staff_client: Client, language: str) -> None:
    answer = staff_client.post("/language/", {"language": language})
    assert settings.LANGUAGE_COOKIE_NAME not in answer.cookies
    assert language_of(staff_client) == "en"


def test_signed_out_reader_may_choose_too(db: None) -> None:
    client = Client()
    client.post("/language/", {"language": "ja"})
    assert '<html lang="ja"' in client.get("/signin/").content.decode()


def offered(client: Client) -> tuple[str, str]:
    """Return the theme in force and the one that the button offers."""
    page = client.get("/customers/").content.decode()
    theme = re.search(r'<html[^>]* data-theme="(\w+)"', page)
    (offer,) = re.findall(r'name="theme" value="(\w+)"', page)
    return theme[1] if theme else "", offer


def test_themes_button_goes_round(staff_client: Client) -> None:
    seen = []
    for _ in range(4):
        theme, offer = offered(staff_client)
        seen.append(theme)
        assert staff_client.post("/theme/", {"theme": offer}).cookies["theme"]["samesite"] == "Lax"
    assert seen == ["", "dark", "light", ""]


def test_unknown_theme_is_the_systems_choice(staff_client: Client) -> None:
    staff_client.cookies["theme"] = 'dark" onload="x'
    assert offered(staff_client)[0] == ""


# Header


def test_switcher_asks_the_page_of_customers(staff_client: Client, customer: Customer) -> None:
    page = staff_client.get(f"/customers/{customer.tenant_id}/users/").content.decode()
    (pop_up,) = re.findall(r'<div popover id="customers-pop".*?</form>', page, re.DOTALL)
    assert f'<form method="get" action="{reverse("customers:list")}"' in pop_up
    assert 'hx-select=".customers .person > a"' in pop_up
    # What the selector finds there: one link a customer, to its users.
    listed = staff_client.get(reverse("customers:list")).content.decode()
    links = re.findall(r'<div class="person"><a href="([^"]+)"', listed)
    assert links == [reverse("customers:users", args=[customer.tenant_id])]


def test_names_in_the_header_are_text(staff_client: Client, customer: Customer) -> None:
    page = staff_client.get(f"/customers/{customer.tenant_id}/users/").content.decode()
    assert "<bdi>&lt;b&gt;山 &amp; Co&lt;/b&gt;</bdi>" in page
    assert "<b>山" not in page


def test_page_without_a_customer_has_no_switcher(staff_client: Client) -> None:
    assert "customers-pop" not in staff_client.get("/customers/").content.decode()


def running(client: Client) -> Iterator[tuple[str, str]]:
    """Yield address and words of the header's link to running changes."""
    page = client.get("/customers/").content.decode()
    yield from re.findall(r'<a class="bar-item" href="([^"]+)">.*?<span class="wide">([^<]+)', page, re.DOTALL)


def test_header_leads_to_running_changes(staff_client: Client, staff: StaffUser, customer: Customer) -> None:
    assert list(running(staff_client)) == []
    first = LicenseChangeFactory.create(customer=customer, staff=staff, status="running")
    assert list(running(staff_client)) == [(f"/changes/{first.pk}/", "1 change running")]
    LicenseChangeFactory.create(customer=customer, staff=staff, status="queued")
    assert list(running(staff_client)) == [("/changes/", "2 changes running")]


def test_signed_out_page_shows_nothing_of_the_inside(db: None) -> None:
    page = Client().get("/signin/").content.decode()
    assert 'id="nav"' not in page
    assert "/signout/" not in page
    assert '<a class="vh skip" href="#main">' in page


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_probes_are_read_only_also_without_a_forms_token(address: str) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.head(address).status_code == 200
    answer = client.post(address)
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
