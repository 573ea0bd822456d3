"""The fault matrix, rows 16 and 19 to 24: something is wrong with a user or a product while the change runs."""

from collections import Counter
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from licenses.models import LicenseChange, UserChange
from licenses.services import claims, readback, send
from licenses.services.states import load_catalog
from licensing_portal.sandbox import catalog as products
from licensing_portal.sandbox.http import Request
from licensing_portal.sandbox.model import Tenant
from licensing_portal.wiring import directory_gateway
from tests.durability.invariants import page_violations, violations
from tests.durability.rehearsal import Rehearsal
from tests.durability.watched import BATCH, PART, writes_of
from tests.durability.world import HELD, WANTED

pytestmark = pytest.mark.one_database

State = UserChange.State
HELD_ID, WANTED_ID = products.sku_id(HELD), products.sku_id(WANTED)


def _outcomes(rehearsal: Rehearsal) -> Counter[tuple[str, str]]:
    return Counter(rehearsal.change.user_changes.values_list("state", "failure_kind"))


def _row(rehearsal: Rehearsal, object_id: str) -> UserChange:
    return rehearsal.change.user_changes.get(object_id=object_id)


def _truth(rehearsal: Rehearsal) -> list[str]:
    """Return what is untrue once the change is worked on to its end."""
    rehearsal.work()
    return violations(rehearsal.world, rehearsal.change) + page_violations(rehearsal.world, rehearsal.change)


def _before_write(rehearsal: Rehearsal, number: int, deed: Callable[[Tenant], None]) -> None:
    """Let somebody do something right before the write call of a number (from 1) is answered."""
    calls: list[Request] = []

    def act(request: Request) -> None:
        if writes_of(request):
            calls.append(request)
            if len(calls) == number:
                deed(rehearsal.sandbox.own_tenant)

    rehearsal.sandbox.on_arrival = act


def _action_page(rehearsal: Rehearsal) -> str:
    client = Client()
    client.force_login(rehearsal.world.staff)
    return client.get(reverse("licenses:change", args=[rehearsal.change.pk]) + "?show=action").content.decode()


def test_f16_one_user_who_is_refused_fails_alone_with_the_reason(swap: Rehearsal) -> None:
    swap.sandbox.faults.add({"match": PART, "status": 403, "skip": 30})
    assert _truth(swap) == []
    assert _outcomes(swap) == {(State.UPDATED, ""): 43, (State.FAILED, "forbidden"): 1}
    failed = swap.change.user_changes.get(state=State.FAILED)
    assert (failed.status, failed.code) == (403, "Authorization_RequestDenied")
    assert failed.display_name in _action_page(swap)


@pytest.mark.parametrize(
    "moment",
    ["before the call", "after a call without an answer", pytest.param("after the call", marks=pytest.mark.thorough)],
)
def test_f19_a_user_deleted_at_any_moment_fails_alone(swap: Rehearsal, moment: str) -> None:
    victim = swap.change.user_changes.order_by("id")[25].object_id
    if moment == "after a call without an answer":
        swap.sandbox.faults.add({"match": BATCH, "status": 504, "after_commit": True, "skip": 1})
    _before_write(
        swap, 2 if moment == "before the call" else 3, lambda tenant: tenant.delete_user(tenant.users[victim])
    )
    assert _truth(swap) == []
    assert _outcomes(swap) == {(State.UPDATED, ""): 43, (State.FAILED, "not_found"): 1}
    assert _row(swap, victim).after == {"exists": False}


def test_f20_a_location_taken_away_meanwhile_is_said_in_words_and_the_code_is_kept(small_swap: Rehearsal) -> None:
    victim = small_swap.change.user_changes.order_by("id")[3].object_id
    _before_write(small_swap, 1, lambda tenant: setattr(tenant.users[victim], "location", None))
    assert _truth(small_swap) == []
    failed = _row(small_swap, victim)
    assert (failed.state, failed.failure_kind, failed.status) == (State.FAILED, "no_location", 400)
    assert (failed.code, "usage location" in failed.message) == ("Request_BadRequest", True)
    assert "No usage location" in _action_page(small_swap)


