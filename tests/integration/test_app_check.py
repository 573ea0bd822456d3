"""App check on a user's page: people for whom Teams does not work for another reason each, named in both languages."""

import html
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseEvent, Product
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests import story_rows
from tests.integration.prepared import CHANGED, E3, TEAMS, prepare, tenant_of
from tests.integration.saving import NONE, saved, sku

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

OPEN = ("fail", "warn", "unknown")
NAMED = {
    "deleted": ("The account was deleted", "アカウントが削除されています"),
    "blocked": ("Sign-in is blocked", "サインインがブロックされています"),
    "guest": ("The user is a guest", "ゲスト ユーザーです"),
    "no location": ("No usage location is set", "利用場所が未設定です"),
    "no product": ("No product is assigned", "製品が割り当てられていません"),
    "suite without Teams": ("The suite does not include Teams", "スイートに Teams は含まれていません"),
    "off directly": ("Teams is switched off", "Teams がオフです"),
    "off by group": (
        "Teams is switched off by the group's assignment",
        "Teams がグループの割り当てでオフです",
    ),
    "no seat": ("The assignment is in error: Not enough licenses", "割り当てがエラーです: ライセンス数の不足"),
    "other license of the group": (
        "The assignment is in error: Microsoft does not say why",
        "割り当てがエラーです: Microsoft は理由を示していません",
    ),
    "dependency": (
        "The assignment is in error: Missing required plan",
        "割り当てがエラーです: 前提条件のサービス プランがありません",
    ),
    "suspended": (
        "The subscription does not run any more: suspended",
        "サブスクリプションが有効ではありません: 中断",
    ),
    "pending": (
        "Microsoft is still setting Teams up for the user",
        "このユーザーの Teams を Microsoft が準備しています",
    ),
}


@pytest.fixture
def people(sandbox: Sandbox) -> dict[str, str]:
    return prepare(sandbox)


@pytest.fixture
def customer(people: dict[str, str], sandbox: Sandbox, db: None) -> Customer:
    """The story with those people, by a real first sync; one of them is deleted since."""
    found = story_rows.read(sandbox.story_tenant_id)
    tenant = tenant_of(sandbox)
    tenant.delete_user(tenant.users[people["deleted"]])
    return found


def address(customer: Customer, object_id: str, app: str = "teams") -> str:
    return f"/customers/{customer.tenant_id}/users/{object_id}/" + (f"?app={app}" if app else "")


def page_of(client: Client, customer: Customer, object_id: str, app: str = "teams", language: str = "en") -> str:
    answer = client.get(address(customer, object_id, app), headers={"Accept-Language": language})
    assert answer.status_code == 200
    return answer.content.decode()


