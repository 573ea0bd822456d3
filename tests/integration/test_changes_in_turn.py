"""Several changes of one customer, and readings in between: each does what was asked, history tells whose it was."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from customers.models import Customer, DirectoryUser
from licenses.core.diff import Wish
from licenses.models import LicenseChange, LicenseEvent, UserChange
from licenses.services import claims, readback, run, save, send, stopping
from licenses.services.refresh import refresh_products, refresh_users
from licenses.services.states import load_catalog
from licenses.services.sync import refresh_customer
from licensing_portal.gateways.errors import Unavailable
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.catalog import plan_id
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from licensing_portal.wiring import directory_gateway
from tests.integration.saving import ALL, NONE, at_microsoft, draft, pumped, sku, states, writes

pytestmark = pytest.mark.django_db

State = UserChange.State
PEOPLE = [user_id("joiner", number) for number in range(2, 6)]
ONE = PEOPLE[:1]
PART = "POST /graph/v1.0/users/*/assignLicense"
TOKEN = "host:1:boot:1"


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every wait be over at once: the tests step the clock, not themselves."""
    monkeypatch.setattr(run.stopping, "wait", lambda seconds: False)
    monkeypatch.setattr(readback, "_PAUSES", (0.0, 0.0))


@pytest.fixture
def e3(story: Customer) -> str:
    return sku("SPE_E3")


def _begun(change: LicenseChange) -> list[UserChange]:
    """Claim a change's users as a worker does that has just taken the lane."""
    LicenseChange.objects.filter(pk=change.pk).update(
        status=LicenseChange.Status.RUNNING,
        started_at=timezone.now(),
        seats_before={row.product.sku_id: row.consumed for row in change.customer.entitlements.all()},
    )
    return claims.claim(change, 20, token=TOKEN)


def _sent(change: LicenseChange) -> None:
    """Send all users of a change and store the outcomes; the read-back is still to come."""
    rows = _begun(change)
    gateway = directory_gateway(change.customer.tenant_id)
    send.process(rows, gateway, load_catalog(change.customer), may_send=lambda rows: rows)
    claims.record(rows, token=TOKEN)


def test_a_second_plan_edit_keeps_the_first(sandbox: Sandbox, story: Customer, staff: StaffUser, e3: str) -> None:
    pumped(save.start(draft(staff, story, ONE, Wish(products={e3: ALL}))))
    sway, yammer = plan_id("SWAY"), plan_id("YAMMER_ENTERPRISE")
    first = save.start(draft(staff, story, ONE, Wish(plans={(e3, sway): NONE})))
    second = save.start(draft(staff, story, ONE, Wish(plans={(e3, yammer): NONE})))
    assert [pumped(change).status for change in (first, second)] == ["done", "done"]
    assert at_microsoft(sandbox, story, ONE[0]).direct[e3][0] == {sway, yammer}


def test_the_last_wish_counts_though_it_needed_no_call_when_it_was_saved(
    sandbox: Sandbox, story: Customer, staff: StaffUser, e3: str
) -> None:
    pumped(save.start(draft(staff, story, ONE, Wish(products={e3: ALL}))))
    first = save.start(draft(staff, story, ONE, Wish(products={e3: NONE})))
    second = save.start(draft(staff, story, ONE, Wish(products={e3: ALL})))
    assert second.status == LicenseChange.Status.QUEUED
    pumped(first)
    pumped(second)
    assert e3 in at_microsoft(sandbox, story, ONE[0]).direct
    assert states(second) == {ONE[0]: State.UPDATED}


def test_a_plan_that_left_the_product_is_not_sent(sandbox: Sandbox, story: Customer, staff: StaffUser, e3: str) -> None:
    pumped(save.start(draft(staff, story, ONE, Wish(products={e3: ALL}))))
    at_microsoft(sandbox, story, ONE[0]).direct[e3] = (frozenset({str(uuid.uuid4())}), 1.0)
    refresh_users(story, ONE)
    change = pumped(save.start(draft(staff, story, ONE, Wish(plans={(e3, plan_id("SWAY")): NONE}))))
    assert states(change) == {ONE[0]: State.UPDATED}
    assert at_microsoft(sandbox, story, ONE[0]).direct[e3][0] == {plan_id("SWAY")}


def test_what_a_colleague_changed_meanwhile_is_not_ours(
    sandbox: Sandbox, story: Customer, staff: StaffUser, e3: str
) -> None:
    change = save.start(draft(staff, story, ONE, Wish(products={e3: ALL})))
    at_microsoft(sandbox, story, ONE[0]).direct[sku("FLOW_FREE")] = (frozenset(), 1.0)
    pumped(change)
    assert LicenseEvent.objects.get(product__sku_id=sku("FLOW_FREE")).change is None
    assert LicenseEvent.objects.get(product__sku_id=e3).change == change


def test_what_happened_to_a_user_whom_microsoft_refused_is_not_ours(
    sandbox: Sandbox, story: Customer, staff: StaffUser, e3: str
) -> None:
    change = save.start(draft(staff, story, ONE, Wish(products={e3: ALL})))
    sandbox.faults.add({"match": PART, "status": 403})
    rows = _begun(change)
    send.process(rows, directory_gateway(story.tenant_id), load_catalog(story), may_send=lambda rows: rows)
    claims.record(rows, token=TOKEN)
    # A colleague gives the same product by hand.
    at_microsoft(sandbox, story, ONE[0]).direct[e3] = (frozenset(), 1.0)
    pumped(change)
    assert states(change) == {ONE[0]: State.FAILED}
    assert LicenseEvent.objects.get(product__sku_id=e3).change is None


