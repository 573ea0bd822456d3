"""Faults during a save: an unclear answer is read back, and nothing is reported that is not so."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange, Throttle, UserChange
from licenses.services import readback, run, save
from licenses.services.claims import claim, record
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.integration.saving import ALL, NONE, at_microsoft, draft, pumped, row, sku, states, writes

pytestmark = pytest.mark.django_db

State = UserChange.State
PEOPLE = [user_id("joiner", number) for number in range(2, 6)]
BATCH = "POST /graph/v1.0/$batch"
PART = "POST /graph/v1.0/users/*/assignLicense"


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every wait of a row be over at once: the tests step the clock, not themselves."""
    monkeypatch.setattr(run.stopping, "wait", lambda seconds: False)
    monkeypatch.setattr(readback, "_PAUSES", (0.0, 0.0))


def _due(change: LicenseChange) -> None:
    """Let every wait be over: of the rows, and of the whole tenant."""
    change.user_changes.update(not_before=None)
    Throttle.objects.update(blocked_until=0)


def _run(change: LicenseChange) -> LicenseChange:
    for _ in range(12):
        _due(change)
        run.pump(str(change.pk), seconds=0.3)
        change.refresh_from_db()
        if change.is_finished:
            return change
    return change


def _started(staff: StaffUser, story: Customer, wish: Wish, people: list[str] = PEOPLE) -> LicenseChange:
    return save.start(draft(staff, story, people, wish))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"match": BATCH, "status": 504, "after_commit": True}, id="504 after the change"),
        pytest.param({"match": BATCH, "status": 504}, id="504 before the change"),
        pytest.param({"match": BATCH, "reset": "after"}, id="reset after the change"),
        pytest.param({"match": BATCH, "reset": "before"}, id="reset before the change"),
        pytest.param({"match": BATCH, "truncate": True}, id="cut answer"),
        pytest.param({"match": BATCH, "body": "<html>busy</html>", "after_commit": True}, id="HTML after the change"),
        pytest.param({"match": BATCH, "body": {"responses": []}, "after_commit": True}, id="no part in the answer"),
        pytest.param({"match": PART, "status": 429, "headers": {"Retry-After": "1.5"}, "times": 2}, id="429 inside"),
        pytest.param({"match": PART, "status": 503, "headers": {"retry-after": "1"}, "times": 2}, id="503 inside"),
        pytest.param(
            {"match": PART, "status": 500, "after_commit": True, "times": 2}, id="500 inside after the change"
        ),
        pytest.param({"match": PART, "status": 409, "times": 2}, id="two writes at once"),
        pytest.param({"match": BATCH, "status": 429, "headers": {"Retry-After": "1"}}, id="429 of the whole call"),
        pytest.param({"match": BATCH, "status": 401}, id="token refused once"),
    ],
)
@pytest.mark.one_database
def test_a_swap_survives(fault: dict[str, Any], sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    people = [user_id("sales", number) for number in range(1, 5)]
    change = _started(staff, story, Wish(products={sku("SPE_E3"): ALL, sku("STANDARDPACK"): NONE}), people)
    sandbox.journal.clear()
    sandbox.faults.add(fault)
    change = _run(change)
    assert states(change) == dict.fromkeys(people, State.UPDATED)
    for object_id in people:
        direct = at_microsoft(sandbox, story, object_id).direct
        assert sku("SPE_E3") in direct
        assert sku("STANDARDPACK") not in direct
    applied = [call["user"] for call in writes(sandbox) if call["status"] == 200]
    assert len(applied) == len(set(applied)), "nobody was changed twice"


def test_a_killed_workers_users_are_read_before_anything_is_sent_again(
    sandbox: Sandbox, story: Customer, staff: StaffUser
) -> None:
    change = _started(staff, story, Wish(products={sku("SPE_E3"): ALL}))
    LicenseChange.objects.filter(pk=change.pk).update(status=LicenseChange.Status.RUNNING, started_at=timezone.now())
    claimed = claim(change, 20, token="dead:1:x:1")
    assert {one.state for one in claimed} == {State.IN_FLIGHT}
    # The worker changed two of the four users and died before it could write that down.
    for object_id in PEOPLE[:2]:
        at_microsoft(sandbox, story, object_id).direct[sku("SPE_E3")] = (frozenset(), 1.0)
    change.user_changes.update(lease_until=timezone.now() - timedelta(seconds=1))
    sandbox.journal.clear()
    change = _run(change)
    assert states(change) == dict.fromkeys(PEOPLE, State.UPDATED)
    assert {call["user"] for call in writes(sandbox)} == set(PEOPLE[2:])


def test_a_worker_that_lost_its_lease_may_not_write(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    change = _started(staff, story, Wish(products={sku("SPE_E3"): ALL}))
    frozen = claim(change, 20, token="frozen:1:x:1")
    change.user_changes.update(lease_until=timezone.now() - timedelta(seconds=1))
    taken = claim(change, 20, token="other:2:x:1")
    assert all(one.uncertain for one in taken)
    for one in frozen:
        one.state = State.FAILED
    assert record(frozen, token="frozen:1:x:1") == 0
    assert set(states(change).values()) == {State.IN_FLIGHT}


def test_a_third_state_is_never_taken_for_success(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    change = _started(staff, story, Wish(products={sku("SPE_E3"): ALL}), PEOPLE[:1])
    claim(change, 20, token="dead:1:x:1")
    teams = next(plan for plan in sandbox.tenant(story.tenant_id).skus[sku("SPE_E3")].plans if plan.name == "TEAMS1")  # type: ignore[union-attr]
    at_microsoft(sandbox, story, PEOPLE[0]).direct[sku("SPE_E3")] = (frozenset({teams.plan_id}), 1.0)
    change.user_changes.update(lease_until=timezone.now() - timedelta(seconds=1))
    LicenseChange.objects.filter(pk=change.pk).update(status=LicenseChange.Status.RUNNING)
    change = _run(change)
    one = row(change, PEOPLE[0])
    assert (one.state, one.failure_kind) == (State.FAILED, "changed_elsewhere")


@pytest.mark.one_database
def test_an_answer_that_never_comes_ends_as_unknown(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    change = _started(staff, story, Wish(products={sku("SPE_E3"): ALL}), PEOPLE[:1])
    sandbox.faults.add({"match": PART, "status": 500, "times": 99})
    change = _run(change)
    assert states(change) == {PEOPLE[0]: State.UNKNOWN}
    assert sku("SPE_E3") not in at_microsoft(sandbox, story, PEOPLE[0]).direct


def test_a_user_deleted_meanwhile_fails_alone(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    change = _started(staff, story, Wish(products={sku("SPE_E3"): ALL}))
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    tenant.delete_user(tenant.users[PEOPLE[0]])
    change = _run(change)
    assert row(change, PEOPLE[0]).failure_kind == "not_found"
    assert [row(change, object_id).state for object_id in PEOPLE[1:]] == [State.UPDATED] * 3


@pytest.mark.one_database
def test_seats_taken_by_somebody_else_fail_the_rest(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    change = _started(staff, story, Wish(products={sku("SPE_E3"): ALL}))
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    tenant.skus[sku("SPE_E3")].enabled -= 24
    change = _run(change)
    kinds = [row(change, object_id).failure_kind for object_id in PEOPLE]
    assert kinds == ["", "", "no_seat", "no_seat"]


@pytest.mark.one_database
def test_a_refused_tenant_fails_everybody_without_a_change(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    change = _started(staff, story, Wish(products={sku("SPE_E3"): ALL}))
    sandbox.faults.add({"match": BATCH, "status": 403})
    change = _run(change)
    assert {row(change, object_id).failure_kind for object_id in PEOPLE} == {"forbidden"}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"status": 503}, id="503"),
        pytest.param({"status": 200, "body": "<html>busy</html>"}, id="HTML"),
        pytest.param({"reset": "before"}, id="reset"),
    ],
)
@pytest.mark.one_database
def test_a_sign_in_service_that_is_away_leaves_nobody_in_doubt(
    sandbox: Sandbox, story: Customer, staff: StaffUser, fault: dict[str, Any]
) -> None:
    change = _started(staff, story, Wish(products={sku("SPE_E3"): ALL}))
    # The kept token is refused, and there is no other.
    sandbox.faults.add({"match": BATCH, "status": 401})
    sandbox.faults.add({"match": "POST /entra/*", "times": 99, **fault})
    for _ in range(7):
        _due(change)
        run.pump(str(change.pk), seconds=0.3)
        assert not change.user_changes.filter(uncertain=True).exists()
    assert set(states(change).values()) == {State.PENDING}
    assert writes(sandbox) == []
    sandbox.faults.clear()
    change = _run(change)
    assert states(change) == dict.fromkeys(PEOPLE, State.UPDATED)


@pytest.mark.parametrize("where", [BATCH, PART])
@pytest.mark.one_database
def test_a_wait_that_no_calendar_holds_is_a_day(
    sandbox: Sandbox, story: Customer, staff: StaffUser, where: str
) -> None:
    change = _started(staff, story, Wish(products={sku("SPE_E3"): ALL}))
    sandbox.faults.add({"match": where, "times": 4, "status": 429, "headers": {"Retry-After": "999999999999"}})
    run.pump(str(change.pk), seconds=0.3)
    waits = [one.not_before - timezone.now() for one in change.user_changes.all() if one.not_before]
    assert waits
    assert all(timedelta(hours=23) < wait <= timedelta(days=1) for wait in waits)


def test_the_engine_only_rings(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    change = _started(staff, story, Wish(products={sku("SPE_E3"): ALL}))
    sandbox.journal.clear()
    pumped(change)
    run.pump(str(change.pk))
    run.pump(str(change.pk))
    assert len(writes(sandbox)) == len(PEOPLE)
