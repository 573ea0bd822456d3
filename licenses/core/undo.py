"""Plans an undo: what a change did to each user is turned back, from the states stored before and after it.

Whom somebody else has changed since is left alone, by name, and what cannot come back is said (design, section 6).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from licenses.core.catalog import Catalog, SkuId, UserId
from licenses.core.diff import Choice, LicenseAdd, UserDiff, Wish
from licenses.core.holdings import Path, UserState
from licenses.core.planning import Cause, Planner, SavePlan, UserPlan, found_causes
from licenses.core.triage import FailureKind, failure_of

_OPPOSITE = {Choice.ALL: Choice.NONE, Choice.NONE: Choice.ALL, Choice.KEEP: Choice.KEEP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What a change did to one user: its call, the state before it, and the state read back after it."""

    before: UserState
    diff: UserDiff
    after: UserState


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """The call that turns a deed back; `changed` are SKUs that somebody else has changed since."""

    diff: UserDiff
    changed: tuple[SkuId, ...] = ()
    # What cannot come back: products that the tenant no longer owns, and "no location", which nobody can set.
    gone: tuple[SkuId, ...] = ()
    location_stays: bool = False


def reverse(deed: Deed, now: UserState, catalog: Catalog) -> Reversal:
    """Return what turns a deed back for a user who is now in this state; what is as before already needs nothing."""
    adds: list[LicenseAdd] = []
    removes: list[SkuId] = []
    changed: list[SkuId] = []
    gone: list[SkuId] = []
    for sku_id in (*(add.sku_id for add in deed.diff.add), *deed.diff.remove):
        was, did, has = (_direct(state, sku_id) for state in (deed.before, deed.after, now))
        if _same(has, was):
            continue
        if not _same(has, did):
            changed.append(sku_id)
        elif was is None:
            removes.append(sku_id)
        elif (sku := catalog.get(sku_id)) is None:
            gone.append(sku_id)
        else:
            # A plan that the product lost since would be refused.
            adds.append(LicenseAdd(sku_id=sku_id, disabled=was.disabled & sku.plan_ids))
    if changed:
        return Reversal(diff=UserDiff(user_id=now.user_id), changed=tuple(changed))
    location, stays = _location(deed, now)
    diff = UserDiff(user_id=now.user_id, add=tuple(adds), remove=tuple(removes), location=location)
    return Reversal(diff=diff, gone=tuple(gone), location_stays=stays)


def _direct(state: UserState, sku_id: SkuId) -> Path | None:
    """Return the direct path that gives the product."""
    held = state.held.get(sku_id)
    return held.direct if held is not None else None


def _same(one: Path | None, other: Path | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.disabled == other.disabled


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
    review_above: int = 100,
    drift: bool = False,
) -> SavePlan:
    """Plan the undo of these deeds for users in the order in which seats are given out."""
    planner = Planner(catalog)
    plans: list[UserPlan] = []
    causes: set[Cause] = {Cause.DRIFT} if drift else set()
    for state in users:
        deed = deeds.get(state.user_id)
        found = reverse(deed, state, catalog) if deed else Reversal(diff=UserDiff(user_id=state.user_id))
        if found.changed and state.exists:
            refusal = failure_of(FailureKind.CHANGED_ELSEWHERE, skus=found.changed)
            plans.append(UserPlan(user_id=state.user_id, state_before=state, diff=found.diff, refusal=refusal))
        else:
            plans.append(planner.plan(state, found.diff, is_wished=deed is not None))
        causes |= {Cause.PRODUCT_GONE} if found.gone else set()
        causes |= {Cause.LOCATION_STAYS} if found.location_stays else set()
    if any(plan.diff.remove for plan in plans):
        causes.add(Cause.REMOVES_PRODUCT)
    causes |= found_causes(plans, review_above)
    return SavePlan(users=tuple(plans), seats=planner.ledger.lines(), causes=frozenset(causes))


def reversed_wish(wish: Wish) -> Wish:
    """Return what the undo of a wish asks for, as lists and histories name it; users are planned from their deeds."""
    return Wish(
        products={sku_id: _OPPOSITE[choice] for sku_id, choice in wish.products.items()},
        plans={key: _OPPOSITE[choice] for key, choice in wish.plans.items()},
    )
