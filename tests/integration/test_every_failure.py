"""Every kind of failure: at the right users, explained in both languages, and mended by its button."""

import html
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from customers.models import Customer
from licenses.core.failures import FailureKind
from licenses.explanations import EXPLANATIONS
from licenses.models import LicenseChange, Throttle, UserChange
from licenses.services import readback, run, save
from licenses.services.refresh import refresh_products, refresh_users
from licensing_portal.sandbox import Sandbox
from licensing_portal.staff.models import StaffUser
from tests.integration.failure_cases import CASES, JOINERS, Case, Site, give
from tests.integration.saving import draft, states

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

State = UserChange.State


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every wait of a row be over at once."""
    monkeypatch.setattr(run.stopping, "wait", lambda seconds: False)
    monkeypatch.setattr(readback, "_PAUSES", (0.0, 0.0))


@pytest.fixture
def site(sandbox: Sandbox, story: Customer) -> Site:
    """The story, as the sandbox has it."""
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    return Site(sandbox, tenant, story)


def _run(change: LicenseChange) -> LicenseChange:
    for _ in range(20):
        change.user_changes.update(not_before=None)
        Throttle.objects.update(blocked_until=0)
        run.pump(str(change.pk), seconds=0.3)
        change.refresh_from_db()
        if change.is_finished:
            return change
    raise AssertionError("the change does not end")


def _failed(case: Case, site: Site, staff: StaffUser) -> LicenseChange:
    """Plan, let something happen, and save."""
    case.before(site)
    refresh_products(site.customer)
    refresh_users(site.customer, case.people)
    change = draft(staff, site.customer, case.people, case.wish)
    case.after_plan(site)
    return _run(save.start(change))


def _cause(client: Client, change: LicenseChange, language: str = "en") -> tuple[str, str, str]:
    """Return heading, text and form of the one cause that the page shows, and check that it is said once."""
    client.cookies["django_language"] = language
    text = client.get(reverse("licenses:change", args=[change.pk]) + "?show=action").content.decode()
    (box,) = re.findall(r'<div class="cause">(.*?)<table', text, re.S)
    heading = html.unescape(re.sub("<[^>]+>", "", re.search(r"<h2>(.*?)</h2>", box, re.S)[1]))  # type: ignore[index]
    form = re.search(r"<form.*?</form>", box, re.S)
    return heading, html.unescape(box), form[0] if form else ""


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{number}-{case.kind}") for number, case in enumerate(CASES)])
def test_a_failure_is_shown_explained_and_mended(
    case: Case, site: Site, staff: StaffUser, staff_client: Client
) -> None:
    change = _failed(case, site, staff)
    rows = {row.object_id: row.failure_kind for row in change.user_changes.exclude(state=State.UPDATED)}
    assert rows == dict.fromkeys(case.people, case.kind)
    for language in ("en", "ja"):
        with translation.override(language):
            words = EXPLANATIONS[case.kind]
            title, meaning = str(words.title), str(words.text)
        heading, box, form = _cause(staff_client, change, language)
        about = case.about if language == "en" else ""
        assert heading.startswith(f"{title}: " if case.about else title), heading
        assert about in heading
        assert heading.endswith(f"({len(case.people)})")
        assert meaning in box
    heading, _, form = _cause(staff_client, change)
    if not case.button:
        assert 'name="repair"' not in form
        assert 'value="leave"' in form
        return
    case.mend(site)
    mended = _pressed(staff_client, change, form, case)
    assert states(mended) == dict.fromkeys(case.people, State.UPDATED)


def _pressed(client: Client, change: LicenseChange, form: str, case: Case) -> LicenseChange:
    """Press the case's button, save its Review and let it run."""
    hidden = dict(re.findall(r'<input type="hidden" name="(go|cause|key)" value="([^"]*)"', form))
    buttons = {
        html.unescape(re.sub("<[^>]+>", "", words)).strip(): code
        for code, words in re.findall(r'<button class="btn" name="repair" value="([^"]*)">(.*?)</button>', form)
    }
    assert case.button in buttons, sorted(buttons)
    answer = client.post(
        reverse("licenses:change", args=[change.pk]), hidden | {"repair": buttons[case.button]} | case.form
    )
    assert answer.status_code == 303
    made = LicenseChange.objects.get(parent=change)
    assert made.status == LicenseChange.Status.DRAFT
    return _run(save.start(made))


def test_what_was_not_done_after_all_is_told_by_check_again(site: Site, staff: StaffUser, staff_client: Client) -> None:
    case = next(case for case in CASES if case.kind == "unreadable")
    change = _failed(case, site, staff)
    case.mend(site)
    LicenseChange.objects.update(finished_at=timezone.now() - timedelta(minutes=5))
    staff_client.post(reverse("licenses:change", args=[change.pk]), {"go": "check"})
    heading, box, form = _cause(staff_client, change)
    assert heading == f"{EXPLANATIONS['not_done'].title} (2)"
    assert str(EXPLANATIONS["not_done"].text) in box
    assert set(states(_pressed(staff_client, change, form, case)).values()) == {State.UPDATED}


@pytest.mark.parametrize(("status", "code"), [(429, "TooManyRequests"), (503, "serviceNotAvailable")])
def test_what_passes_by_itself_is_waited_for_and_fails_nobody(
    site: Site, staff: StaffUser, status: int, code: str
) -> None:
    site.answer(status, "Later.", code, times=3, headers={"Retry-After": "1"})
    change = _run(save.start(draft(staff, site.customer, JOINERS, give("SPE_E3"))))
    assert set(states(change).values()) == {State.UPDATED}


def test_a_change_ends_when_nobody_lets_us_read_it_back(site: Site, staff: StaffUser, staff_client: Client) -> None:
    """The relationship ends between plan and call: all is refused, the reading too."""
    change = draft(staff, site.customer, JOINERS, give("SPE_E3"))
    site.tenant.relationship = "terminated"
    change = _run(save.start(change))
    assert {row.failure_kind for row in change.user_changes.all()} == {"forbidden"}
    heading, box, form = _cause(staff_client, change)
    assert heading == "Access refused (2)"
    assert "Nothing was changed for these users." in box
    site.tenant.relationship = "active"
    assert set(states(_pressed(staff_client, change, form, CASES[0])).values()) == {State.UPDATED}


def test_every_kind_has_its_case() -> None:
    """Throttling and errors of Microsoft's servers are waited for; "not done" comes of Check again."""
    elsewhere = {"throttled", "server", "not_done"}
    assert {case.kind for case in CASES} | elsewhere == {kind.value for kind in FailureKind}


def test_every_kind_has_words_in_both_languages() -> None:
    for kind in FailureKind:
        words = EXPLANATIONS[kind]
        with translation.override("ja"):
            japanese = f"{words.title} {words.text}"
        with translation.override("en"):
            english = f"{words.title} {words.text}"
        assert re.search("[\u3040-\u30ff\u4e00-\u9fff]", japanese), kind
        assert english.isascii(), kind
