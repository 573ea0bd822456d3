"""Refusals that no rule foresaw: remembered per customer, shown as a warning, forgotten when the same succeeds."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers import selection as selections
from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange, RefusalSeen
from licenses.services import refusals, run, save
from licenses.services.refresh import refresh_products
from licensing_portal.sandbox import Sandbox, catalog
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.integration.saving import ALL, NONE, draft, pks, row, saved, sku, states

pytestmark = pytest.mark.django_db

JOINERS = [user_id("joiner", number) for number in range(2, 8)]
PART = "POST /graph/v1.0/users/*/assignLicense"
PRO, BASIC = "Microsoft_Teams_Rooms_Pro", "Microsoft_Teams_Rooms_Basic"
SWAY, FORMS = catalog.plan_id("SWAY"), catalog.plan_id("FORMS_PLAN_E3")
CLASH = f"License assignment failed because service plans {SWAY},{FORMS} are mutually exclusive"


@pytest.fixture
def rooms(sandbox: Sandbox, story: Customer, staff: StaffUser) -> Customer:
    """The story's customer owns both products for rooms; the first two joiners have the better one."""
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    for part in (PRO, BASIC):
        tenant.skus[catalog.sku_id(part)] = catalog.sku(part, part, enabled=10)
    refresh_products(story)
    assert set(states(saved(staff, story, JOINERS[:2], Wish(products={sku(PRO): ALL}))).values()) == {"updated"}
    return story


def _refused(sandbox: Sandbox, message: str, *, times: int = 1, skip: int = 0) -> None:
    body = {"error": {"code": "Request_BadRequest", "message": message}}
    sandbox.faults.add({"match": PART, "status": 400, "body": body, "times": times, "skip": skip})


def _cautions(change: LicenseChange, object_id: str) -> list[dict[str, object]]:
    return [caution for caution in row(change, object_id).cautions if caution.get("seen")]


def test_products_that_no_rule_keeps_apart_are_remembered_when_microsoft_does(
    rooms: Customer, staff: StaffUser
) -> None:
    wish = Wish(products={sku(BASIC): ALL})
    failed = saved(staff, rooms, JOINERS[:1], wish)
    assert (row(failed, JOINERS[0]).failure_kind, row(failed, JOINERS[0]).cautions) == ("exclusive", [])
    seen = RefusalSeen.objects.get()
    assert (seen.customer, seen.kind, seen.number, len(seen.combination["on"])) == (rooms, "exclusive", 1, 2)
    # The next one has the same plans, and the third has not.
    planned = draft(staff, rooms, JOINERS[1:3], wish)
    (caution,) = _cautions(planned, JOINERS[1])
    assert (caution["kind"], caution["plans"]) == ("exclusive", seen.plans)
    assert _cautions(planned, JOINERS[2]) == []


def test_it_is_counted_on_and_keeps_its_first_time(rooms: Customer, staff: StaffUser) -> None:
    wish = Wish(products={sku(BASIC): ALL})
    saved(staff, rooms, JOINERS[:1], wish)
    RefusalSeen.objects.update(
        first_seen=timezone.now() - timedelta(days=3), last_seen=timezone.now() - timedelta(days=3)
    )
    saved(staff, rooms, JOINERS[:2], wish)
    seen = RefusalSeen.objects.get()
    assert (seen.number, seen.last_seen - seen.first_seen > timedelta(days=2)) == (3, True)


def test_review_and_the_live_summary_warn_with_the_day(rooms: Customer, staff: StaffUser, staff_client: Client) -> None:
    wish = Wish(products={sku(BASIC): ALL})
    saved(staff, rooms, JOINERS[:1], wish)
    planned = draft(staff, rooms, JOINERS[1:2], wish)
    address = reverse("licenses:review", args=[rooms.tenant_id]) + f"?change={planned.pk}"
    text = re.sub("<[^>]+>", "", staff_client.get(address).content.decode())
    today = timezone.localtime()
    assert f"Microsoft refused this here before ({today.day} {today:%b %Y})" in text
    assert "Conflicting service plans: " in text
    selection = selections.get(staff, rooms)
    form = {"selection": str(selection.counter), "seen": timezone.now().isoformat(), f"product-{sku(BASIC)}": "all"}
    place = reverse("licenses:manage-summary", args=[rooms.tenant_id])
    summary = staff_client.post(place, form).content.decode()
    assert "Microsoft refused this here before" in summary
    staff_client.cookies["django_language"] = "ja"
    japanese = staff_client.post(place, form).content.decode()
    assert f"以前 Microsoft に拒否されています ({today:%Y/%m/%d})" in japanese


def test_a_clash_that_the_rules_foresee_needs_no_memory(story: Customer, staff: StaffUser) -> None:
    change = saved(staff, story, [user_id("mailbox", 1)], Wish(products={sku("EXCHANGEENTERPRISE"): ALL}))
    assert row(change, user_id("mailbox", 1)).failure_kind == "exclusive"
    assert not RefusalSeen.objects.exists()


