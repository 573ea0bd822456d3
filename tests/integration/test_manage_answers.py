"""Manage licenses answers odd posts as the design says, and tells when users are being read again."""

import pytest
from django.test import Client
from django.urls import reverse

from customers import selection as selections
from customers.models import Customer
from licenses.models import LicenseChange
from licenses.services import refresh
from licensing_portal.sandbox import Sandbox
from licensing_portal.staff.models import StaffUser
from tests.factories import DirectoryUserFactory
from tests.integration.test_manage import JOINERS, form, page_of, post, product, select

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.mark.parametrize("part", [None, "SPE_E3"])
@pytest.mark.parametrize("key", ["", "k" * 32])
def test_a_post_for_nobody_leads_to_the_list(
    story: Customer, staff: StaffUser, staff_client: Client, part: str | None, key: str
) -> None:
    chosen = {product(part): "all"} if part else {}
    answer = staff_client.post(page_of(story), form(staff, story, **chosen) | {"key": key}, follow=True)

    assert answer.redirect_chain == [(reverse("customers:users", args=[story.tenant_id]), 303)]
    assert "Nobody is selected" in answer.content.decode()


@pytest.mark.parametrize(("go", "status"), [("boom", 422), ("SAVE", 422), ("", 422), ("save", 303), ("review", 303)])
def test_a_button_that_does_not_exist_is_refused(
    story: Customer, staff: StaffUser, staff_client: Client, go: str, status: int
) -> None:
    select(staff, story, JOINERS)
    answer = post(staff_client, story, form(staff, story, **{product("SPE_E3"): "all"}) | {"go": go})

    assert answer.status_code == status
    assert LicenseChange.objects.exists() is (status == 303)


@pytest.mark.parametrize("fields", [{"SPE_E3": "boom"}, {"location": "XX"}])
def test_the_summary_of_an_unknown_choice_is_refused(
    story: Customer, staff: StaffUser, staff_client: Client, fields: dict[str, str]
) -> None:
    select(staff, story, JOINERS)
    data = {name if name == "location" else product(name): value for name, value in fields.items()}
    answer = staff_client.post(reverse("licenses:manage-summary", args=[story.tenant_id]), form(staff, story, **data))

    assert answer.status_code == 422
    assert "is not known" in answer.content.decode()
    assert "hx-swap-oob" not in answer.content.decode()


@pytest.mark.parametrize(("number", "is_said"), [(300, False), (301, True)])
def test_many_users_are_being_read_again(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client, number: int, is_said: bool
) -> None:
    select(staff, story, [])
    selections.add(selections.get(staff, story), list(story.users.values_list("pk", flat=True)[:137]))
    # Those whom Microsoft does not know leave the selection when they are read.
    extra = DirectoryUserFactory.create_batch(number - 137, customer=story)
    selections.add(selections.get(staff, story), [user.pk for user in extra])

    page = staff_client.get(page_of(story)).content.decode()
    assert ("being read again" in page) is is_said


def test_the_selection_is_read_in_the_background(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    selection = selections.get(staff, story)
    away = DirectoryUserFactory.create(customer=story)
    some = story.users.exclude(pk=away.pk).order_by("pk")[0]
    selections.add(selection, [some.pk, away.pk])
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    tenant.users[some.object_id].name = "Renamed Elsewhere"

    refresh.refresh_selected(selection.pk)

    # Whom Microsoft does not know leaves the selection, and who was renamed is so here.
    assert [user.display_name for user in selections.users(selection)] == ["Renamed Elsewhere"]
    selection.delete()
    refresh.refresh_selected(selection.pk)


def test_no_refresh_is_promised_when_microsoft_is_away(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    extra = DirectoryUserFactory.create_batch(301, customer=story)
    selections.add(selections.get(staff, story), [user.pk for user in extra])
    sandbox.faults.add({"match": "* /graph/*", "status": 403, "times": 99})
    page = staff_client.get(page_of(story)).content.decode()

    assert "being read again" not in page
    assert "Microsoft did not answer" in page
