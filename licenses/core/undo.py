"""Plans an undo: what a change did to each user is turned back, from the states stored before and after it.

Whom somebody else has changed since is left alone, by name, and what cannot come back is said (design, section 6).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from licenses.core.catalog import Catalog, PlanId, SkuId, UserId
from licenses.core.diff import Choice, LicenseAdd, UserDiff, Wish
from licenses.core.failures import Failure, FailureKind, failure_of
from licenses.core.holdings import UserState
from licenses.core.planning import Cause, Planner, SavePlan, UserPlan, found_causes
from licenses.core.remembered import Refused

_NOBODY: Mapping[UserId, FailureKind] = {}
_OPPOSITE = {Choice.ALL: Choice.NONE, Choice.NONE: Choice.ALL, Choice.KEEP: Choice.KEEP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What a change did to one user: its call, the state before it, and the state read back after it.

    `touched` are SKUs whose direct assignment somebody else has changed since, though it may look as we left it.
    """

    before: UserState
    diff: UserDiff
    after: UserState
    touched: frozenset[SkuId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """The call that turns a deed back, or why there is none: then nothing of the user is changed."""

    diff: UserDiff
    refusal: Failure | None = None
    # "No location", which was there before, is nothing that anybody can set.
    location_stays: bool = False


def reverse(deed: Deed, now: UserState, catalog: Catalog) -> Reversal:
    """Return what turns a deed back for a user who is now in this state; what is as before already needs nothing."""
    adds: list[LicenseAdd] = []
    removes: list[SkuId] = []
    changed: list[SkuId] = []
    gone: list[SkuId] = []
    returned: list[SkuId] = []
    for sku_id in (*(add.sku_id for add in deed.diff.add), *deed.diff.remove):
        was, did, has = (_direct(state, sku_id) for state in (deed.before, deed.after, now))
        if has == was:
            # By hand, when the change had made it something else.
            returned += [sku_id] if did != was else []
            continue
        if has != did or sku_id in deed.touched:
            changed.append(sku_id)
        elif was is None:
            removes.append(sku_id)
        elif (sku := catalog.get(sku_id)) is None:
            gone.append(sku_id)
        else:
            # A plan that the product lost since would be refused.
            adds.append(LicenseAdd(sku_id=sku_id, disabled=was & sku.plan_ids))
    nothing = UserDiff(user_id=now.user_id)
    if returned and (adds or removes or gone):
        # Half of it is undone: whoever took the new product from somebody who left must not see the old one return.
        changed += returned
    if changed or _is_moved(deed, now):
        return Reversal(diff=nothing, refusal=failure_of(FailureKind.CHANGED_ELSEWHERE, skus=tuple(changed)))
    if gone:
        # Half an undo would take the new product and give nothing for it.
        return Reversal(diff=nothing, refusal=failure_of(FailureKind.BAD_SKU, skus=tuple(gone)))
    location, stays = _location(deed, now)
    diff = UserDiff(user_id=now.user_id, add=tuple(adds), remove=tuple(removes), location=location)
    return Reversal(diff=diff, location_stays=stays)


def _direct(state: UserState, sku_id: SkuId) -> frozenset[PlanId] | None:
    """Return the plans that are off in the direct assignment, even in one that gives nothing now; None for none."""
    held = state.held.get(sku_id)
    path = held.any_direct if held is not None else None
    return path.disabled if path is not None else None


def _is_moved(deed: Deed, now: UserState) -> bool:
    """Tell whether somebody else has set another usage location since."""
    return bool(deed.diff.location) and now.usage_location not in (deed.diff.location, deed.before.usage_location)


def _location(deed: Deed, now: UserState) -> tuple[str | None, bool]:
    """Return the location to set again, and whether the one that the change set must stay: it cannot be emptied."""
    if not deed.diff.location or now.usage_location != deed.diff.location:
        return None, False
    was = deed.before.usage_location
    return (was, False) if was else (None, True)


def plan_undo(
    users: Sequence[UserState],
    deeds: Mapping[UserId, Deed],
    catalog: Catalog,
    *,
    unclear: Mapping[UserId, FailureKind] = _NOBODY,
    review_above: int = 100,
    drift: bool = False,
    refused: Sequence[Refused] = (),
) -> SavePlan:
    """Plan the undo of these deeds for users in the order in which seats are given out.

    `unclear`: users of whom nobody knows what the change did to them, and why; they are left alone by name. `refused`
    is what Microsoft refused before.
    """
    planner = Planner(catalog, refused)
    plans: list[UserPlan] = []
    causes: set[Cause] = {Cause.DRIFT} if drift else set()
    for state in users:
        deed = deeds.get(state.user_id)
        found = reverse(deed, state, catalog) if deed else _left_alone(state, unclear.get(state.user_id))
        if found.refusal and state.exists:
            plans.append(UserPlan(user_id=state.user_id, state_before=state, diff=found.diff, refusal=found.refusal))
            causes |= {Cause.PRODUCT_GONE} if found.refusal.kind == FailureKind.BAD_SKU else set()
            causes |= {Cause.UNCLEAR_LEFT_OUT} if deed is None else set()
        else:
            plans.append(planner.plan(state, found.diff, is_wished=deed is not None))
            causes |= {Cause.LOCATION_STAYS} if found.location_stays else set()
            causes |= _taken(found.diff, state)
    causes |= found_causes(plans, review_above)
    return SavePlan(users=tuple(plans), seats=planner.ledger.lines(), causes=frozenset(causes))


def _left_alone(now: UserState, why: FailureKind | None) -> Reversal:
    return Reversal(diff=UserDiff(user_id=now.user_id), refusal=failure_of(why) if why else None)


def _taken(diff: UserDiff, now: UserState) -> set[Cause]:
    """Return what of the losses Review names first: products that go, plans that are switched off."""
    causes = {Cause.REMOVES_PRODUCT} if diff.remove else set()
    if any(switched_off(add, now) for add in diff.add):
        causes.add(Cause.REMOVES_PLAN)
    return causes


def switched_off(add: LicenseAdd, now: UserState) -> frozenset[PlanId]:
    """Return the plans that a call turns off for a user who holds the product already."""
    if not now.holds(add.sku_id):
        return frozenset()
    return add.disabled - (_direct(now, add.sku_id) or frozenset())


def reversed_wish(wish: Wish) -> Wish:
    """Return what the undo of a wish asks for, as lists and histories name it; users are planned from their deeds."""
    return Wish(
        products={sku_id: _OPPOSITE[choice] for sku_id, choice in wish.products.items()},
        plans={key: _OPPOSITE[choice] for key, choice in wish.plans.items()},
    )
