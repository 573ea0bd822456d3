"""Review of a swap: what people had off is named, can be switched on, and off again."""

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange
from licenses.services import save
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.integration.saving import ALL, NONE, at_microsoft, draft, pumped, sku
from tests.integration.test_manage import form, select

pytestmark = pytest.mark.django_db

SALES = [user_id("sales", number) for number in range(1, 15)]


@pytest.fixture
def swap(story: Customer, staff: StaffUser) -> LicenseChange:
    """E1 for E3 for all of 営業部, some of whom have Teams off."""
    return draft(staff, story, SALES, Wish(products={sku("SPE_E3"): ALL, sku("STANDARDPACK"): NONE}))


def _review(client: Client, change: LicenseChange, go: str = "") -> str:
    address = reverse("licenses:review", args=[change.customer.tenant_id])
    if go:
        client.post(address, {"change": change.pk, "key": "k" * 8, "go": go})
    return str(client.get(f"{address}?change={change.pk}").content.decode())


def _without_teams(sandbox: Sandbox, story: Customer, part: str) -> int:
    return sum(bool(at_microsoft(sandbox, story, one).direct.get(sku(part), ((), 0))[0]) for one in SALES)


def test_what_is_kept_off_is_named_with_its_users(
    swap: LicenseChange, sandbox: Sandbox, story: Customer, staff_client: Client
) -> None:
    number = _without_teams(sandbox, story, "STANDARDPACK")
    assert number > 0
    assert f"Teams in Microsoft 365 E3: {number} user" in _review(staff_client, swap)
    pumped(save.start(swap))
    assert _without_teams(sandbox, story, "SPE_E3") == number


def test_all_of_it_can_be_switched_on_and_off_again(
    swap: LicenseChange, sandbox: Sandbox, story: Customer, staff_client: Client
) -> None:
    text = _review(staff_client, swap, "switch-on")
    assert "Kept off, as it was before" not in text
    assert "Keep off what was off" in text
    assert "Kept off, as it was before" in _review(staff_client, swap, "keep-off")
    _review(staff_client, swap, "switch-on")
    swap.refresh_from_db()
    pumped(save.start(swap))
    assert _without_teams(sandbox, story, "SPE_E3") == 0


def test_the_choice_survives_the_way_back_to_the_form(swap: LicenseChange, staff_client: Client) -> None:
    _review(staff_client, swap, "switch-on")
    address = reverse("licenses:manage", args=[swap.customer.tenant_id])
    text = staff_client.get(f"{address}?change={swap.pk}").content.decode()
    assert '<input type="hidden" name="carry_over" value="off">' in text


def test_the_summary_says_what_is_kept_off(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, story, SALES)
    boxes = {f"product-{sku('SPE_E3')}": "all", f"product-{sku('STANDARDPACK')}": "none"}
    address = reverse("licenses:manage-summary", args=[story.tenant_id])
    text = staff_client.post(address, form(staff, story, **boxes)).content.decode()
    assert "kept off as before: Teams, " in text


def test_a_started_change_is_not_planned_again(swap: LicenseChange, staff_client: Client) -> None:
    save.start(swap)
    before = list(swap.user_changes.values_list("pk", flat=True))
    _review(staff_client, swap, "switch-on")
    assert list(swap.user_changes.values_list("pk", flat=True)) == before


def test_a_large_draft_is_planned_again_by_a_worker(
    swap: LicenseChange, staff_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(save, "PLANNED_IN_REQUEST", 5)
    _review(staff_client, swap, "switch-on")
    swap.refresh_from_db()
    assert (swap.status, swap.user_changes.count()) == (LicenseChange.Status.PLANNING, 0)
    save.plan_stored(swap.pk)
    swap.refresh_from_db()
    assert (swap.status, swap.kept_off) == (LicenseChange.Status.DRAFT, [])
