"""The save: what reaches Microsoft is the wish, and what the rows say is true."""

import pytest

from customers import selection as selections
from customers.models import Customer
from licenses.core.diff import Wish
from licenses.core.planning import Cause
from licenses.models import Entitlement, LicenseChange, LicenseEvent, UserChange
from licenses.services import readback, run, save, stopping
from licenses.services.claims import claim
from licenses.services.keys import KeyReused, content_digest
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import EVERYBODY, user_id
from licensing_portal.staff.models import StaffUser
from tests.integration.saving import (
    ALL,
    NONE,
    at_microsoft,
    draft,
    pks,
    pumped,
    row,
    saved,
    sku,
    states,
    writes,
)

pytestmark = pytest.mark.django_db

SALES = [user_id("sales", number) for number in range(1, 15)]
JOINERS = [user_id("joiner", number) for number in range(1, 13)]


def _directs(sandbox: Sandbox, customer: Customer) -> dict[str, dict[str, frozenset[str]]]:
    tenant = sandbox.tenant(customer.tenant_id)
    assert tenant is not None
    return {user.user_id: {key: off for key, (off, _) in user.direct.items()} for user in tenant.users.values()}


def test_the_sandbox_afterwards_is_the_wish_and_nobody_else_changed(
    sandbox: Sandbox, story: Customer, staff: StaffUser
) -> None:
    before = _directs(sandbox, story)
    change = saved(staff, story, SALES, Wish(products={sku("SPE_E3"): ALL, sku("STANDARDPACK"): NONE}))
    after = _directs(sandbox, story)
    assert change.status == LicenseChange.Status.DONE
    assert set(states(change).values()) == {UserChange.State.UPDATED}
    for object_id in SALES:
        expected = {key: off for key, off in before[object_id].items() if key != sku("STANDARDPACK")}
        # What somebody had off in the old product is off in the new one: Teams is the same plan in both.
        assert after[object_id] == {**expected, sku("SPE_E3"): before[object_id][sku("STANDARDPACK")]}
    others = before.keys() - set(SALES)
    assert {key: after[key] for key in others} == {key: before[key] for key in others}


def test_only_those_who_lack_it_are_called_in_batches_of_20(
    sandbox: Sandbox, story: Customer, staff: StaffUser
) -> None:
    holders = [user_id("member", number) for number in range(1, 40)]
    sandbox.journal.clear()
    change = saved(staff, story, [*holders, *JOINERS[1:]], Wish(products={sku("SPE_E3"): ALL}))
    assert set(states(change).values()) == {UserChange.State.UPDATED}
    assert {call["user"] for call in writes(sandbox)} == set(JOINERS[1:])
    # One batch of writes and one read-back of all users.
    assert sandbox.journal.show()["counts"]["POST /graph/v1.0/$batch"] == 2


