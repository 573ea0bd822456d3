"""The page of a running change: what is being done, how far it is, and a time that agrees with Manage and Review."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer
from licenses.models import LicenseChange, Throttle, UserChange, WorkerBeat
from licenses.services.budget import Budget
from licensing_portal.staff.models import StaffUser
from tests.factories import (
    CustomerFactory,
    CustomerGrantFactory,
    LicenseChangeFactory,
    StaffUserFactory,
    UserChangeFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

Status, State = LicenseChange.Status, UserChange.State


@pytest.fixture(autouse=True)
def limits(settings: Any) -> None:
    settings.WRITES_PER_SECOND, settings.WRITE_BURST = 10, 20


@pytest.fixture
def customer(staff: StaffUser) -> Customer:
    grant = CustomerGrantFactory.create(staff=staff, customer=CustomerFactory.create(name="Fabrikam"))
    return grant.customer  # type: ignore[no-any-return]


def change_of(
    customer: Customer, staff: StaffUser, status: str, states: dict[str, int], attempts: int = 0, **extra: Any
) -> LicenseChange:
    """Make a change whose users are in these states."""
    now = timezone.now()
    times = {"queued_at": now, "started_at": now} if status != Status.PLANNING else {}
    change = LicenseChangeFactory.create(
        customer=customer, staff=staff, status=status, total=sum(states.values()), **times, **extra
    )
    for state, number in states.items():
        ended = None if state in UserChange.OPEN else now
        UserChangeFactory.create_batch(
            number,
            change=change,
            state=state,
            finished_at=ended,
            attempts=attempts,
            add=[{"skuId": "s", "disabledPlans": []}],
        )
    return change  # type: ignore[no-any-return]


def spend(customer: Customer) -> None:
    """Take the whole burst out of the customer's budget."""
    Budget.of(customer.tenant_id)
    Throttle.objects.filter(key=customer.tenant_id).update(tokens=0, at=timezone.now().timestamp() + 60)


def page(client: Client, change: LicenseChange) -> str:
    return client.get(reverse("licenses:change", args=[change.pk])).content.decode()


def label(text: str) -> str:
    found = re.search(r'<label for="bar">(.*?)</label>', text)
    assert found is not None
    return found[1]


def test_planning_claims_no_progress(customer: Customer, staff: StaffUser, staff_client: Client) -> None:
    change = change_of(customer, staff, Status.PLANNING, {})
    LicenseChange.objects.filter(pk=change.pk).update(total=2_000)
    text = page(staff_client, change)

    assert label(text) == "Planning the change for 2,000 users"
    assert "100 %" not in text
    assert '<progress id="bar"></progress>' in text
    assert 'class="card stats"' not in text
    assert "<title>Planning · Licenses updated" in text


def test_saving_says_how_many_are_done(customer: Customer, staff: StaffUser, staff_client: Client) -> None:
    change = change_of(customer, staff, Status.RUNNING, {State.UPDATED: 3, State.PENDING: 1})
    text = page(staff_client, change)

    assert label(text) == "Saving: 3 of 4 users"
    assert "<strong>75 %</strong>" in text
    assert "<title>75 % Licenses updated" in text
    assert 'id="stop"' in text


@pytest.mark.parametrize("cancelled", [False, True])
def test_reading_back_is_said(customer: Customer, staff: StaffUser, staff_client: Client, cancelled: bool) -> None:
    asked = {"cancel_requested_at": timezone.now()} if cancelled else {}
    status = Status.CANCELLING if cancelled else Status.RUNNING
    change = change_of(customer, staff, status, {State.UPDATED: 4}, **asked)
    first = change.user_changes.first()
    assert first is not None
    first.after = {"paths": []}
    first.save()
    text = page(staff_client, change)

    assert label(text) == "Reading back from Microsoft: 1 of 4 users"
    assert "<strong>25 %</strong>" in text
    assert "100 %" not in text
    assert "<title>Reading back · Licenses updated" in text
    assert "After Stop" not in text


def test_stopping_says_whom_it_waits_for(customer: Customer, staff: StaffUser, staff_client: Client) -> None:
    states = {State.UPDATED: 4, State.IN_FLIGHT: 2}
    change = change_of(customer, staff, Status.CANCELLING, states, cancel_requested_at=timezone.now())
    text = page(staff_client, change)

    assert label(text) == "Stopping: 2 users are still at Microsoft"
    assert '<progress id="bar"></progress>' in text
    assert 'id="stop"' not in text


def test_who_waits_is_told_for_whom(customer: Customer, staff: StaffUser, staff_client: Client) -> None:
    first = change_of(customer, StaffUserFactory.create(display_name="Aiko"), Status.RUNNING, {State.PENDING: 3})
    change = change_of(customer, staff, Status.QUEUED, {State.PENDING: 1})
    text = page(staff_client, change)

    assert label(text) == "Waiting for 1 earlier change of this customer"
    assert re.search(rf'<li><a href="/changes/{first.pk}/">[^<]+</a> · <bdi>Aiko</bdi> · 3 users · Running</li>', text)


def test_a_change_that_nobody_works_on_is_called_stored(
    customer: Customer, staff: StaffUser, staff_client: Client
) -> None:
    change = change_of(customer, staff, Status.RUNNING, {State.PENDING: 1})
    assert "No worker is running. Your change is stored" in page(staff_client, change)
    beat = WorkerBeat.objects.create(worker_id="a", host="a", at=timezone.now() - timedelta(minutes=2))
    assert re.search(r"No worker has reported since \d\d:\d\d \w+. Your change is stored", page(staff_client, change))
    WorkerBeat.objects.filter(pk=beat.pk).update(at=timezone.now())
    assert "No worker" not in page(staff_client, change)


