"""What of a refusal is remembered, and which calls it warns of."""

import time
from dataclasses import replace

import pytest

from licenses.core.catalog import Plan
from licenses.core.diff import Choice, LicenseAdd, UserDiff, Wish
from licenses.core.failures import FailureKind
from licenses.core.planning import plan_save
from licenses.core.remembered import Refused, combination, was_foreseen
from licenses.core.rules import EXCHANGE_ENTERPRISE, EXCHANGE_STANDARD
from tests.unit.core.build import A, B, C, catalog, direct, group, sku, user

GIVES = UserDiff(user_id="u", add=(LicenseAdd(sku_id=A, disabled=frozenset({"p9"})), LicenseAdd(sku_id=B)))
TAKES = UserDiff(user_id="u", remove=(A,))
GIVE_A = Wish(products={A: Choice.ALL})
K = FailureKind


@pytest.mark.parametrize(
    ("kind", "skus", "plans", "expected"),
    [
        (K.EXCLUSIVE, (), ("p1", "p2"), {"on": {"p1", "p2"}}),
        (K.EXCLUSIVE, (), (), {"given": {A, B}}),
        (K.DEPENDENCY, (), ("p1", "p2", "p3"), {"on": {"p1"}, "lacking": {"p2", "p3"}}),
        (K.DEPENDENCY, (), ("p1",), {"on": {"p1"}, "given": {A, B}}),
        (K.LOCATION_FORBIDDEN, (A,), (), {"given": {A}, "location": "JP"}),
        (K.LOCATION_FORBIDDEN, (), ("p1",), {"given": {A, B}, "on": {"p1"}, "location": "JP"}),
        (K.BAD_PLAN, (A,), ("p9",), {"given": {A}, "off": {"p9"}}),
        (K.NOT_USER_SKU, (B,), (), {"given": {B}}),
        (K.NOT_USER_SKU, ("elsewhere",), (), {"given": {A, B}}),
        (K.UNKNOWN, (), (), {"given": {A, B}}),
    ],
)
def test_a_refusal_becomes_the_combination_that_it_speaks_of(
    kind: FailureKind, skus: tuple[str, ...], plans: tuple[str, ...], expected: dict[str, object]
) -> None:
    found = combination(kind, skus, plans, GIVES, "JP")
    assert found is not None
    parts = {name: getattr(found, name) for name in ("on", "lacking", "given", "off", "location")}
    assert {name: value for name, value in parts.items() if value} == expected


@pytest.mark.parametrize("kind", [K.NO_SEAT, K.PROXY, K.NOT_HELD, K.FORBIDDEN, K.THROTTLED, K.NO_LOCATION])
def test_other_kinds_are_not_remembered(kind: FailureKind) -> None:
    assert combination(kind, (A,), ("p1", "p2"), GIVES, "JP") is None


@pytest.mark.parametrize("kind", [K.UNKNOWN, K.EXCLUSIVE, K.DEPENDENCY, K.BAD_PLAN])
def test_a_removal_alone_is_no_combination_unless_plans_are_named(kind: FailureKind) -> None:
    assert combination(kind, (), (), TAKES, "JP") is None


def test_plans_that_are_on_together_warn_whoever_brings_them() -> None:
    refused = (Refused(kind=K.EXCLUSIVE, on=frozenset({f"{A}-p1", f"{B}-p1"}), plans=(f"{A}-p1", f"{B}-p1"), seen="t"),)
    by_group = user("1", sku_b=(group(),))
    off = user("2", sku_b=(direct(f"{B}-p1"),))
    plan = plan_save([by_group, off, user("3")], GIVE_A, catalog(), refused=refused)
    assert [[one.seen for one in each.cautions] for each in plan.users] == [["t"], [], []]


def test_a_plan_that_lacks_another_one_warns() -> None:
    refused = (Refused(kind=K.DEPENDENCY, on=frozenset({f"{A}-p1"}), lacking=frozenset({f"{B}-p1"}), seen="t"),)
    plan = plan_save([user("1"), user("2", sku_b=(direct(),))], GIVE_A, catalog(), refused=refused)
    assert [len(each.cautions) for each in plan.users] == [1, 0]


