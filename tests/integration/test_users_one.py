"""One user: facts, products by path, errors, history, and the way to their licences."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers import selection as selections
from customers.models import Customer, DirectoryUser
from licenses.models import Assignment, LicenseChange, LicenseEvent, Product, UserChange
from licensing_portal.staff.models import StaffUser
from tests.factories import (
    AssignmentFactory,
    DirectoryUserFactory,
    EntitlementFactory,
    GroupFactory,
    LicenseChangeFactory,
    PlanSetFactory,
    ProductFactory,
    ServicePlanFactory,
    UserChangeFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> DirectoryUser:
    return DirectoryUserFactory.create(display_name="山田 太郎", department="総務部", job_title="主任")


def _address(person: DirectoryUser) -> str:
    return f"/customers/{person.customer.tenant_id}/users/{person.object_id}/"


def _page(client: Client, person: DirectoryUser) -> str:
    response = client.get(_address(person))
    assert response.status_code == 200
    return response.content.decode()


def _text(markup: str) -> str:
    return re.sub(r" (?=[:,])", "", " ".join(re.sub(r"<[^>]+>", " ", markup).split()))


def _part(page: str, label: str) -> str:
    """Return the words of one section."""
    return _text(page.split(f'aria-labelledby="{label}"', 1)[1].split("</section>")[0])


@pytest.fixture
def e3(person: DirectoryUser) -> Product:
    """A product of two user plans and one of the company."""
    product = ProductFactory.create(display_name="Microsoft 365 E3")
    plans = [ServicePlanFactory.create(display_name=name) for name in ("Exchange Online (Plan 2)", "Microsoft Teams")]
    entitlement = EntitlementFactory.create(customer=person.customer, product=product, plans=plans)
    company = ServicePlanFactory.create(display_name="For the company")
    entitlement.plan_rows.create(plan=company, applies_to="Company", provisioning_status="Success", position=9)
    return product


@pytest.mark.one_database
def test_facts_are_named(staff_client: Client, person: DirectoryUser) -> None:
    DirectoryUser.objects.filter(pk=person.pk).update(enabled=False, is_guest=True, on_premises=True, usage_location="")

    facts = _part(_page(staff_client, person), "fact-h")

    for words in ("Sign-in blocked", "Type Guest", "Usage location Not set", "Department 総務部", "Job title 主任"):
        assert words in facts
    assert "Source synced from on-premises" in facts


@pytest.mark.one_database
def test_each_path_shows_its_plans_and_since(staff_client: Client, person: DirectoryUser, e3: Product) -> None:
    teams = e3.entitlements.get().plan_rows.get(plan__display_name="Microsoft Teams").plan.plan_id
    group = GroupFactory.create(customer=person.customer, display_name="全社員")
    AssignmentFactory.create(user=person, product=e3, via=group.object_id)
    AssignmentFactory.create(
        user=person,
        product=e3,
        plan_set=PlanSetFactory.create(product=e3, disabled=[teams]),
        since=datetime(2026, 10, 12, tzinfo=UTC),
    )

    page = _page(staff_client, person)
    products = _part(page, "prod-h")

    assert f'href="/customers/{person.customer.tenant_id}/users/?group={group.object_id}"' in page
    direct, by_group = products.split("Microsoft 365 E3")[1:]
    assert "on 1 of 2" in direct
    assert "off Microsoft Teams" in direct
    assert "on: Exchange Online (Plan 2)" in direct
    assert direct.endswith("Direct Active 12 Oct 2026 ")
    assert "on 2 of 2" in by_group
    assert "by group 全社員 Active not known" in by_group
    assert "For the company" not in products


@pytest.mark.one_database
def test_a_group_that_is_not_known_is_named_by_its_id(staff_client: Client, person: DirectoryUser) -> None:
    assignment = AssignmentFactory.create(user=person, via="a" * 36)

    assert f"by group {assignment.via}" in _part(_page(staff_client, person), "prod-h")


@pytest.mark.parametrize(
    ("state", "error", "words", "holds", "shown"),
    [
        ("Error", "CountViolation", ": Not enough licenses", False, "Error Not enough licenses"),
        ("Error", "SomethingNew", ": SomethingNew", False, "Error SomethingNew"),
        ("ActiveWithError", "DependencyViolation", ": Missing required plan", True, "Active, with an error Missing"),
        ("Disabled", "", "", False, "Disabled"),
    ],
)
@pytest.mark.one_database
def test_a_path_in_error_is_said_first(
    staff_client: Client, person: DirectoryUser, state: str, error: str, words: str, holds: bool, shown: str
) -> None:
    AssignmentFactory.create(user=person, product=ProductFactory.create(display_name="Visio"), state=state, error=error)

    page = _page(staff_client, person)

    message = _text(page.split('<div class="msg bad" role="note">')[1].split("</div></div>")[0])
    assert message.startswith(f"Visio{words}")
    assert ("This path holds nothing until its cause is gone." in message) is not holds
    assert shown in _part(page, "prod-h")


@pytest.mark.one_database
def test_an_active_path_shows_no_error(staff_client: Client, person: DirectoryUser, e3: Product) -> None:
    AssignmentFactory.create(user=person, product=e3)

    assert 'class="msg bad"' not in _page(staff_client, person)


def test_history_tells_who_did_what_newest_first(staff_client: Client, person: DirectoryUser, e3: Product) -> None:
    now = timezone.now()
    change = LicenseChangeFactory.create(
        customer=person.customer, reference="INC-88", status=LicenseChange.Status.DONE, staff__display_name="佐藤 直樹"
    )
    common = {"customer": person.customer, "user": person, "object_id": person.object_id}
    paths = {"paths": {Assignment.DIRECT: {"disabled": [], "state": "Active"}}}
    LicenseEvent.objects.create(**common, product=e3, before=None, after=paths, change=change, seen_at=now)
    LicenseEvent.objects.create(
        **common, before={"usageLocation": ""}, after={"usageLocation": "JP"}, seen_at=now - timedelta(days=3)
    )
    UserChangeFactory.create(
        change=change,
        user=person,
        state=UserChange.State.FAILED,
        message="<i>No seat</i>",
        finished_at=now - timedelta(days=1),
    )

    page = _page(staff_client, person)

    assert _history(page) == [
        "Microsoft 365 E3 assigned 佐藤 直樹 · INC-88",
        "Failed Refused by Microsoft Microsoft gave this reason, which the portal does not know yet:"
        " Microsoft's own words &lt;i&gt;No seat&lt;/i&gt; 佐藤 直樹 · INC-88",
        "Usage location: – → JP outside this portal, seen by sync",
    ]
    assert f'href="/changes/{change.pk}/"' in page


def _history(page: str) -> list[str]:
    """Return the lines of the history without their times."""
    parts = page.split('<ol class="events">')[1].split("</ol>")[0].split("<li><time")[1:]
    return [_text(part.split("</time>")[1]) for part in parts]


def _state(**paths: tuple[list[str], str]) -> dict[str, object] | None:
    """Return the stored form of an event's state; None without a path."""
    found = {via: {"disabled": disabled, "state": state} for via, (disabled, state) in paths.items()}
    return {"paths": found} if found else None


