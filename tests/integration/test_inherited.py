"""Direct, inherited and both: what groups give is never sent and never lost; the sandbox is read before and after."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange
from licenses.services.refresh import refresh_users
from licensing_portal.sandbox import Sandbox, catalog
from licensing_portal.sandbox.story import EVERYBODY, SECURITY, user_id
from licensing_portal.staff.models import StaffUser
from tests import sandbox_session
from tests.environment import SANDBOX
from tests.integration.looking import Seen, look
from tests.integration.saving import ALL, NONE, saved, states, writes

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

E3, E5, E1 = (catalog.sku_id(part) for part in ("SPE_E3", "SPE_E5", "STANDARDPACK"))
TEAMS, SWAY, YAMMER = (catalog.plan_id(name) for name in ("TEAMS1", "SWAY", "YAMMER_ENTERPRISE"))
# Directly alone, directly and by group 全社員, and by the group alone.
DIRECT = [user_id("joiner", 2), user_id("joiner", 3)]
BOTH = [user_id("member", 1), user_id("member", 2)]
INHERITED = [user_id("member", 10), user_id("member", 11)]
ALL_OF_THEM = [*DIRECT, *BOTH, *INHERITED]


@pytest.fixture
def customer(sandbox: Sandbox, story: Customer) -> Customer:
    """The story, in which two joiners have E3 directly, one of them without Sway and Yammer."""
    for object_id, off in zip(DIRECT, ([], [SWAY, YAMMER]), strict=True):
        _give(story, object_id, E3, off)
    return story


def _give(customer: Customer, object_id: str, sku_id: str, off: list[str]) -> None:
    """Give a user exactly this behind the portal's back, and let the portal see it."""
    answer = sandbox_session.new_session().patch(
        f"{SANDBOX}/_control/tenants/{customer.tenant_id}/users/{object_id}",
        json={"assignedLicenses": [{"skuId": sku_id, "disabledPlans": off}]},
        timeout=10,
    )
    assert answer.status_code == 200
    refresh_users(customer, [object_id])


def _by_group(seen: Seen) -> frozenset[tuple[str, str, frozenset[str]]]:
    return frozenset(path for path in seen.paths if path[1] != "direct")


def _off(seen: Seen, sku_id: str, via: str = "direct") -> frozenset[str] | None:
    """Return the plans that are off in one path; None where there is no such path."""
    return next((off for path_sku, path_via, off in seen.paths if (path_sku, path_via) == (sku_id, via)), None)


def _sent(sandbox: Sandbox) -> dict[str, dict[str, object]]:
    """Return what was sent for each user."""
    return {str(call["user"]): call["body"] for call in writes(sandbox)}  # type: ignore[misc]


def _page(client: Client, change: LicenseChange) -> str:
    text = client.get(reverse("licenses:change", args=[change.pk]) + "?show=updated").content.decode()
    return re.sub("<[^>]+>", "", text)


def test_a_revocation_takes_the_direct_ones_alone_and_says_so(
    sandbox: Sandbox, customer: Customer, staff: StaffUser, staff_client: Client
) -> None:
    before = look(customer.tenant_id)
    change = saved(staff, customer, ALL_OF_THEM, Wish(products={E3: NONE}))
    after = look(customer.tenant_id)
    assert set(states(change).values()) == {"updated"}
    for object_id in (*DIRECT, *BOTH):
        direct = (E3, "direct", _off(before[object_id], E3))
        assert before[object_id].paths - after[object_id].paths == {direct}
        assert after[object_id].paths <= before[object_id].paths
    assert [_off(after[object_id], E3, EVERYBODY) for object_id in BOTH] == [frozenset({SWAY})] * 2
    untouched = before.keys() - {*DIRECT, *BOTH}
    assert {one: after[one] for one in untouched} == {one: before[one] for one in untouched}
    # Nothing inherited was ever sent.
    assert _sent(sandbox).keys() == {*DIRECT, *BOTH}
    assert all(body == {"addLicenses": [], "removeLicenses": [E3]} for body in _sent(sandbox).values())
    text = _page(staff_client, change)
    assert text.count("Microsoft 365 E3: kept by group 全社員") == 4
    assert text.count("nothing, was already so") == 2


def test_a_plan_edit_touches_that_plan_in_direct_assignments_alone(
    sandbox: Sandbox, customer: Customer, staff: StaffUser, staff_client: Client
) -> None:
    before = look(customer.tenant_id)
    change = saved(staff, customer, ALL_OF_THEM, Wish(plans={(E3, TEAMS): NONE}))
    after = look(customer.tenant_id)
    for object_id in DIRECT:
        off = _off(before[object_id], E3)
        assert off is not None
        assert _off(after[object_id], E3) == off | {TEAMS}
    # It was off in their direct assignments before; the group keeps it on.
    assert {one: after[one] for one in (*BOTH, *INHERITED)} == {one: before[one] for one in (*BOTH, *INHERITED)}
    assert all(_by_group(after[one]) == _by_group(before[one]) for one in before)
    assert _sent(sandbox).keys() == set(DIRECT)
    text = _page(staff_client, change)
    assert text.count("Microsoft Teams: stays as set by group 全社員") == 4


def test_switching_on_leaves_the_other_plans_off(sandbox: Sandbox, customer: Customer, staff: StaffUser) -> None:
    before = look(customer.tenant_id)
    saved(staff, customer, ALL_OF_THEM, Wish(plans={(E3, SWAY): ALL}))
    after = look(customer.tenant_id)
    assert (_off(before[DIRECT[1]], E3), _off(after[DIRECT[1]], E3)) == (frozenset({SWAY, YAMMER}), frozenset({YAMMER}))
    assert {one: after[one] for one in before if one != DIRECT[1]} == {
        one: before[one] for one in before if one != DIRECT[1]
    }


def test_a_swap_keeps_each_users_families_off(
    sandbox: Sandbox, customer: Customer, staff: StaffUser, staff_client: Client
) -> None:
    nothing_off, no_teams, no_yammer = (user_id("sales", number) for number in (1, 4, 2))
    _give(customer, no_yammer, E1, [YAMMER])
    before = look(customer.tenant_id)
    assert [_off(before[one], E1) for one in (nothing_off, no_teams, no_yammer)] == [set(), {TEAMS}, {YAMMER}]
    change = saved(staff, customer, [nothing_off, no_teams, no_yammer], Wish(products={E1: NONE, E5: ALL}))
    after = look(customer.tenant_id)
    assert set(states(change).values()) == {"updated"}
    assert [_off(after[one], E5) for one in (nothing_off, no_teams, no_yammer)] == [set(), {TEAMS}, {YAMMER}]
    for object_id in (nothing_off, no_teams, no_yammer):
        assert _off(after[object_id], E1) is None
        assert _by_group(after[object_id]) == _by_group(before[object_id])
        assert _off(after[object_id], catalog.sku_id("AAD_PREMIUM_P2"), SECURITY) == frozenset()
    assert "Teams off" in _page(staff_client, change)


def test_assigning_on_top_of_a_group_adds_a_direct_path_to_nobody(
    sandbox: Sandbox, customer: Customer, staff: StaffUser
) -> None:
    """Who has it by a group has it: there is nothing to assign."""
    before = look(customer.tenant_id)
    saved(staff, customer, ALL_OF_THEM, Wish(products={E3: ALL}))
    assert look(customer.tenant_id) == before
    assert writes(sandbox) == []