@pytest.mark.parametrize("choice", [ALL, NONE])
def test_ours_is_ours_though_a_refresh_saw_it_first(story: Customer, staff: StaffUser, e3: str, choice: object) -> None:
    if choice == NONE:
        pumped(save.start(draft(staff, story, PEOPLE, Wish(products={e3: ALL}))))
        LicenseEvent.objects.all().delete()
    change = save.start(draft(staff, story, PEOPLE, Wish(products={e3: choice})))  # type: ignore[dict-item]
    _sent(change)
    story.refresh_from_db()
    refresh_customer(story)
    events = LicenseEvent.objects.filter(product__sku_id=e3)
    assert {event.change_id for event in events} == {change.pk}
    assert pumped(change).status == LicenseChange.Status.DONE
    assert events.count() == len(PEOPLE)


@pytest.mark.one_database
def test_a_location_of_ours_is_ours(story: Customer, staff: StaffUser, e3: str) -> None:
    nowhere = [user_id("joiner", 1)]
    change = save.start(draft(staff, story, nowhere, Wish(products={e3: ALL}, location="JP")))
    for _ in range(3):
        change.user_changes.update(not_before=None)
        pumped(change)
    assert states(change) == {nowhere[0]: State.UPDATED}
    assert {event.change_id for event in LicenseEvent.objects.all()} == {change.pk}


def test_seats_count_once_though_somebody_looked_meanwhile(
    sandbox: Sandbox, story: Customer, staff: StaffUser, e3: str
) -> None:
    owned = story.entitlements.get(product__sku_id=e3)
    before = owned.consumed
    change = save.start(draft(staff, story, PEOPLE, Wish(products={e3: ALL})))
    _sent(change)
    refresh_products(story)
    pumped(change)
    refresh_products(story)
    owned.refresh_from_db()
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    assert owned.consumed == tenant.skus[e3].consumed == before + len(PEOPLE)


def test_the_base_of_the_seats_is_taken_when_the_change_begins(
    sandbox: Sandbox, story: Customer, staff: StaffUser, e3: str
) -> None:
    change = save.start(draft(staff, story, PEOPLE, Wish(products={e3: ALL})))
    at_microsoft(sandbox, story, user_id("blocked", 1)).direct[e3] = (frozenset(), 1.0)
    story.entitlements.filter(product__sku_id=e3).update(consumed=500)
    pumped(change)
    assert story.entitlements.get(product__sku_id=e3).consumed == 500 + len(PEOPLE)


def test_nobody_is_changed_after_stop(sandbox: Sandbox, story: Customer, staff: StaffUser, e3: str) -> None:
    change = save.start(draft(staff, story, PEOPLE, Wish(products={e3: ALL})))
    sandbox.faults.add({"match": "POST /graph/v1.0/$batch", "status": 504})
    run.pump(str(change.pk), seconds=0.3)
    stopping.request_stop(change)
    sandbox.journal.clear()
    for _ in range(3):
        change.user_changes.update(not_before=None)
        pumped(change)
    assert writes(sandbox) == []
    assert set(states(change).values()) == {State.NOT_TRIED}
    assert change.status == LicenseChange.Status.CANCELLED


class _Unreadable:
    """A gateway whose reads fail; writing through it is a mistake."""

    tenant_id = ""

    def users_by_id(self, object_ids: object) -> object:
        raise Unavailable("GET /users", status=503)


def test_who_was_never_sent_does_not_become_uncertain(story: Customer, staff: StaffUser, e3: str) -> None:
    change = save.start(draft(staff, story, PEOPLE, Wish(products={e3: ALL})))
    one = change.user_changes.order_by("id")[0]
    UserChange.objects.filter(pk=one.pk).update(uncertain=True)
    for _ in range(send.MAX_ATTEMPTS):
        change.user_changes.update(not_before=None)
        rows = _begun(change)
        send.process(rows, _Unreadable(), load_catalog(story), may_send=lambda rows: rows)  # type: ignore[arg-type]
        claims.record(rows, token=TOKEN)
    others = change.user_changes.exclude(pk=one.pk)
    assert set(others.values_list("uncertain", "state")) == {(False, State.PENDING)}
    one.refresh_from_db()
    assert one.state == State.UNKNOWN


@pytest.mark.parametrize(
    ("facts", "may"),
    [
        ({}, True),
        ({"lease_owner": "host:2:boot:1"}, False),
        ({"lease_until": timezone.now() + timedelta(seconds=30)}, False),
        ({"state": State.PENDING}, False),
    ],
    ids=["ours", "taken over", "too late for a call", "given back"],
)
def test_only_what_is_still_held_is_sent(
    sandbox: Sandbox, story: Customer, staff: StaffUser, e3: str, facts: dict[str, object], may: bool
) -> None:
    rows = _begun(save.start(draft(staff, story, PEOPLE, Wish(products={e3: ALL}))))
    UserChange.objects.filter(pk__in=[row.pk for row in rows]).update(**facts)
    assert bool(claims.keep_held(rows, token=TOKEN)) is may


def test_a_newer_reading_survives_a_slow_read_back(
    sandbox: Sandbox, story: Customer, staff: StaffUser, e3: str
) -> None:
    odd, other = PEOPLE[:2]
    change = save.start(draft(staff, story, [odd, other], Wish(products={e3: ALL})))
    _sent(change)
    at_microsoft(sandbox, story, odd).direct.pop(e3)

    def sleep(_seconds: float) -> None:
        at_microsoft(sandbox, story, other).department = "Newer"
        refresh_users(story, [other])

    rows = list(change.user_changes.filter(pk__in=readback.unread(change)))
    readback.read_back(
        change,
        rows,
        directory_gateway(story.tenant_id),
        sleep=sleep,
    )
    assert DirectoryUser.objects.get(object_id=other).department == "Newer"