OK = "Active"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (_state(), _state(direct=([], OK)), "E3 assigned"),
        (_state(), _state(direct=(["t"], OK)), "E3 assigned without Teams"),
        (_state(), _state(g=([], OK)), "E3 assigned by group 全社員"),
        (_state(), _state(g=(["t", "x"], OK)), "E3 assigned by group 全社員 without Exchange, Teams"),
        (_state(), _state(g=([], "Error")), "E3 could not be assigned by group 全社員"),
        (_state(), _state(direct=([], "Error")), "E3 not assigned: error"),
        (_state(direct=([], OK)), _state(), "E3 unassigned"),
        (_state(g=([], OK)), _state(), "E3 no longer assigned by group 全社員"),
        (_state(direct=([], OK)), _state(direct=(["t"], OK)), "Teams switched off in E3"),
        (_state(direct=(["t", "x"], OK)), _state(direct=([], OK)), "Exchange, Teams switched on in E3"),
        (
            _state(direct=(["t"], OK)),
            _state(direct=(["x"], OK)),
            "Exchange switched off in E3 Teams switched on in E3",
        ),
        (_state(direct=([], OK)), _state(direct=(["t", "x", "a", "b"], OK)), "4 service plans switched off in E3"),
        (_state(g=([], OK)), _state(g=(["t"], OK)), "Teams switched off in E3 (group 全社員)"),
        (_state(g=([], OK)), _state(g=([], "Error")), "E3 (group 全社員) went into an error and holds nothing"),
        (_state(direct=([], "Error")), _state(direct=([], OK)), "E3 is active again"),
        (_state(direct=([], OK)), _state(direct=([], "ActiveWithError")), "E3: state is now Active, with an error"),
        (
            _state(direct=([], OK), g=([], OK)),
            _state(g=(["t"], OK)),
            "E3 unassigned Teams switched off in E3 (group 全社員)",
        ),
        (_state(other=([], OK)), _state(), "E3 no longer assigned by group other"),
        (_state(direct=([], OK)), _state(direct=([], OK)), "E3: changed"),
    ],
)
@pytest.mark.one_database
def test_an_event_names_what_it_changed(
    staff_client: Client, person: DirectoryUser, before: object, after: object, expected: str
) -> None:
    product = ProductFactory.create(display_name="E3")
    GroupFactory.create(customer=person.customer, object_id="g", display_name="全社員")
    ServicePlanFactory.create(plan_id="t", display_name="Teams")
    ServicePlanFactory.create(plan_id="x", display_name="Exchange")
    common = {"customer": person.customer, "user": person, "object_id": person.object_id, "seen_at": timezone.now()}
    LicenseEvent.objects.create(**common, product=product, before=before, after=after)

    assert _history(_page(staff_client, person)) == [f"{expected} outside this portal, seen by sync"]