def test_the_answer_brings_the_title(customer: Customer, staff: StaffUser, staff_client: Client) -> None:
    change = change_of(customer, staff, Status.RUNNING, {State.UPDATED: 1, State.PENDING: 1})
    progress = reverse("licenses:change-progress", args=[change.pk])
    text = staff_client.get(progress, headers={"HX-Request": "true"}).content.decode()
    whole = re.search("<title>.*?</title>", page(staff_client, change))

    assert whole is not None
    assert whole[0] in text


@pytest.mark.parametrize(("said", "announced"), [("50", False), ("25", True)])
def test_quarters_are_said_aloud_once(
    customer: Customer, staff: StaffUser, staff_client: Client, said: str, announced: bool
) -> None:
    change = change_of(customer, staff, Status.RUNNING, {State.UPDATED: 5, State.PENDING: 4})
    progress = reverse("licenses:change-progress", args=[change.pk])
    text = staff_client.get(f"{progress}?said={said}", headers={"HX-Request": "true"}).content.decode()

    assert ('id="live"' in text) is announced
    assert ("50 % done" in text) is announced


def test_the_time_left_is_that_of_the_limit_once_the_burst_is_spent(
    customer: Customer, staff: StaffUser, staff_client: Client
) -> None:
    spend(customer)
    change = change_of(customer, staff, Status.RUNNING, {State.UPDATED: 15, State.PENDING: 30}, attempts=1)
    LicenseChange.objects.filter(pk=change.pk).update(started_at=timezone.now() - timedelta(seconds=1))
    text = page(staff_client, change).replace("&#x27;", "'")

    assert re.search(r"<span>1\d users a second</span>", text)
    assert "about 3 s left at Microsoft's limit" in text


def test_who_needs_a_location_first_counts_twice(customer: Customer, staff: StaffUser, staff_client: Client) -> None:
    spend(customer)
    change = change_of(customer, staff, Status.RUNNING, {State.PENDING: 30})
    change.user_changes.update(step=UserChange.Step.LOCATION, location="JP")

    assert "about 6 s left" in page(staff_client, change)


def test_review_reckons_as_manage_does(customer: Customer, staff: StaffUser, staff_client: Client) -> None:
    change = change_of(customer, staff, Status.DRAFT, {State.PENDING: 120})
    review = staff_client.get(reverse("licenses:review", args=[customer.tenant_id]), {"change": str(change.pk)})
    # 120 users, 20 of them at once, then 10 a second.
    assert "120 users will be changed · about 10 s at Microsoft" in review.content.decode()


def header(text: str) -> str:
    """Return the words of the header's entry, and its share."""
    found = re.search(r'<span id="running".*?</a></span>', text, re.DOTALL)
    assert found is not None
    return " ".join(re.sub("<[^>]*>", " ", found[0]).split())


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([{State.UPDATED: 1, State.PENDING: 2}], "1 change running 33 %"),
        # All are saved, none is read back yet: it is not over.
        ([{State.UPDATED: 3}], "1 change running 99 %"),
        ([{State.UPDATED: 1}, {State.PENDING: 3}], "2 changes running 25 %"),
        ([{}], "1 change running 0 %"),
    ],
)
def test_the_header_says_how_far_the_changes_are(
    customer: Customer, staff: StaffUser, staff_client: Client, states: list[dict[str, int]], words: str
) -> None:
    for number, some in enumerate(states):
        change_of(customer, staff, Status.QUEUED if number or not some else Status.RUNNING, some)

    text = staff_client.get(reverse("customers:list")).content.decode()
    assert header(text) == words
    assert f'<progress value="{words.split()[-2]}" max="100"' in text


def test_a_planned_change_has_not_begun(customer: Customer, staff: StaffUser, staff_client: Client) -> None:
    change = change_of(customer, staff, Status.PLANNING, {})
    LicenseChange.objects.filter(pk=change.pk).update(total=2_000)
    assert header(staff_client.get(reverse("customers:list")).content.decode()) == "1 change running 0 %"


def test_only_who_was_sent_counts_in_the_time(customer: Customer, staff: StaffUser, staff_client: Client) -> None:
    change = change_of(customer, staff, Status.CANCELLED, {State.UPDATED: 3, State.FAILED: 1, State.NOT_TRIED: 40})
    LicenseChange.objects.filter(pk=change.pk).update(finished_at=timezone.now() + timedelta(seconds=3))
    # Two went to Microsoft, one more had the location set when it stopped; the rest never left.
    sent = change.user_changes.filter(state=State.UPDATED)[:2]
    change.user_changes.filter(pk__in=[row.pk for row in sent]).update(attempts=1)
    located = change.user_changes.filter(state=State.NOT_TRIED)[:1]
    change.user_changes.filter(pk__in=[row.pk for row in located]).update(location="JP")

    assert re.search(r"3 users in \d\.\d s, read back from Microsoft", page(staff_client, change))


def test_a_change_that_sent_nobody_claims_no_time(customer: Customer, staff: StaffUser, staff_client: Client) -> None:
    change = change_of(customer, staff, Status.DONE, {State.UPDATED: 3}, finished_at=timezone.now())
    assert "read back from Microsoft" not in page(staff_client, change)
