"""The one-time key of Manage licenses: one form makes one change, whatever else is posted with its key."""

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from licenses.models import LicenseChange
from licenses.services.sync import sync_customer
from licensing_portal.staff.models import StaffUser
from tests.factories import LicenseChangeFactory
from tests.integration.meanwhile import meanwhile
from tests.integration.test_manage import JOINERS, form, post, product, select

pytestmark = pytest.mark.django_db


def test_a_key_taken_by_another_form_at_the_same_time_is_a_conflict(
    story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS)
    data = form(staff, story, **{product("SPE_E3"): "all"})
    first = LicenseChangeFactory.build(staff=staff, customer=story, key=data["key"], content="of another form")

    # Behind the view's own look at the key, before the draft is stored.
    with meanwhile('AS "a" FROM "customers_directoryuser"', first.save):
        answer = post(staff_client, story, data)

    assert answer.status_code == 409
    assert reverse("licenses:change", args=[first.pk]) in answer.content.decode()
    assert LicenseChange.objects.get() == first


def test_a_key_of_another_customer_is_a_conflict_there(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    other = Customer.objects.exclude(pk=story.pk)[0]
    sync_customer(other)
    select(staff, story, JOINERS)
    select(staff, other, list(other.users.values_list("object_id", flat=True)[:1]))
    data = form(staff, story, location="JP") | {"selection": "1"}
    post(staff_client, story, data)
    first = LicenseChange.objects.get()

    answer = post(staff_client, other, data)

    assert answer.status_code == 409
    assert reverse("licenses:change", args=[first.pk]) in answer.content.decode()
    assert LicenseChange.objects.get() == first