def text_of(markup: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", markup).split()))


def card(page: str) -> str:
    """Return the App check of a page."""
    return page.split('aria-labelledby="app-h"', 1)[1].split("</section>")[0]


def checks(page: str) -> list[tuple[str, str]]:
    """Return the checks of a page: outcome by its icon, and all its words."""
    listed = card(page).split('<ol class="checks">')[1].split("</ol>")[0]
    rows = re.split(r"<li(?: class=\"fail\")?><svg", listed)[1:]
    kinds = {"good": "pass", "bad": "fail", "warn": "note", "muted": "skipped"}
    return [(kinds[row.split('class="i ')[1].split('"')[0]], text_of("<svg" + row)) for row in rows]


def verdict(page: str) -> str:
    return text_of(card(page).split("<strong>")[1].split("</strong>")[0])


@pytest.mark.parametrize("language", ["en", "ja"])
def test_each_reason_is_named(people: dict[str, str], customer: Customer, staff_client: Client, language: str) -> None:
    named, expected = {}, {}
    for reason, words in NAMED.items():
        page = page_of(staff_client, customer, people[reason], language=language)
        named[reason] = re.split(r"(?:fails: |The first: |最初の原因: )", verdict(page))[1].rstrip(".。")
        expected[reason] = words[language == "ja"]
        assert sum(outcome == "fail" for outcome, _ in checks(page)) == (2 if reason == "no location" else 1)
    assert named == expected
    assert len(expected) > 12


def test_a_plan_that_is_off_beside_a_clash_is_named_with_it(
    people: dict[str, str], customer: Customer, staff_client: Client
) -> None:
    page = page_of(staff_client, customer, people["clash"])
    failing = [words for outcome, words in checks(page) if outcome == "fail"]
    assert [words.split(" Office 365 E1")[0].split(" Microsoft 365 E3")[0] for words in failing] == [
        "Fail: Teams is switched off",
        "Fail: The assignment is in error: Conflicting service plans",
    ]
    assert "Microsoft 365 E3 (group 全社員): Conflicting service plans" in failing[1]
    assert "cannot be on together" in failing[1]


def test_all_in_order_says_so_and_where_to_look_next(
    people: dict[str, str], customer: Customer, staff_client: Client
) -> None:
    page = page_of(staff_client, customer, people["in order"])
    assert verdict(page) == "All checks pass: the licenses are in order."
    assert {outcome for outcome, _ in checks(page)} == {"pass"}
    next_places = text_of(card(page).split("Look here next")[1])
    assert "Teams admin center" in next_places
    assert "service health" in next_places
    assert "Pass: A usage location is set Japan (JP)" in [words for _, words in checks(page)]
    broken = page_of(staff_client, customer, people["no product"])
    assert "Look here next" not in card(broken)


def test_grace_is_a_note_with_its_date(people: dict[str, str], customer: Customer, staff_client: Client) -> None:
    page = page_of(staff_client, customer, people["grace"])
    assert verdict(page) == "No check fails; there are notes."
    (words,) = [words for outcome, words in checks(page) if outcome == "note"]
    assert words.startswith(
        "Note: The subscription has expired and is in its grace period Microsoft 365 Business Basic"
    )
    assert re.search(r"next date: \d+ \w+ 20\d\d", words)


def test_a_change_of_the_last_day_is_named_with_who_made_it(
    customer: Customer, staff: StaffUser, staff_client: Client
) -> None:
    change = saved(staff, customer, [CHANGED], Wish(plans={(E3, TEAMS): NONE}))
    type(change).objects.filter(pk=change.pk).update(reference="INC-88")
    page = page_of(staff_client, customer, CHANGED)
    assert verdict(page) == "1 check fails: Teams is switched off."
    assert checks(page)[-1][0] == "note"
    assert "Microsoft Teams switched off in Microsoft 365 E3" in checks(page)[-1][1]
    assert f"{staff.display_name} · INC-88" in checks(page)[-1][1]


@pytest.mark.parametrize("part", ["POWER_BI_PRO", "SPE_E3"])
def test_a_change_of_the_app_is_named_though_many_others_came_after_it(
    customer: Customer, staff: StaffUser, staff_client: Client, part: str
) -> None:
    saved(staff, customer, [CHANGED], Wish(plans={(E3, TEAMS): NONE}))
    event = LicenseEvent(customer=customer, user=customer.users.get(object_id=CHANGED), object_id=CHANGED)
    event.before, event.after, event.seen_at = {"usageLocation": "JP"}, {"usageLocation": "FR"}, timezone.now()
    event.save()
    product = Product.objects.get(sku_id=sku(part))
    others = {"user": event.user, "object_id": CHANGED, "product": product, "before": None, "after": None}
    LicenseEvent.objects.bulk_create(
        LicenseEvent(customer=customer, seen_at=timezone.now(), **others) for _ in range(25)
    )
    words = checks(page_of(staff_client, customer, CHANGED))[-1][1]
    assert "Microsoft Teams switched off in Microsoft 365 E3" in words
    assert "→ FR" in words


def test_a_change_outside_the_portal_is_seen_by_the_check_itself(
    customer: Customer, sandbox: Sandbox, staff_client: Client
) -> None:
    tenant_of(sandbox).users[CHANGED].direct[E3] = (frozenset({TEAMS}), 0.0)
    page = page_of(staff_client, customer, CHANGED)
    assert verdict(page) == "1 check fails: Teams is switched off."
    assert "outside this portal, seen by sync" in checks(page)[-1][1]


def test_a_change_before_the_first_sync_is_told_by_its_date(
    people: dict[str, str], customer: Customer, staff_client: Client
) -> None:
    last = checks(page_of(staff_client, customer, people["clash"]))[-1]
    assert re.match(r"Note: Changed in the last 24 hours Office 365 E1: since \d+ \w+ 20\d\d \d\d:\d\d JST", last[1])


def test_a_change_of_something_else_is_no_note(customer: Customer, sandbox: Sandbox, staff_client: Client) -> None:
    tenant = tenant_of(sandbox)
    plan = next(plan.plan_id for plan in tenant.skus[E3].plans if plan.name == "SWAY")
    tenant.users[CHANGED].direct[E3] = (frozenset({plan}), 0.0)
    page = page_of(staff_client, customer, CHANGED)
    assert "Sway switched off" in page
    assert checks(page)[-1] == ("pass", "Pass: Nothing changed in the last 24 hours")


@pytest.mark.parametrize(
    ("match", "outcome", "age"),
    [("GET */licenseDetails", "note", False), ("* /graph/v1.0/*", "fail", True)],
)
def test_what_microsoft_does_not_answer_is_not_guessed(
    customer: Customer, sandbox: Sandbox, staff_client: Client, match: str, outcome: str, age: bool
) -> None:
    sandbox.faults.add({"match": match, "status": 400, "times": 99})
    page = page_of(staff_client, customer, user_id("executive", 5))
    assert ("Microsoft did not answer: this is as of" in page) is age
    words = "Not known: Whether Microsoft has set Teams up for the user is not known"
    assert [found for found in checks(page) if found[1].startswith(words)] != []


@pytest.mark.parametrize(
    ("app", "role", "words"),
    [
        ("outlook", "project", "No assigned product includes Outlook"),
        ("outlook", "suspended", "No assigned product includes Outlook"),
        ("onedrive", "mailbox", "No assigned product includes OneDrive"),
        ("office", "sales", "Only the apps in the browser and on phones are included"),
        ("copilot", "executive", "The suite does not include Copilot"),
    ],
)
def test_the_other_apps(customer: Customer, staff_client: Client, app: str, role: str, words: str) -> None:
    assert words in verdict(page_of(staff_client, customer, user_id(role, 1), app))


def test_without_an_app_nothing_is_asked_and_all_five_are_offered(
    customer: Customer, sandbox: Sandbox, staff_client: Client
) -> None:
    sandbox.journal.clear()
    page = page_of(staff_client, customer, CHANGED, app="")
    assert re.findall(r'<a href="\?app=(\w+)"', page) == ["teams", "outlook", "onedrive", "office", "copilot"]
    assert sandbox.journal.show()["calls"] == []


def test_an_app_that_is_none_is_refused(customer: Customer, staff_client: Client) -> None:
    answer = staff_client.get(address(customer, CHANGED, "word"))
    assert answer.status_code == 422
    assert "This app is not known. Choose one of the list." in answer.content.decode()


def test_the_text_for_a_ticket_says_what_was_checked(
    people: dict[str, str], customer: Customer, staff_client: Client
) -> None:
    page = page_of(staff_client, customer, people["no seat"])
    text = html.unescape(page.split('<textarea id="app-text"')[1].split(">", 1)[1].split("</textarea>")[0])
    assert "Customer: コントソ商事" in text
    assert text.split("App check: Teams\n")[1].split("\n") == [
        "1 check fails: The assignment is in error: Not enough licenses.",
        "1. [Pass] The account exists and may sign in",
        "2. [Pass] A usage location is set",
        "   - Japan (JP)",
        "3. [Pass] A product with Teams is assigned",
        "   - Microsoft 365 E3 (group 全社員)",
        "4. [Pass] Teams is switched on",
        "   - Microsoft 365 E3 (group 全社員): Microsoft Teams",
        "5. [Fail] The assignment is in error: Not enough licenses",
        "   - Microsoft 365 E3 (group 全社員): Not enough licenses",
        "   No license of the product was free. Free one or buy more, then try again.",
        "6. [Pass] The subscription is active",
        "   - " + text.split("6. [Pass] The subscription is active\n   - ")[1].split("\n")[0],
        "7. [Not looked at] Provisioning",
        "8. [Pass] Nothing changed in the last 24 hours",
    ]


def test_a_check_takes_a_fixed_number_of_queries(
    people: dict[str, str], customer: Customer, staff: StaffUser, staff_client: Client
) -> None:
    numbers = set()
    for who in ("in order", "pending"):
        with CaptureQueriesContext(connection) as captured:
            page_of(staff_client, customer, people[who])
        numbers.add(len(captured))
    assert max(numbers) <= 32
    assert len(numbers) == 1