def test_no_location_and_too_few_seats_fail_without_a_call(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    people = [user_id("wants-e5", number) for number in range(1, 11)]
    sandbox.journal.clear()
    change = saved(staff, story, [JOINERS[0], *people], Wish(products={sku("SPE_E5"): ALL}))
    assert row(change, JOINERS[0]).failure_kind == "no_location"
    kinds = [row(change, object_id).failure_kind for object_id in people]
    assert kinds == [""] * 7 + ["no_seat"] * 3
    called = {call["user"] for call in writes(sandbox)}
    assert called == set(people[:7])
    assert at_microsoft(sandbox, story, people[6]).direct.keys() >= {sku("SPE_E5")}


def test_a_clashing_pair_ends_as_microsoft_answers(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    people = [user_id("mailbox", 1), user_id("joiner", 2)]
    change = saved(staff, story, people, Wish(products={sku("EXCHANGEENTERPRISE"): ALL}))
    failed = row(change, people[0])
    assert (failed.state, failed.failure_kind, failed.status) == (UserChange.State.FAILED, "exclusive", 400)
    assert "are mutually exclusive" in failed.message
    assert failed.request_id
    assert [caution["kind"] for caution in failed.cautions] == ["exclusive"]
    assert failed.after is not None
    assert row(change, people[1]).state == UserChange.State.UPDATED


def test_an_inherited_licence_is_kept_by_its_group(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    both, by_group = user_id("member", 1), user_id("member", 50)
    sandbox.journal.clear()
    change = saved(staff, story, [both, by_group], Wish(products={sku("SPE_E3"): NONE}))
    assert set(states(change).values()) == {UserChange.State.UPDATED}
    assert [call["user"] for call in writes(sandbox)] == [both]
    assert row(change, by_group).kept == [{"skuId": sku("SPE_E3"), "planId": None, "groups": [EVERYBODY]}]
    assert sku("SPE_E3") not in at_microsoft(sandbox, story, both).direct


@pytest.mark.one_database
def test_a_location_is_set_before_the_licences(
    sandbox: Sandbox, story: Customer, staff: StaffUser, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.journal.clear()
    change = saved(staff, story, [JOINERS[0]], Wish(products={sku("SPE_E3"): ALL}, location="JP"))
    assert row(change, JOINERS[0]).state == UserChange.State.UPDATED
    user = at_microsoft(sandbox, story, JOINERS[0])
    assert (user.location, set(user.direct)) == ("JP", {sku("SPE_E3")})
    first, second = writes(sandbox)
    assert (first["method"], second["method"]) == ("PATCH", "POST")
    assert second["at"] - first["at"] >= 2  # type: ignore[operator]


def test_the_page_shows_what_was_read_back(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    change = saved(staff, story, JOINERS[1:3], Wish(products={sku("SPE_E3"): ALL}))
    one = row(change, JOINERS[1])
    assert one.verified
    assert one.after is not None
    assert [path["skuId"] for path in one.after["paths"]] == [sku("SPE_E3")]
    events = LicenseEvent.objects.filter(object_id=JOINERS[1])
    assert [(event.change_id, event.before) for event in events] == [(change.pk, None)]


def test_our_own_count_of_seats_moves_at_once(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    before = Entitlement.objects.get(customer=story, product__part_number="SPE_E3").consumed
    saved(staff, story, JOINERS[1:5], Wish(products={sku("SPE_E3"): ALL}))
    entitlement = Entitlement.objects.get(customer=story, product__part_number="SPE_E3")
    assert entitlement.consumed == before + 4
    assert entitlement.settling_until is not None


def test_the_save_empties_the_selection(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    saved(staff, story, JOINERS[1:5], Wish(products={sku("SPE_E3"): ALL}))
    assert selections.count(selections.get(staff, story)) == 0


def test_the_same_key_makes_one_change(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    wish = Wish(products={sku("SPE_E3"): ALL})
    first = draft(staff, story, JOINERS[1:3], wish, key="same-key", content="a")
    again = draft(staff, story, JOINERS[1:3], wish, key="same-key", content="a")
    assert again.pk == first.pk
    with pytest.raises(KeyReused) as reused:
        draft(staff, story, JOINERS[1:3], wish, key="same-key", content="b")
    assert reused.value.change.pk == first.pk
    other = Customer.objects.exclude(pk=story.pk)[0]
    with pytest.raises(KeyReused):
        draft(staff, other, [], wish, key="same-key", content="a")
    assert content_digest(other, []) != content_digest(story, [])
    assert LicenseChange.objects.count() == 1


def test_starting_twice_rings_once_and_saves_once(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    change = draft(staff, story, JOINERS[1:3], Wish(products={sku("SPE_E3"): ALL}))
    save.start(change)
    queued_at = LicenseChange.objects.get(pk=change.pk).queued_at
    save.start(change)
    assert LicenseChange.objects.get(pk=change.pk).queued_at == queued_at
    sandbox.journal.clear()
    pumped(change)
    run.pump(str(change.pk))
    assert len(writes(sandbox)) == 2


def test_a_selection_changed_in_another_tab_opens_review(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    change = draft(staff, story, JOINERS[1:3], Wish(products={sku("SPE_E3"): ALL}), counter=0)
    assert Cause.SELECTION_CHANGED in change.causes


def test_users_changed_behind_a_draft_are_planned_again(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    change = draft(staff, story, JOINERS[1:3], Wish(products={sku("SPE_E3"): ALL}))
    saved(staff, story, [JOINERS[1]], Wish(products={sku("SPE_E3"): ALL}))
    started = save.start(change)
    assert started.status == LicenseChange.Status.DRAFT
    assert Cause.DRIFT in started.causes
    assert row(started, JOINERS[1]).state == UserChange.State.UPDATED
    assert row(started, JOINERS[1]).add == []


def test_more_than_1000_users_are_planned_by_a_worker(
    sandbox: Sandbox, story: Customer, staff: StaffUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(save, "PLANNED_IN_REQUEST", 2)
    change = draft(staff, story, JOINERS[1:6], Wish(products={sku("SPE_E3"): ALL}), starts_itself=True)
    assert change.status == LicenseChange.Status.PLANNING
    assert not change.user_changes.exists()
    save.plan_stored(change.pk)
    change.refresh_from_db()
    assert change.status == LicenseChange.Status.QUEUED
    assert set(states(pumped(change)).values()) == {UserChange.State.UPDATED}


def test_a_second_change_of_a_customer_waits_for_the_first(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    first = save.start(draft(staff, story, JOINERS[1:3], Wish(products={sku("SPE_E3"): ALL})))
    second = save.start(draft(staff, story, JOINERS[3:5], Wish(products={sku("SPE_E3"): ALL})))
    run.pump(str(second.pk))
    second.refresh_from_db()
    assert second.status == LicenseChange.Status.QUEUED
    assert pumped(first).status == LicenseChange.Status.DONE
    assert pumped(second).status == LicenseChange.Status.DONE


def test_stop_leaves_what_was_not_begun_as_not_tried(
    sandbox: Sandbox, story: Customer, staff: StaffUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = save.start(draft(staff, story, JOINERS[1:5], Wish(products={sku("SPE_E3"): ALL})))
    LicenseChange.objects.filter(pk=change.pk).update(status=LicenseChange.Status.RUNNING, started_at=change.queued_at)
    claimed = claim(change, 1, token="worker:1:x:1")
    stopping.request_stop(change)
    sandbox.journal.clear()
    # Reported as updated, but the read-back below will not find it: never "updated" on the word of a call.
    monkeypatch.setattr(readback, "_PAUSES", ())
    change.user_changes.filter(pk=claimed[0].pk).update(state=UserChange.State.UPDATED)
    change = pumped(change)
    assert change.status == LicenseChange.Status.CANCELLED
    assert sorted(states(change).values()) == ["not_tried"] * 3 + ["unknown"]
    assert writes(sandbox) == []


def test_a_waiting_change_stops_at_once(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    change = save.start(draft(staff, story, JOINERS[1:5], Wish(products={sku("SPE_E3"): ALL})))
    stopping.request_stop(change)
    change.refresh_from_db()
    assert change.status == LicenseChange.Status.CANCELLED
    assert set(states(change).values()) == {UserChange.State.NOT_TRIED}
    stopping.request_stop(change)
    sandbox.journal.clear()
    run.pump(str(change.pk))
    assert writes(sandbox) == []


def test_an_order_of_rows_decides_who_gets_the_last_seats(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    people = [user_id("wants-e5", number) for number in range(10, 0, -1)]
    change = draft(staff, story, people, Wish(products={sku("SPE_E5"): ALL}))
    assert [one.failure_kind for one in change.user_changes.order_by("position")] == [""] * 7 + ["no_seat"] * 3
    assert pks(story, people) == list(change.user_changes.order_by("position").values_list("user_id", flat=True))
