"""One user: facts, products by path, errors, history, and the way to their licences."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
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


def _text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


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


def test_facts_are_named(staff_client: Client, person: DirectoryUser) -> None:
    DirectoryUser.objects.filter(pk=person.pk).update(enabled=False, is_guest=True, on_premises=True, usage_location="")

    facts = _part(_page(staff_client, person), "fact-h")

    for words in ("Sign-in blocked", "Type Guest", "Usage location Not set", "Department 総務部", "Job title 主任"):
        assert words in facts
    assert "Source synced from on-premises" in facts


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


def test_a_group_that_is_not_known_is_named_by_its_id(staff_client: Client, person: DirectoryUser) -> None:
    assignment = AssignmentFactory.create(user=person, via="a" * 36)

    assert f"by group {assignment.via}" in _part(_page(staff_client, person), "prod-h")


@pytest.mark.parametrize(
    ("state", "error", "words", "holds"),
    [
        ("Error", "CountViolation", ": Not enough licenses", False),
        ("Error", "SomethingNew", ": SomethingNew", False),
        ("ActiveWithError", "DependencyViolation", ": Missing required plan", True),
        ("Disabled", "", "", False),
    ],
)
def test_a_path_in_error_is_said_first(
    staff_client: Client, person: DirectoryUser, state: str, error: str, words: str, holds: bool
) -> None:
    AssignmentFactory.create(user=person, product=ProductFactory.create(display_name="Visio"), state=state, error=error)

    page = _page(staff_client, person)

    message = _text(page.split('<div class="msg bad" role="note">')[1].split("</div></div>")[0])
    assert message.startswith(f"Visio{words}")
    assert ("This path holds nothing until its cause is gone." in message) is not holds
    assert "Error" in _part(page, "prod-h")


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
    lines = [_text(line) for line in page.split('<ol class="events">')[1].split("</ol>")[0].split("<li>")[1:]]

    assert [re.sub(r"^.*? JST ", "", line) for line in lines] == [
        "Microsoft 365 E3 assigned 佐藤 直樹 · INC-88",
        "Failed : &lt;i&gt;No seat&lt;/i&gt; 佐藤 直樹 · INC-88",
        "Usage location: – → JP outside this portal, seen by sync",
    ]
    assert f'href="/changes/{change.pk}/"' in page


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
def test_nothing_is_set_aside_when_nobody_else_was_selected(
    staff_client: Client, staff: StaffUser, person: DirectoryUser, before: str
) -> None:
    if before == "the same user":
        selections.add(selections.get(staff, person.customer), [person.pk])

    staff_client.post(_address(person))

    page = staff_client.get(f"/customers/{person.customer.tenant_id}/users/").content.decode()
    assert "set aside" not in page


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
