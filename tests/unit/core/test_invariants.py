"""What holds for every user, wish and tenant, over-consumed products and company-wide plans included."""

from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from licenses.core.catalog import Catalog
from licenses.core.diff import Choice, LicenseAdd, Wish, apply_diff, diff_user
from licenses.core.enabled import EnabledPlans
from licenses.core.failures import FailureKind
from licenses.core.holdings import UserState
from licenses.core.outcome import Verdict, judge
from licenses.core.planning import plan_save
from licenses.core.triage import triage
from tests.unit.core.build import catalog
from tests.unit.core.strategies import SKUS, any_users, any_wishes, scarce_catalogs

CATALOG = catalog()
ALL, NONE, KEEP = Choice.ALL, Choice.NONE, Choice.KEEP


@given(any_users(groups=False), any_wishes())
def test_whoever_has_no_group_looks_exactly_as_wished(state: UserState, wish: Wish) -> None:
    after = apply_diff(state, diff_user(state, wish, CATALOG))
    for sku_id in SKUS:
        wanted = {ALL: True, NONE: False, KEEP: state.holds(sku_id)}[wish.products.get(sku_id, KEEP)]
        assert after.holds(sku_id) is wanted
        if wanted:
            _assert_plans_as_wished(sku_id, state, after, wish)


def _assert_plans_as_wished(sku_id: str, before: UserState, after: UserState, wish: Wish) -> None:
    was_off = before.held[sku_id].disabled if before.holds(sku_id) else frozenset()
    now_off = after.held[sku_id].disabled
    for plan in CATALOG.skus[sku_id].user_plans:
        choice = wish.plans.get((sku_id, plan.plan_id), KEEP)
        assert (plan.plan_id in now_off) is {ALL: False, NONE: True, KEEP: plan.plan_id in was_off}[choice]
    company = f"{sku_id}-company"
    assert (company in now_off) is (company in was_off)
    assert "plan-of-nobody" not in now_off


@given(any_users(), any_wishes())
def test_the_location_is_as_wished(state: UserState, wish: Wish) -> None:
    after = apply_diff(state, diff_user(state, wish, CATALOG))
    gets_it = wish.location is not None and (state.usage_location is None or wish.overwrite_location)
    assert after.usage_location == (wish.location if gets_it else state.usage_location)


@given(any_users(), st.sets(st.sampled_from(SKUS), min_size=1))
def test_only_those_who_lack_a_product_are_sent_it(state: UserState, wanted: set[str]) -> None:
    diff = diff_user(state, Wish(products=dict.fromkeys(wanted, ALL)), CATALOG)
    assert {add.sku_id for add in diff.add} == {sku_id for sku_id in wanted if not state.holds(sku_id)}
    assert diff.remove == ()


@given(any_users(), st.sampled_from(SKUS), st.sampled_from(["p1", "p2"]), st.sampled_from([ALL, NONE]))
def test_a_sent_list_differs_by_the_plan_edited_alone(state: UserState, sku_id: str, name: str, choice: Choice) -> None:
    plan_id = f"{sku_id}-{name}"
    diff = diff_user(state, Wish(plans={(sku_id, plan_id): choice}), CATALOG)
    assert diff.remove == ()
    for add in diff.add:
        direct = state.held[sku_id].direct
        assert direct is not None
        assert (add.sku_id, add.disabled ^ direct.disabled) == (sku_id, {plan_id})


@given(any_users(), any_wishes())
def test_one_call_names_each_product_once_and_only_owned_ones(state: UserState, wish: Wish) -> None:
    diff = diff_user(state, wish, CATALOG)
    added = [add.sku_id for add in diff.add]
    assert added == sorted(set(added))
    assert list(diff.remove) == sorted(set(diff.remove))
    assert not set(added) & set(diff.remove)
    assert {*added, *diff.remove} <= set(SKUS)


@settings(max_examples=100)
@given(scarce_catalogs(), st.lists(any_users(), max_size=6), any_wishes())
def test_no_call_takes_a_seat_that_is_not_there_when_it_is_its_turn(
    owned: Catalog, states: list[UserState], wish: Wish
) -> None:
    left = {sku_id: sku.seats.balance for sku_id, sku in owned.skus.items()}
    for plan in plan_save(states, wish, owned).users:
        if not plan.needs_call:
            continue
        before, after = plan.state_before, apply_diff(plan.state_before, plan.diff)
        for sku_id in SKUS:
            if after.holds(sku_id) and not before.holds(sku_id):
                assert left[sku_id] > 0
                left[sku_id] -= 1
        for sku_id in SKUS:
            left[sku_id] += before.holds(sku_id) and not after.holds(sku_id)


@settings(max_examples=100)
@given(scarce_catalogs(), st.lists(any_users(), max_size=6), any_wishes())
def test_the_seat_lines_say_what_is_done(owned: Catalog, states: list[UserState], wish: Wish) -> None:
    plan = plan_save(states, wish, owned)
    assert [one.state_before for one in plan.users] == states
    called = [one for one in plan.users if one.needs_call]
    lacking = [one.refusal.skus for one in plan.users if one.refusal and one.refusal.kind == FailureKind.NO_SEAT]
    for line in plan.seats:
        taken = sum(line.sku_id in one.newly_held for one in called)
        freed = sum(line.sku_id in one.freed for one in called)
        seats = owned.skus[line.sku_id].seats
        assert (line.free, line.freed) == (seats.available, freed)
        assert line.after == max(0, seats.balance - taken + freed)
        assert line.short == sum(line.sku_id in skus for skus in lacking)
        assert line.needed >= taken + line.short


@given(any_users(), any_wishes())
def test_licences_still_as_before_are_untouched_whether_or_not_the_location_is_set(
    state: UserState, wish: Wish
) -> None:
    diff = diff_user(state, wish, CATALOG)
    assume(not diff.is_empty)
    assert judge(state, diff, state) == Verdict.UNTOUCHED
    if diff.add or diff.remove:
        located = replace(state, usage_location=diff.location or state.usage_location)
        assert judge(state, diff, located) == Verdict.UNTOUCHED


@given(any_users(), any_wishes())
def test_a_third_state_is_never_taken_for_the_wanted_one(state: UserState, wish: Wish) -> None:
    diff = diff_user(state, wish, CATALOG)
    for sku_id in (*diff.remove, *(add.sku_id for add in diff.add)):
        strange = LicenseAdd(sku_id=sku_id, disabled=frozenset({"plan-of-nobody"}))
        elsewhere = apply_diff(apply_diff(state, diff), replace(diff, add=(strange,), remove=()))
        assert judge(state, diff, elsewhere) == Verdict.THIRD


@given(any_users())
def test_the_cached_reading_of_plans_equals_the_plain_one(state: UserState) -> None:
    assert EnabledPlans(CATALOG, frozenset).over(state.held) == state.enabled_plans(CATALOG)


@settings(max_examples=50)
@given(st.text(max_size=80), st.sampled_from(["", "Request_BadRequest", "不正な要求"]))
def test_any_other_text_is_unknown_and_keeps_its_words(message: str, code: str) -> None:
    failure = triage(400, code, message)
    assert (failure.kind, failure.message, failure.code) == (FailureKind.UNKNOWN, message, code)
