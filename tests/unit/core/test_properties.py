"""Properties of differences, plans and verdicts for any users and wishes."""

from hypothesis import given
from hypothesis import strategies as st

from licenses.core.diff import Choice, Wish, apply_diff, diff_user
from licenses.core.holdings import DIRECT, Held, Path, PathState, UserState
from licenses.core.outcome import Verdict, judge
from licenses.core.planning import plan_save
from tests.unit.core.build import A, B, C, catalog, sku

CATALOG = catalog(sku(A, free=2), sku(B, free=0), sku(C, free=50))
SKUS = (A, B, C)
_choices = st.sampled_from(list(Choice))
_plans = [(one, plan.plan_id) for one in SKUS for plan in CATALOG.skus[one].user_plans]


@st.composite
def paths(draw: st.DrawFn, sku_id: str) -> tuple[Path, ...]:
    """Any paths of one SKU: direct, by one or two groups, some in error."""
    plans = st.frozensets(st.sampled_from([plan.plan_id for plan in CATALOG.skus[sku_id].user_plans]))
    vias = draw(st.lists(st.sampled_from([DIRECT, "group-1", "group-2"]), unique=True, max_size=3))
    return tuple(Path(via=via, disabled=draw(plans), state=draw(st.sampled_from(list(PathState)))) for via in vias)


@st.composite
def users(draw: st.DrawFn) -> UserState:
    """Any user."""
    held = {sku_id: Held(found) for sku_id in SKUS if (found := draw(paths(sku_id)))}
    return UserState(user_id=draw(st.uuids()).hex, usage_location=draw(st.sampled_from([None, "JP", "US"])), held=held)


wishes = st.builds(
    Wish,
    products=st.dictionaries(st.sampled_from(SKUS), _choices),
    plans=st.dictionaries(st.sampled_from(_plans), _choices),
    location=st.sampled_from([None, "JP"]),
    overwrite_location=st.booleans(),
)
keeps = st.builds(
    Wish,
    products=st.dictionaries(st.sampled_from(SKUS), st.just(Choice.KEEP)),
    plans=st.dictionaries(st.sampled_from(_plans), st.just(Choice.KEEP)),
)


@given(users(), keeps)
def test_keep_changes_nobody(state: UserState, wish: Wish) -> None:
    assert diff_user(state, wish, CATALOG).is_empty


@given(users(), wishes)
def test_the_diff_applied_to_the_state_gives_the_wish(state: UserState, wish: Wish) -> None:
    diff = diff_user(state, wish, CATALOG)
    after = apply_diff(state, diff)
    kept = {(entry.sku_id, entry.plan_id) for entry in diff.kept}
    for sku_id, choice in wish.products.items():
        if choice == Choice.ALL:
            assert after.holds(sku_id)
        if choice == Choice.NONE:
            assert not after.holds(sku_id) or (sku_id, None) in kept
    for (sku_id, plan_id), choice in wish.plans.items():
        if choice == Choice.KEEP or wish.products.get(sku_id) == Choice.NONE or not after.holds(sku_id):
            continue
        is_off = plan_id in after.held[sku_id].disabled
        assert is_off == (choice == Choice.NONE) or (sku_id, plan_id) in kept


@given(users(), wishes)
def test_a_new_product_has_everything_on_but_what_was_off_and_what_is_switched_off(
    state: UserState, wish: Wish
) -> None:
    diff = diff_user(state, wish, CATALOG)
    gone = [sku_id for sku_id in diff.remove if state.holds(sku_id)]
    was_off = {plan_id.split("-")[-1] for sku_id in gone for plan_id in state.held[sku_id].disabled}
    for add in (one for one in diff.add if not state.holds(one.sku_id)):
        for plan_id in add.disabled:
            is_asked = wish.plans.get((add.sku_id, plan_id)) == Choice.NONE
            assert is_asked or ((add.sku_id, plan_id) in diff.carried and plan_id.split("-")[-1] in was_off)


@given(users(), wishes)
def test_a_user_who_has_it_gets_no_call(state: UserState, wish: Wish) -> None:
    after = apply_diff(state, diff_user(state, wish, CATALOG))
    assert diff_user(after, wish, CATALOG).is_empty


@given(users(), wishes)
def test_nothing_inherited_is_ever_sent(state: UserState, wish: Wish) -> None:
    diff = diff_user(state, wish, CATALOG)
    for sku_id in diff.remove:
        assert state.held[sku_id].any_direct is not None
    for add in diff.add:
        held = state.held.get(add.sku_id)
        assert held is None or not held.holds or held.direct is not None


@given(users(), wishes)
def test_paths_by_group_are_never_changed(state: UserState, wish: Wish) -> None:
    after = apply_diff(state, diff_user(state, wish, CATALOG))
    for sku_id in SKUS:
        before_paths = state.held[sku_id].paths if sku_id in state.held else ()
        after_paths = after.held[sku_id].paths if sku_id in after.held else ()
        assert {path for path in before_paths if path.via != DIRECT} == {
            path for path in after_paths if path.via != DIRECT
        }


@given(users(), st.sampled_from(_plans), st.sampled_from([Choice.ALL, Choice.NONE]))
def test_plan_edits_touch_only_the_plan_edited(state: UserState, plan: tuple[str, str], choice: Choice) -> None:
    sku_id, plan_id = plan
    after = apply_diff(state, diff_user(state, Wish(plans={plan: choice}), CATALOG))
    for other in SKUS:
        before_held, after_held = state.held.get(other), after.held.get(other)
        if before_held is None or after_held is None or other != sku_id:
            assert before_held == after_held
        else:
            assert before_held.disabled ^ after_held.disabled <= {plan_id}


@given(users(), wishes)
def test_what_was_wished_is_judged_as_done(state: UserState, wish: Wish) -> None:
    diff = diff_user(state, wish, CATALOG)
    assert judge(state, diff, apply_diff(state, diff)) == Verdict.DONE


@given(users(), wishes)
def test_what_was_before_is_judged_as_untouched(state: UserState, wish: Wish) -> None:
    diff = diff_user(state, wish, CATALOG)
    if not diff.is_empty:
        assert judge(state, diff, state) == Verdict.UNTOUCHED


@given(st.lists(users(), max_size=6), wishes)
def test_seats_are_never_exceeded(states: list[UserState], wish: Wish) -> None:
    plan = plan_save(states, wish, CATALOG)
    for sku_id in SKUS:
        taken = sum(sku_id in user.newly_held for user in plan.users if user.refusal is None) - sum(
            sku_id in user.freed for user in plan.users if user.refusal is None
        )
        assert taken <= CATALOG.skus[sku_id].seats.available
