"""Error pages and messages, on addresses that exist for these tests alone."""

import io
import logging
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.test import Client, RequestFactory
from django.urls import path
from django.utils.translation import override

from licensing_portal import urls
from licensing_portal.errors import server_error
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Right, Role
from tests.factories import StaffUserFactory

FORM = "application/x-www-form-urlencoded"
pytestmark = [pytest.mark.urls(__name__), pytest.mark.one_database]

handler400 = urls.handler400
handler403, handler404, handler500 = urls.handler403, urls.handler404, urls.handler500


def crash(request: HttpRequest) -> HttpResponse:
    """Fail as a programming error does."""
    raise ValueError("the secret of the crash")


@needs(Right.SETTINGS_CHANGE)
def settings_page(request: StaffRequest) -> HttpResponse:
    """Answer to those who may change settings."""
    return HttpResponse("settings")


def refuse(request: HttpRequest) -> HttpResponse:
    """Refuse without naming a right."""
    raise PermissionDenied


def speak(request: HttpRequest) -> HttpResponse:
    """Leave a message of each level."""
    messages.success(request, "It <b>worked</b>")
    messages.info(request, "By the way")
    messages.warning(request, "Be careful")
    messages.error(request, "It failed")
    return redirect("/customers/")


urlpatterns = [
    path("crash/", crash),
    path("settings/", settings_page),
    path("refuse/", refuse),
    path("speak/", speak),
    *urls.urlpatterns,
]


def test_crash_is_a_page_with_the_requests_id_alone(staff_client: Client) -> None:
    staff_client.raise_request_exception = False
    answer = staff_client.get("/crash/")
    page = answer.content.decode()
    assert answer.status_code == 500
    assert f"<code>{answer['X-Request-ID']}</code>" in page
    assert "secret" not in page
    assert "Content-Security-Policy" in answer


def test_crash_speaks_the_readers_language(staff_client: Client) -> None:
    staff_client.raise_request_exception = False
    page = staff_client.get("/crash/", headers={"Accept-Language": "ja"}).content.decode()
    assert '<html lang="ja">' in page
    assert "Something went wrong" not in page


def test_crash_page_needs_neither_database_nor_person() -> None:
    """No database is open to this test, and asking who is signed in fails."""

    class Broken(HttpRequest):
        @property
        def user(self) -> Any:
            raise AssertionError("the page asked for the person")

        @property
        def session(self) -> Any:
            raise AssertionError("the page asked for the session")

    request = Broken()
    request.id = "abc"  # type: ignore[attr-defined]
    with override("en"):
        answer = server_error(request)
    assert answer.status_code == 500
    assert "<code>abc</code>" in answer.content.decode()


def test_crash_page_stands_without_a_request_id() -> None:
    assert server_error(RequestFactory().get("/")).status_code == 500


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.django_db
def test_missing_right_is_named_with_who_can_grant_it(role: Role, sign_in: Any) -> None:
    answer = sign_in(StaffUserFactory.create(roles=[role.value])).get("/settings/")
    page = answer.content.decode()
    if role is Role.GLOBAL_ADMIN:
        assert (answer.status_code, page) == (200, "settings")
        return
    assert answer.status_code == 403
    assert "change settings (settings.change)" in page
    assert "A Global admin can give it to you." in page
    assert "Content-Security-Policy" in answer


def test_refusal_without_a_right_is_a_page_too(staff_client: Client) -> None:
    answer = staff_client.get("/refuse/")
    assert answer.status_code == 403
    assert "Your role does not allow this." in answer.content.decode()


def test_nowhere_is_a_page_that_repeats_nothing(staff_client: Client) -> None:
    answer = staff_client.get("/nowhere/<script>alert(1)</script>/")
    page = answer.content.decode()
    assert answer.status_code == 404
    assert "<h1>Not found</h1>" in page
    assert "alert(1)" not in re.sub(r'name="next" value="[^"]*"', "", page)
    assert "<script>alert" not in page


def test_wrong_method_is_a_page_that_names_the_right_one(staff_client: Client) -> None:
    answer = staff_client.get("/signout/")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "<h1>Not possible this way</h1>" in answer.content.decode()


def test_form_without_its_token_says_what_to_do(staff: StaffUser) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    answer = client.post("/signout/")
    assert answer.status_code == 403
    assert "Go back, reload the page and try again." in answer.content.decode()
    assert client.get("/customers/").status_code == 200


def test_messages_are_boxes_that_are_read_out(staff_client: Client) -> None:
    page = staff_client.get("/speak/", follow=True).content.decode()
    boxes = re.findall(r'<div class="(msg[^"]*)" role="(\w+)">.*?<p>(.*?)</p>', page, re.DOTALL)
    assert boxes == [
        ("msg", "status", "It &lt;b&gt;worked&lt;/b&gt;"),
        ("msg", "status", "By the way"),
        ("msg warn", "alert", "Be careful"),
        ("msg bad", "alert", "It failed"),
    ]
    assert 'class="msg' not in staff_client.get("/customers/").content.decode()


@pytest.mark.parametrize(("address", "status"), [("/settings/", 403), ("/refuse/", 403), ("/nothing/", 404)])
def test_a_refusal_is_one_line_of_the_log(staff: StaffUser, address: str, status: int) -> None:
    agent = StaffUserFactory.create(roles=[Role.HELPDESK_AGENT.value])
    lines = _logged(agent, address, status)
    assert len(lines) == 1
    assert address in lines[0]


def test_a_failure_of_ours_has_its_traceback(staff: StaffUser) -> None:
    assert any("Traceback" in line for line in _logged(staff, "/crash/", 500))


def _logged(person: StaffUser, address: str, status: int) -> list[str]:
    """Return what the console says of one request."""
    console = logging.getHandlerByName("console")
    assert isinstance(console, logging.StreamHandler)
    client, said = Client(raise_request_exception=False), io.StringIO()
    client.force_login(person)
    before = console.setStream(said)
    try:
        assert client.get(address).status_code == status
    finally:
        console.setStream(before or console.stream)
    return said.getvalue().splitlines()


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "words"), [("en", "Too much at once"), ("ja", "一度に送信された量が多すぎます")])
def test_a_form_that_is_too_large_is_told_so(staff_client: Client, language: str, words: str) -> None:
    staff_client.raise_request_exception = False
    for data in ({"text": "x" * 9_000_000}, {f"f{number}": "1" for number in range(10_001)}):
        answer = staff_client.post("/theme/", urlencode(data), content_type=FORM, headers={"accept-language": language})
        assert answer.status_code == 413
        assert words in answer.content.decode()


@pytest.mark.parametrize("error", [OperationalError("database is locked"), InterfaceError("connection is closed")])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_database_that_is_away_is_said_and_nothing_is_done(staff: StaffUser, error: Exception, method: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(staff)

    def lost(execute: object, *statement: object) -> None:
        raise error

    with connection.execute_wrapper(lost):  # type: ignore[arg-type]
        answer = getattr(client, method)("/customers/", headers={"accept-language": "ja"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert "データベース" in answer.content.decode()
    assert client.get("/customers/").status_code == 200