def test_what_was_sent_warns_only_when_it_is_sent_again() -> None:
    refused = (Refused(kind=K.UNKNOWN, given=frozenset({A, B}), skus=(A, B), seen="t"),)
    both = Wish(products={A: Choice.ALL, B: Choice.ALL, C: Choice.ALL})
    assert len(plan_save([user()], both, catalog(), refused=refused).users[0].cautions) == 1
    assert plan_save([user()], GIVE_A, catalog(), refused=refused).users[0].cautions == ()
    assert plan_save([user(sku_b=(direct(),))], both, catalog(), refused=refused).users[0].cautions == ()


def test_plans_that_were_off_warn_when_they_are_off_again() -> None:
    refused = (Refused(kind=K.BAD_PLAN, given=frozenset({A}), off=frozenset({f"{A}-p1"}), seen="t"),)
    off = Wish(products={A: Choice.ALL}, plans={(A, f"{A}-p1"): Choice.NONE})
    assert len(plan_save([user()], off, catalog(), refused=refused).users[0].cautions) == 1
    assert plan_save([user()], GIVE_A, catalog(), refused=refused).users[0].cautions == ()


def test_a_location_warns_there_alone() -> None:
    refused = (Refused(kind=K.LOCATION_FORBIDDEN, given=frozenset({A}), location="CN", seen="t"),)
    plan = plan_save([user("1", location="CN"), user("2")], GIVE_A, catalog(), refused=refused)
    assert [len(each.cautions) for each in plan.users] == [1, 0]


@pytest.mark.parametrize(
    ("plans", "cautions", "expected"),
    [
        (("p1", "p2"), [{"kind": "exclusive", "plans": ["p1", "p2"]}], True),
        (("p1", "p2"), [{"kind": "exclusive", "plans": ["p3", "p4"]}], False),
        ((), [{"kind": "exclusive", "plans": ["p3", "p4"]}], True),
        (("p1",), [{"kind": "dependency", "plans": ["p1"]}], False),
        (("p1",), [{"kind": "exclusive", "plans": ["p1"], "seen": "2026"}], False),
        (("p1",), [], False),
    ],
)
def test_a_warning_of_a_rule_foresees_and_one_out_of_memory_does_not(
    plans: tuple[str, ...], cautions: list[dict[str, object]], expected: bool
) -> None:
    assert was_foreseen(K.EXCLUSIVE, plans, cautions) is expected


def test_two_hundred_memories_cost_next_to_nothing_for_thousands_of_users() -> None:
    refused = [Refused(kind=K.UNKNOWN, given=frozenset({A, f"other-{n}"}), seen="t") for n in range(100)]
    refused += [Refused(kind=K.EXCLUSIVE, on=frozenset({f"{A}-p1", f"x-{n}"}), seen="t") for n in range(100)]
    people = [replace(user(f"{n}"), held=user(sku_b=(direct(),)).held) for n in range(5_000)]

    def seconds(memory: list[Refused]) -> float:
        started = time.perf_counter()
        plan_save(people, GIVE_A, catalog(), refused=memory)
        return time.perf_counter() - started

    without = min(seconds([]) for _ in range(3))
    assert min(seconds(refused) for _ in range(3)) < 3 * without + 0.1


def test_what_a_rule_warns_of_is_said_once() -> None:
    plans = tuple(sorted((EXCHANGE_STANDARD, EXCHANGE_ENTERPRISE)))
    one, other = (
        replace(sku(sku_id), plans=(Plan(plan_id=plan, name="P", display_name="P"),))
        for sku_id, plan in ((A, EXCHANGE_STANDARD), (B, EXCHANGE_ENTERPRISE))
    )
    refused = [Refused(kind=K.EXCLUSIVE, on=frozenset(plans), plans=plans, seen="t")]
    plan = plan_save([user(sku_b=(direct(),))], GIVE_A, catalog(one, other), refused=refused)
    assert [caution.seen for caution in plan.users[0].cautions] == [""]
    # Another kind is another warning.
    refused = [Refused(kind=K.UNKNOWN, given=frozenset({A}), seen="t")]
    plan = plan_save([user(sku_b=(direct(),))], GIVE_A, catalog(one, other), refused=refused)
    assert [caution.seen for caution in plan.users[0].cautions] == ["", "t"]