def test_it_is_forgotten_when_the_same_succeeds(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    wish = Wish(products={sku("SPE_E3"): ALL})
    _refused(sandbox, CLASH)
    saved(staff, story, JOINERS[:1], wish)
    assert RefusalSeen.objects.get().combination["on"] == sorted([SWAY, FORMS])
    # Without one of the plans it is another combination.
    saved(staff, story, JOINERS[1:2], Wish(products=wish.products, plans={(sku("SPE_E3"), SWAY): NONE}))
    assert RefusalSeen.objects.exists()
    saved(staff, story, JOINERS[2:3], wish)
    assert not RefusalSeen.objects.exists()


def test_what_hits_one_user_while_others_succeed_is_no_property_of_the_combination(
    sandbox: Sandbox, story: Customer, staff: StaffUser
) -> None:
    _refused(sandbox, "This user is odd.", skip=2)
    change = saved(staff, story, JOINERS, Wish(products={sku("SPE_E3"): ALL}))
    assert sorted(states(change).values()) == ["failed"] + ["updated"] * 5
    assert not RefusalSeen.objects.exists()


def test_words_that_nobody_knows_are_shown_the_next_time(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    _refused(sandbox, "このライセンスは割り当てられません。", times=2)
    wish = Wish(products={sku("SPE_E3"): ALL})
    saved(staff, story, JOINERS[:2], wish)
    assert RefusalSeen.objects.get().number == 2
    planned = draft(staff, story, JOINERS[2:3], wish)
    (caution,) = _cautions(planned, JOINERS[2])
    assert (caution["kind"], caution["skus"], caution["words"]) == (
        "unknown",
        [sku("SPE_E3")],
        "このライセンスは割り当てられません。",
    )
    assert _cautions(draft(staff, story, JOINERS[3:4], Wish(products={sku("POWER_BI_PRO"): ALL})), JOINERS[3]) == []


@pytest.mark.parametrize(
    "message",
    [
        "User does not have a corresponding license.",
        "Another object with the same value for property proxyAddresses already exists.",
        "License assignment cannot be done for user with invalid usage location.",
    ],
)
def test_what_concerns_one_user_is_not_remembered(
    sandbox: Sandbox, story: Customer, staff: StaffUser, message: str
) -> None:
    _refused(sandbox, message, times=9)
    saved(staff, story, JOINERS[:1], Wish(products={sku("SPE_E3"): ALL}))
    assert not RefusalSeen.objects.exists()


def test_a_location_that_refuses_warns_only_there(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    e3 = sku("SPE_E3")
    _refused(sandbox, f"SKU {e3} is prohibited: ProhibitedInUsageLocationViolation")
    saved(staff, story, JOINERS[:1], Wish(products={e3: ALL}))
    story.users.filter(object_id=JOINERS[2]).update(usage_location="US")
    planned = draft(staff, story, JOINERS[1:3], Wish(products={e3: ALL}))
    assert (len(_cautions(planned, JOINERS[1])), len(_cautions(planned, JOINERS[2]))) == (1, 0)


def test_another_customer_is_not_warned(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    _refused(sandbox, CLASH)
    saved(staff, story, JOINERS[:1], Wish(products={sku("SPE_E3"): ALL}))
    other = Customer.objects.exclude(pk=story.pk).first()
    assert other is not None
    assert (len(refusals.known_of(story)), refusals.known_of(other)) == (1, ())
    # Nor does a success of another customer forget it.
    RefusalSeen.objects.update(customer=other)
    saved(staff, story, JOINERS[1:2], Wish(products={sku("SPE_E3"): ALL}))
    assert RefusalSeen.objects.filter(customer=other).exists()
    assert save.preview(story, Wish(products={sku("SPE_E3"): ALL}), pks(story, JOINERS[2:3])).users[0].cautions == ()


def test_a_change_that_ends_twice_counts_once(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    _refused(sandbox, CLASH)
    change = saved(staff, story, JOINERS[:1], Wish(products={sku("SPE_E3"): ALL}))
    run._finish(change)
    assert RefusalSeen.objects.get().number == 1


def test_a_kind_that_this_version_does_not_know_is_passed_over(rooms: Customer, staff: StaffUser) -> None:
    wish = Wish(products={sku(BASIC): ALL})
    saved(staff, rooms, JOINERS[:1], wish)
    RefusalSeen.objects.update(kind="of another version")
    assert refusals.known_of(rooms) == ()
    assert _cautions(draft(staff, rooms, JOINERS[1:2], wish), JOINERS[1]) == []


def test_what_planning_does_not_look_at_any_more_is_gone(rooms: Customer, staff: StaffUser) -> None:
    now = timezone.now()
    RefusalSeen.objects.bulk_create(
        RefusalSeen(customer=rooms, key=str(number), kind="exclusive", first_seen=now, last_seen=now)
        for number in range(250)
    )
    saved(staff, rooms, JOINERS[:1], Wish(products={sku(BASIC): ALL}))
    assert RefusalSeen.objects.count() == 200
    assert RefusalSeen.objects.filter(number=1).exists()