def test_what_one_change_did_at_once_is_one_line(staff_client: Client, person: DirectoryUser, e3: Product) -> None:
    change = LicenseChangeFactory.create(customer=person.customer, status="done", staff__display_name="佐藤 直樹")
    common = {"customer": person.customer, "user": person, "object_id": person.object_id, "seen_at": timezone.now()}
    e1 = ProductFactory.create(display_name="Office 365 E1")
    LicenseEvent.objects.create(**common, change=change, product=e1, before=_state(direct=([], OK)), after=None)
    LicenseEvent.objects.create(**common, change=change, product=e3, before=None, after=_state(direct=([], OK)))

    assert _history(_page(staff_client, person)) == [
        "Microsoft 365 E3 assigned Office 365 E1 unassigned 佐藤 直樹 · Show the change"
    ]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            {"failure_kind": "no_seat", "failure_skus": ["e3"], "message": "sku e3 has none", "request_id": "r-1"},
            "Failed Not enough licenses: Microsoft 365 E3 No license of this product was free. Free or buy licenses,"
            " then try these users again. Wanted Assigned: Microsoft 365 E3 Unassigned: Office 365 E1 Microsoft's own"
            " words sku e3 has none Request id for Microsoft's support: r-1",
        ),
        # Planning refuses by itself: there is nothing of Microsoft's to read.
        (
            {"failure_kind": "no_location"},
            "Failed No usage location Microsoft assigns licenses only to users with a usage location. Set it, then try"
            " again. Wanted Assigned: Microsoft 365 E3 Unassigned: Office 365 E1",
        ),
        (
            {"state": "not_tried"},
            "Not tried The change was stopped before this user. Wanted Assigned: Microsoft 365 E3 Unassigned: Office"
            " 365 E1",
        ),
        (
            {"state": "unknown", "failure_kind": "unreadable"},
            "Unknown Result unknown Microsoft&#x27;s answer was lost, and reading the user did not settle it. It may or"
            " may not have happened. Wanted Assigned: Microsoft 365 E3 Unassigned: Office 365 E1",
        ),
    ],
)
@pytest.mark.one_database
def test_what_did_not_succeed_is_explained(
    staff_client: Client, person: DirectoryUser, row: dict[str, object], expected: str
) -> None:
    for sku_id, name in (("e3", "Microsoft 365 E3"), ("e1", "Office 365 E1")):
        ProductFactory.create(sku_id=sku_id, display_name=name)
    change = LicenseChangeFactory.create(
        customer=person.customer, status="done", reference="INC-1", staff__display_name="S"
    )
    wanted = {"add": [{"skuId": "e3", "disabledPlans": []}], "remove": ["e1"]}
    UserChangeFactory.create(
        **({"change": change, "user": person, "state": "failed", "finished_at": timezone.now()} | wanted | row)
    )

    assert _history(_page(staff_client, person)) == [f"{expected} S · INC-1"]


