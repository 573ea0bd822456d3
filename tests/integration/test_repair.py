"""Repairs on the page of a change: each button makes a draft that ends with the users updated."""

import html
import re
import uuid

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange, UserChange
from licenses.services import save
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.factories import StaffUserFactory
from tests.integration.saving import ALL, at_microsoft, pumped, saved, sku, states

pytestmark = pytest.mark.django_db

State = UserChange.State
MAILBOX = [user_id("mailbox", 1), user_id("mailbox", 2)]
NOWHERE, JOINER = user_id("joiner", 1), user_id("joiner", 2)


@pytest.fixture
def change(sandbox: Sandbox, story: Customer, staff: StaffUser) -> LicenseChange:
    """Exchange Plan 2 for two who have Plan 1, for one without location, and for one who gets it."""
    return saved(staff, story, [*MAILBOX, NOWHERE, JOINER], Wish(products={sku("EXCHANGEENTERPRISE"): ALL}))


def _address(change: LicenseChange) -> str:
    return reverse("licenses:change", args=[change.pk])


def _forms(client: Client, change: LicenseChange) -> dict[str, dict[str, str]]:
    """Return the repairs of the page: words of the button → what its form posts."""
    text = client.get(_address(change)).content.decode()
    found = {}
    for form in re.findall(r'<form method="post" class="repairs".*?</form>', text, re.S):
        hidden = dict(re.findall(r'<input type="hidden" name="(go|cause|key)" value="([^"]*)"', form))
        for code, words in re.findall(r'<button class="btn" name="repair" value="([^"]*)">(.*?)</button>', form, re.S):
            found[html.unescape(re.sub("<[^>]+>", "", words))] = hidden | {"repair": code}
    return found


def _mended(client: Client, change: LicenseChange, words: str, **more: str) -> LicenseChange:
    """Press a repair's button, save its Review and let it run."""
    answer: HttpResponse = client.post(_address(change), _forms(client, change)[words] | more)
    assert answer.status_code == 303
    draft = LicenseChange.objects.get(parent=change, status=LicenseChange.Status.DRAFT)
    assert answer["Location"].endswith(f"/licenses/review/?change={draft.pk}")
    return pumped(save.start(draft))


def test_each_cause_offers_what_can_help(change: LicenseChange, staff_client: Client) -> None:
    one, two = "Exchange Online (Plan 1)", "Exchange Online (Plan 2)"
    assert set(_forms(staff_client, change)) == {
        "Set location and retry",
        f"Switch off {one} in {one} and retry",
        f"Switch off {two} in {two} and retry",
        f"Unassign {one} and retry",
    }


def test_a_location_is_set_and_the_license_follows(
    change: LicenseChange, sandbox: Sandbox, story: Customer, staff_client: Client
) -> None:
    mended = _mended(staff_client, change, "Set location and retry", location="jp")
    assert states(mended) == {NOWHERE: State.UPDATED}
    assert mended.kind == LicenseChange.Kind.REPAIR
    user = at_microsoft(sandbox, story, NOWHERE)
    assert (user.location, sku("EXCHANGEENTERPRISE") in user.direct) == ("JP", True)


@pytest.mark.parametrize("location", ["", "XX", "Japan"])
def test_a_location_that_is_none_is_refused(change: LicenseChange, staff_client: Client, location: str) -> None:
    form = _forms(staff_client, change)["Set location and retry"]
    answer = staff_client.post(_address(change), form | {"location": location})
    assert answer.status_code == 422
    assert "This location is not known." in answer.content.decode()
    assert not LicenseChange.objects.filter(parent=change).exists()


def test_a_clashing_plan_is_switched_off(
    change: LicenseChange, sandbox: Sandbox, story: Customer, staff_client: Client
) -> None:
    words = "Switch off Exchange Online (Plan 1) in Exchange Online (Plan 1) and retry"
    mended = _mended(staff_client, change, words)
    assert states(mended) == dict.fromkeys(MAILBOX, State.UPDATED)
    for object_id in MAILBOX:
        direct = at_microsoft(sandbox, story, object_id).direct
        assert sku("EXCHANGEENTERPRISE") in direct
        assert len(direct[sku("EXCHANGESTANDARD")][0]) == 1


def test_the_other_product_is_given_up(
    change: LicenseChange, sandbox: Sandbox, story: Customer, staff_client: Client
) -> None:
    mended = _mended(staff_client, change, "Unassign Exchange Online (Plan 1) and retry")
    assert states(mended) == dict.fromkeys(MAILBOX, State.UPDATED)
    for object_id in MAILBOX:
        assert sku("EXCHANGESTANDARD") not in at_microsoft(sandbox, story, object_id).direct


def test_seats_that_were_missing_are_tried_again(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    e3 = tenant.skus[sku("SPE_E3")]
    more, e3.enabled = e3.enabled, e3.consumed
    change = saved(staff, story, [JOINER], Wish(products={sku("SPE_E3"): ALL}))
    assert states(change) == {JOINER: State.FAILED}
    e3.enabled = more
    assert states(_mended(staff_client, change, "Retry these users")) == {JOINER: State.UPDATED}


def test_pressed_twice_it_makes_one_draft(change: LicenseChange, staff_client: Client) -> None:
    form = _forms(staff_client, change)["Unassign Exchange Online (Plan 1) and retry"]
    places = {staff_client.post(_address(change), form)["Location"] for _ in range(2)}
    assert len(places) == 1
    assert LicenseChange.objects.filter(parent=change).count() == 1


@pytest.mark.parametrize("changes", [{"repair": "add:anything"}, {"repair": ""}, {"cause": "f" * 32}, {"cause": ""}])
def test_what_is_not_offered_is_refused(change: LicenseChange, staff_client: Client, changes: dict[str, str]) -> None:
    form = _forms(staff_client, change)["Unassign Exchange Online (Plan 1) and retry"]
    answer = staff_client.post(_address(change), form | changes)
    assert answer.status_code == 422
    assert "This repair is not known." in answer.content.decode()
    assert not LicenseChange.objects.filter(parent=change).exists()


def test_other_peoples_changes_have_no_repairs(change: LicenseChange, client: Client, staff_client: Client) -> None:
    form = _forms(staff_client, change)["Unassign Exchange Online (Plan 1) and retry"]
    assert client.post(_address(change), form)["Location"].startswith("/signin/")
    client.force_login(StaffUserFactory.create(roles=["HelpdeskAgent"]))
    assert client.post(_address(change), form | {"key": uuid.uuid4().hex}).status_code == 404
    assert not LicenseChange.objects.filter(parent=change).exists()
