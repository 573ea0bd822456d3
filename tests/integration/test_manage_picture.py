"""The picture a save is based on: what the form says of selection and time decides whether it may start itself."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer
from licenses.cause_words import cause_words
from licenses.core.planning import Cause
from licenses.models import LicenseChange, LicenseEvent
from licensing_portal.staff.models import StaffUser
from tests.integration.test_manage import JOINERS, form, post, product, select

pytestmark = pytest.mark.django_db

ABSENT = object()


def _ahead() -> str:
    return (timezone.now() + timedelta(seconds=30)).isoformat()


@pytest.mark.parametrize(
    ("field", "value", "cause"),
    [
        ("selection", ABSENT, Cause.SELECTION_CHANGED),
        ("selection", "", Cause.SELECTION_CHANGED),
        ("selection", "x", Cause.SELECTION_CHANGED),
        ("selection", "999", Cause.SELECTION_CHANGED),
        ("seen", ABSENT, Cause.DRIFT),
        ("seen", "", Cause.DRIFT),
        ("seen", "yesterday", Cause.DRIFT),
        ("seen", "2026-02-30T00:00:00Z", Cause.DRIFT),
        ("seen", "2026-01-01T09:00:00", Cause.DRIFT),
        ("seen", _ahead, Cause.DRIFT),
    ],
)
def test_a_form_without_its_picture_opens_review(
    field: str, value: object, cause: Cause, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS)
    data = form(staff, story, **{product("SPE_E3"): "all"})
    del data[field]
    if value is not ABSENT:
        data[field] = value() if callable(value) else str(value)

    summary = staff_client.post(reverse("licenses:manage-summary", args=[story.tenant_id]), data)
    post(staff_client, story, data)

    change = LicenseChange.objects.get()
    assert (change.status, change.causes) == (LicenseChange.Status.DRAFT, [cause.value])
    assert cause_words(cause) in summary.content.decode()


def test_a_page_of_a_clock_that_is_ahead_does_not_hide_what_changed(
    story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS)
    data = form(staff, story, **{product("SPE_E3"): "all", "seen": _ahead()})
    user = story.users.get(object_id=JOINERS[0])
    LicenseEvent.objects.create(
        customer=story, user=user, object_id=user.object_id, seen_at=timezone.now(), after={"usageLocation": "JP"}
    )

    post(staff_client, story, data)

    change = LicenseChange.objects.get()
    assert (change.status, change.causes) == (LicenseChange.Status.DRAFT, [Cause.DRIFT.value])