@pytest.mark.one_database
def test_history_is_limited_and_leads_to_all_changes(staff_client: Client, person: DirectoryUser, e3: Product) -> None:
    now = timezone.now()
    common = {"customer": person.customer, "user": person, "object_id": person.object_id, "product": e3}
    for number in range(60):
        at = now - timedelta(hours=number)
        LicenseEvent.objects.create(**common, before=None, after=_state(direct=([], OK)), seen_at=at)

    page = _page(staff_client, person)

    assert len(_history(page)) == 50
    assert "The newest 50 lines are shown." in page
    assert f'href="/customers/{person.customer.tenant_id}/changes/?user={person.object_id}"' in page


def test_a_long_history_costs_the_queries_of_a_short_one(
    staff_client: Client, person: DirectoryUser, e3: Product
) -> None:
    numbers = []
    for more in (1, 30):
        for _number in range(more):
            change = LicenseChangeFactory.create(customer=person.customer, status="done")
            UserChangeFactory.create(change=change, user=person, state="failed", finished_at=timezone.now())
            common = {"customer": person.customer, "user": person, "object_id": person.object_id, "change": change}
            LicenseEvent.objects.create(
                **common, product=e3, before=None, after=_state(g=([], OK)), seen_at=timezone.now()
            )
            AssignmentFactory.create(user=person)
        with CaptureQueriesContext(connection) as captured:
            _page(staff_client, person)
        numbers.append(len(captured))
    assert numbers[0] == numbers[1] <= 12


@pytest.mark.one_database
def test_the_text_for_a_ticket_says_everything(staff_client: Client, person: DirectoryUser, e3: Product) -> None:
    now = datetime(2026, 11, 23, 0, 41, tzinfo=UTC)
    DirectoryUser.objects.filter(pk=person.pk).update(enabled=False, is_guest=True, on_premises=True, read_at=now)
    # The later round named nobody: the page and the text say that it was asked.
    Customer.objects.filter(pk=person.customer_id).update(synced_at=now + timedelta(minutes=5))
    teams = e3.entitlements.get().plan_rows.get(plan__display_name="Microsoft Teams").plan.plan_id
    group = GroupFactory.create(customer=person.customer, display_name="全社員 <b>")
    AssignmentFactory.create(user=person, product=e3, via=group.object_id, state="Error", error="CountViolation")
    off = PlanSetFactory.create(product=e3, disabled=[teams])
    AssignmentFactory.create(user=person, product=e3, plan_set=off, since=datetime(2026, 10, 12, tzinfo=UTC))
    change = LicenseChangeFactory.create(
        customer=person.customer, reference="INC-88", status="done", staff__display_name="佐藤 直樹"
    )
    common = {"customer": person.customer, "user": person, "object_id": person.object_id, "product": e3}
    LicenseEvent.objects.create(**common, before=None, after=_state(direct=([], OK)), change=change, seen_at=now)

    page = _page(staff_client, person)
    text = html.unescape(page.split('<textarea id="ticket-text"')[1].split(">", 1)[1].split("</textarea>")[0])

    customer = person.customer
    assert re.sub(r"Copied: .* JST", "Copied: now", text).split("\n") == [
        "山田 太郎",
        f"Sign-in name: {person.user_principal_name}",
        f"Object ID: {person.object_id}",
        f"Customer: {customer.name} ({customer.tenant_id})",
        "Sign-in: blocked",
        "Type: Guest",
        "Source: synced from on-premises",
        "Usage location: Japan (JP)",
        "Department: 総務部",
        "Job title: 主任",
        f"Mail: {person.mail}",
        "As of: 23 Nov 2026 09:46 JST",
        "Copied: now",
        "",
        "Products",
        "- Microsoft 365 E3, Direct; Active; since 12 Oct 2026 09:00 JST; off: Microsoft Teams",
        "- Microsoft 365 E3, by group 全社員 <b>; Error; since not known",
        "",
        "Errors",
        "- Microsoft 365 E3, by group 全社員 <b>: Not enough licenses",
        "",
        "History",
        "- 23 Nov 2026 09:41 JST: Microsoft 365 E3 assigned · 佐藤 直樹, INC-88",
    ]
    assert "<b>" not in page.split('id="ticket-text"')[1]
    # Without a script the button would do nothing: it is shown by the script, the text is there for all.
    assert re.search(r'data-copy="ticket-text"[^>]* hidden>', page)
    assert "readonly" in page


