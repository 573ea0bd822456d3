"""Stop while a large change is being planned: nothing of it is sent, and its users are not tried."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from customers import selection as selections
from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange, UserChange
from licenses.services import run, save
from licensing_portal.sandbox import Sandbox
from licensing_portal.staff.models import StaffUser
from tests.integration.saving import ALL, draft, sku, states, writes
from tests.integration.test_manage import JOINERS

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

Status = LicenseChange.Status


@pytest.fixture
def planning(story: Customer, staff: StaffUser, monkeypatch: pytest.MonkeyPatch) -> LicenseChange:
    """A save too large for its request, before its plan."""
    monkeypatch.setattr(save, "PLANNED_IN_REQUEST", 2)
    change = draft(staff, story, JOINERS, Wish(products={sku("SPE_E3"): ALL}), starts_itself=True)
    assert change.status == Status.PLANNING
    return change


@pytest.fixture
def stop(planning: LicenseChange, staff_client: Client) -> Callable[[], str]:
    """Press Stop; return the page that follows."""
    address = reverse("licenses:change-stop", args=[planning.pk])
    return lambda: staff_client.post(address, follow=True).content.decode()


def test_the_button_is_there(planning: LicenseChange, staff_client: Client) -> None:
    page = staff_client.get(reverse("licenses:change", args=[planning.pk])).content.decode()
    assert "Planning the change" in page
    assert 'id="stop"' in page


def test_stopped_before_its_plan_it_never_starts(
    planning: LicenseChange, stop: Callable[[], str], sandbox: Sandbox, story: Customer, staff: StaffUser
) -> None:
    page = stop()
    assert "Stopping" in page
    assert 'id="stop"' not in page
    sandbox.journal.clear()

    save.plan_stored(planning.pk)
    save.plan_stored(planning.pk)
    run.pump(str(planning.pk))

    planning.refresh_from_db()
    assert planning.status == Status.CANCELLED
    assert planning.finished_at is not None
    assert states(planning) == dict.fromkeys(JOINERS, UserChange.State.NOT_TRIED)
    assert writes(sandbox) == []
    # Nothing has moved into the change.
    assert selections.count(selections.get(staff, story)) == len(JOINERS)


def test_stopped_right_after_its_plan_it_ends_at_once(
    planning: LicenseChange, stop: Callable[[], str], sandbox: Sandbox
) -> None:
    save.plan_stored(planning.pk)
    stop()
    planning.refresh_from_db()
    assert planning.status == Status.CANCELLED
    assert states(planning) == dict.fromkeys(JOINERS, UserChange.State.NOT_TRIED)


def test_the_result_names_those_not_tried(
    planning: LicenseChange, stop: Callable[[], str], staff_client: Client
) -> None:
    stop()
    save.plan_stored(planning.pk)
    page = staff_client.get(reverse("licenses:change", args=[planning.pk])).content.decode()
    names = planning.user_changes.values_list("display_name", flat=True)
    assert len(names) == len(JOINERS)
    assert all(name in page for name in names)


def test_pressed_twice_it_keeps_the_first_moment(planning: LicenseChange, stop: Callable[[], str]) -> None:
    stop()
    planning.refresh_from_db()
    first = planning.cancel_requested_at
    stop()
    save.plan_stored(planning.pk)
    planning.refresh_from_db()
    assert planning.cancel_requested_at == first is not None