@pytest.mark.parametrize(
    ("part", "kind"),
    [("EXCHANGESTANDARD", "exclusive"), pytest.param("MCOEV", "dependency", marks=pytest.mark.thorough)],
)
def test_f20_a_clash_that_began_meanwhile_is_said_in_words_and_the_code_is_kept(
    small_swap: Rehearsal, part: str, kind: str
) -> None:
    victim = small_swap.change.user_changes.order_by("id")[3].object_id
    sku = products.sku(part, "subscription-late", enabled=10)
    if kind == "dependency":
        # Phone needs Teams, which the wanted product brings switched off.
        wanted = small_swap.sandbox.own_tenant.skus[WANTED_ID]
        wanted.plans = tuple(plan for plan in wanted.plans if plan.name not in ("TEAMS1", "MCOSTANDARD"))

    def give(tenant: Tenant) -> None:
        tenant.skus[sku.sku_id] = sku
        tenant.users[victim].direct[sku.sku_id] = (frozenset(), 1.0)

    _before_write(small_swap, 1, give)
    assert _truth(small_swap) == []
    failed = _row(small_swap, victim)
    assert (failed.state, failed.failure_kind, failed.code) == (State.FAILED, kind, "Request_BadRequest")
    assert _outcomes(small_swap)[State.UPDATED, ""] == 19
    assert failed.display_name in _action_page(small_swap)


def test_f21_seats_taken_meanwhile_fail_the_rest_once_each(swap: Rehearsal) -> None:
    def take(tenant: Tenant) -> None:
        tenant.skus[WANTED_ID].enabled = tenant.skus[WANTED_ID].consumed + 7

    _before_write(swap, 2, take)
    assert _truth(swap) == []
    assert _outcomes(swap) == {(State.UPDATED, ""): 27, (State.FAILED, "no_seat"): 17}
    failed = swap.change.user_changes.filter(state=State.FAILED)
    assert {(row.attempts, *row.failure_skus) for row in failed} == {(1, WANTED_ID)}
    assert swap.sandbox.own_tenant.skus[WANTED_ID].free == 0


@pytest.mark.parametrize("way", ["gone", pytest.param("suspended", marks=pytest.mark.thorough)])
def test_f22_a_product_that_went_away_meanwhile_fails_the_rest(swap: Rehearsal, way: str) -> None:
    def remove(tenant: Tenant) -> None:
        if way == "gone":
            del tenant.skus[WANTED_ID]
        else:
            tenant.skus[WANTED_ID].capability_status = "Suspended"

    _before_write(swap, 2, remove)
    assert _truth(swap) == []
    kind = "bad_sku" if way == "gone" else "no_seat"
    assert _outcomes(swap) == {(State.UPDATED, ""): 20, (State.FAILED, kind): 24}


def test_f23_what_somebody_else_changed_after_our_call_is_never_called_updated(swap: Rehearsal) -> None:
    victim = swap.change.user_changes.order_by("id")[2].object_id
    other = frozenset({products.plan_id("TEAMS1")})
    _before_write(swap, 3, lambda tenant: tenant.users[victim].direct.update({WANTED_ID: (other, 1.0)}))
    assert _truth(swap) == []
    assert _outcomes(swap) == {(State.UPDATED, ""): 43, (State.FAILED, "changed_elsewhere"): 1}
    assert _row(swap, victim).after["paths"][0]["disabledPlans"] == sorted(other)  # type: ignore[index]


@pytest.mark.parametrize(("reads", "state"), [(4, State.UPDATED), (5, State.UNKNOWN)])
def test_f24_a_read_back_that_lags_is_repeated_four_times_in_thirty_seconds(
    small_swap: Rehearsal, monkeypatch: pytest.MonkeyPatch, reads: int, state: str
) -> None:
    monkeypatch.setattr(readback, "_PAUSES", (2.0, 4.0, 8.0, 16.0))
    change, tenant = small_swap.change, small_swap.sandbox.own_tenant
    LicenseChange.objects.filter(pk=change.pk).update(status=LicenseChange.Status.RUNNING, started_at=timezone.now())
    gateway = directory_gateway(tenant.tenant_id)
    rows = claims.claim(change, 20, token="worker:1:x:1")
    send.process(rows, gateway, load_catalog(change.customer), may_send=lambda rows: rows)
    claims.record(rows, token="worker:1:x:1")
    # Microsoft shows one user as they were.
    laggard = tenant.users[rows[4].object_id]
    now, laggard.direct = laggard.direct, {HELD_ID: (frozenset(), 1.0)}
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == reads:
            laggard.direct = now

    rows = list(change.user_changes.filter(pk__in=readback.unread(change)))
    readback.read_back(change, rows, gateway, sleep=sleep)
    assert sum(slept) == sum((2.0, 4.0, 8.0, 16.0)[:reads]) <= 30
    assert _row(small_swap, laggard.user_id).state == state
    assert _outcomes(small_swap)[State.UPDATED, ""] == (20 if state == State.UPDATED else 19)