@pytest.mark.one_database
def test_a_blocked_guest_from_on_premises_is_all_three(staff_client: Client, person: DirectoryUser) -> None:
    DirectoryUser.objects.filter(pk=person.pk).update(enabled=False, is_guest=True, on_premises=True)

    marks = _page(staff_client, person).split('<p class="tags marks">')[1].split("</p>")[0]

    assert _text(marks) == "Sign-in blocked Guest synced from on-premises"


@pytest.mark.one_database
def test_history_leaves_out_drafts_and_what_succeeded(staff_client: Client, person: DirectoryUser) -> None:
    now = timezone.now()
    for status, state in (("draft", "failed"), ("done", "updated"), ("running", "in_flight")):
        change = LicenseChangeFactory.create(customer=person.customer, status=status)
        UserChangeFactory.create(change=change, user=person, state=state, finished_at=now)

    assert "Nothing has changed since this customer was first read." in _page(staff_client, person)


def test_manage_licenses_selects_this_user_alone(staff_client: Client, staff: StaffUser, person: DirectoryUser) -> None:
    selection = selections.get(staff, person.customer)
    selections.add(selection, [DirectoryUserFactory.create(customer=person.customer).pk])

    response = staff_client.post(_address(person))

    assert response.status_code == 303
    assert response["Location"] == f"/customers/{person.customer.tenant_id}/licenses/manage/"
    assert list(selections.users(selection)) == [person]
    page = staff_client.get(f"/customers/{person.customer.tenant_id}/users/").content.decode()
    assert "1 user who was selected before is set aside." in page
    place = f"/customers/{person.customer.tenant_id}/users/selected/"
    assert f'<a href="{place}">Restore the earlier selection</a>' in page
    selected = staff_client.get(place).content.decode()
    assert "User's page" in selected
    assert "1 user was selected before" in selected


@pytest.mark.parametrize("before", ["nobody", "the same user"])
@pytest.mark.one_database
def test_nothing_is_set_aside_when_nobody_else_was_selected(
    staff_client: Client, staff: StaffUser, person: DirectoryUser, before: str
) -> None:
    if before == "the same user":
        selections.add(selections.get(staff, person.customer), [person.pk])

    staff_client.post(_address(person))

    page = staff_client.get(f"/customers/{person.customer.tenant_id}/users/").content.decode()
    assert "set aside" not in page


@pytest.mark.one_database
def test_a_deleted_user_is_shown_without_a_way_to_license(staff_client: Client, person: DirectoryUser) -> None:
    DirectoryUser.objects.filter(pk=person.pk).update(deleted_at=timezone.now())

    page = _page(staff_client, person)

    assert "This user was deleted" in page
    assert "Manage licenses" not in page


def test_a_user_of_another_customer_does_not_exist_here(staff_client: Client, person: DirectoryUser) -> None:
    stranger: Customer = DirectoryUserFactory.create().customer

    for method in (staff_client.get, staff_client.post):
        response = method(f"/customers/{stranger.tenant_id}/users/{person.object_id}/")
        assert response.status_code == 404
        assert "山田" not in response.content.decode()
