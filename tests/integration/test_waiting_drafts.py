"""A large draft waits for Review in the header of every page, until it is saved or discarded."""

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange
from licenses.services import drafts, save
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests.factories import StaffUserFactory
from tests.integration.saving import ALL, draft, sku

pytestmark = pytest.mark.django_db

WORDS = "1 change waits for your review"


@pytest.fixture
def large(story: Customer, staff: StaffUser) -> LicenseChange:
    people = list(story.users.values_list("object_id", flat=True))[:20]
    change = draft(staff, story, people, Wish(products={sku("FLOW_FREE"): ALL}))
    LicenseChange.objects.filter(pk=change.pk).update(total=2_000)
    return change


def _customers(client: Client) -> str:
    return str(client.get(reverse("customers:list")).content.decode())


def test_the_header_leads_to_it(large: LicenseChange, staff_client: Client) -> None:
    address = reverse("licenses:review", args=[large.customer.tenant_id]) + f"?change={large.pk}"
    text = _customers(staff_client)
    assert WORDS in text
    assert f'href="{address}"' in text
    assert "change running" not in text


def test_nobody_elses_header_shows_it(large: LicenseChange) -> None:
    other = Client()
    other.force_login(StaffUserFactory.create(roles=[Role.GLOBAL_ADMIN.value]))
    assert WORDS not in _customers(other)


def test_a_small_draft_does_not_wait_there(large: LicenseChange, staff_client: Client) -> None:
    LicenseChange.objects.filter(pk=large.pk).update(total=20)
    assert WORDS not in _customers(staff_client)


def test_once_saved_it_runs(large: LicenseChange, staff_client: Client) -> None:
    save.start(large)
    text = _customers(staff_client)
    assert WORDS not in text
    assert "1 change running" in text


def test_it_can_be_discarded(large: LicenseChange, staff_client: Client) -> None:
    address = reverse("licenses:review", args=[large.customer.tenant_id])
    answer = staff_client.post(address, {"change": large.pk, "go": "discard"}, follow=True)
    text = answer.content.decode()
    assert "The draft was discarded. Nothing was changed." in text
    assert WORDS not in text
    assert "<strong>20</strong> selected" in text
    assert not LicenseChange.objects.exists()


def test_nobody_else_can_discard_it(large: LicenseChange) -> None:
    other = Client()
    other.force_login(StaffUserFactory.create(roles=[Role.GLOBAL_ADMIN.value]))
    address = reverse("licenses:review", args=[large.customer.tenant_id])
    assert other.post(address, {"change": large.pk, "go": "discard"}).status_code == 404
    assert LicenseChange.objects.filter(pk=large.pk).exists()


def test_what_runs_cannot_be_discarded(large: LicenseChange, staff_client: Client) -> None:
    save.start(large)
    address = reverse("licenses:review", args=[large.customer.tenant_id])
    answer = staff_client.post(address, {"change": large.pk, "go": "discard"})
    assert answer["Location"] == reverse("licenses:change", args=[large.pk])
    assert LicenseChange.objects.filter(pk=large.pk).exists()


def test_a_draft_that_was_saved_meanwhile_is_not_discarded(large: LicenseChange) -> None:
    save.start(LicenseChange.objects.get(pk=large.pk))
    assert not drafts.discard(large)
    assert large.user_changes.count() == 20


@pytest.mark.parametrize("go", ["", "delete", "SAVE"])
def test_a_button_that_is_not_there_starts_nothing(large: LicenseChange, staff_client: Client, go: str) -> None:
    address = reverse("licenses:review", args=[large.customer.tenant_id])
    assert staff_client.post(address, {"change": large.pk, "go": go}).status_code == 422
    large.refresh_from_db()
    assert large.status == LicenseChange.Status.DRAFT
