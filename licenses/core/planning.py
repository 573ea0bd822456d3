"""Plans a save: which call goes to which user, what blocks it, and what Review must ask (design, section 5)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from licenses.core.catalog import AppliesTo, Catalog, SkuId
from licenses.core.diff import Differ, UserDiff, Wish, apply_diff
from licenses.core.failures import Failure, FailureKind, failure_of
from licenses.core.foresight import Caution, Foresight
from licenses.core.holdings import UserState
from licenses.core.remembered import Refused

__all__ = ["Cause", "Planner", "SavePlan", "SeatLine", "UserPlan", "causes_of", "found_causes", "plan_save"]


class Cause(StrEnum):
    """Why a save does not start at once but opens Review."""

    REMOVES_PRODUCT = "removes_product"
    REMOVES_PLAN = "removes_plan"
    MANY_USERS = "many_users"
    SHORT = "short"
    NO_LOCATION = "no_location"
    REFUSED = "refused"
    BLOCKED_NEWLY_LICENSED = "blocked_newly_licensed"
    GUEST_NEWLY_LICENSED = "guest_newly_licensed"
    SELECTION_CHANGED = "selection_changed"
    DRIFT = "drift"
    LOCATION_STAYS = "location_stays"
    PRODUCT_GONE = "product_gone"
    UNCLEAR_LEFT_OUT = "unclear_left_out"
    NOTHING_REMOVED = "nothing_removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPlan:
    """What will happen to one user."""

    user_id: str
    state_before: UserState
    diff: UserDiff
    refusal: Failure | None = None
    cautions: tuple[Caution, ...] = ()
    newly_held: tuple[SkuId, ...] = ()
    freed: tuple[SkuId, ...] = ()

    @property
    def needs_call(self) -> bool:
        """Whether Microsoft will be called for this user."""
        return self.refusal is None and not self.diff.is_empty

    @property
    def writes(self) -> int:
        """Number of calls that go out for this user: the usage location has one of its own."""
        return bool(self.diff.location) + bool(self.diff.add or self.diff.remove) if self.refusal is None else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatLine:
    """Seats of one product: `short` users would find none, `after` is what stays free."""

    sku_id: SkuId
    needed: int
    free: int
    freed: int
    short: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SavePlan:
    """A whole save: users in the order given, products whose seats move, and why Review asks."""

    users: tuple[UserPlan, ...]
    seats: tuple[SeatLine, ...]
    causes: frozenset[Cause]

    @property
    def calls(self) -> int:
        """Number of users for whom Microsoft will be called."""
        return sum(user.needs_call for user in self.users)

    @property
    def writes(self) -> int:
        """Number of calls that go out."""
        return sum(user.writes for user in self.users)


class _Ledger:
    """Running seat balances: users earlier in the order take first, and what they free counts for later ones.

    A balance starts below zero when more is consumed than owned: what is freed then fills that hole first.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.balance: dict[SkuId, int] = {}
        self.needed: dict[SkuId, int] = {}
        self.freed: dict[SkuId, int] = {}
        self.short: dict[SkuId, int] = {}

    def start(self, sku_id: SkuId) -> int:
        """Return the balance before this save."""
        sku = self._catalog.get(sku_id)
        return sku.seats.balance if sku is not None else 0

    def lacking(self, wanted: Sequence[SkuId]) -> tuple[SkuId, ...]:
        """Note that a user needs these SKUs; return those without a seat left."""
        for sku_id in wanted:
            self.needed[sku_id] = self.needed.get(sku_id, 0) + 1
        lacking = tuple(sku for sku in wanted if self.balance.setdefault(sku, self.start(sku)) < 1)
        for sku_id in lacking:
            self.short[sku_id] = self.short.get(sku_id, 0) + 1
        return lacking

    def move(self, taken: Sequence[SkuId], freed: Sequence[SkuId]) -> None:
        """Book what a user takes and gives back."""
        for sku_id in taken:
            self.balance[sku_id] -= 1
        for sku_id in freed:
            self.balance[sku_id] = self.balance.get(sku_id, self.start(sku_id)) + 1
            self.freed[sku_id] = self.freed.get(sku_id, 0) + 1

    def lines(self) -> tuple[SeatLine, ...]:
        """Return the products whose seats move, sorted by id."""
        return tuple(
            SeatLine(
                sku_id=sku_id,
                needed=self.needed.get(sku_id, 0),
                free=max(0, self.start(sku_id)),
                freed=self.freed.get(sku_id, 0),
                short=self.short.get(sku_id, 0),
                after=max(0, self.balance[sku_id]),
            )
            for sku_id in sorted({*self.needed, *self.freed})
        )


def plan_save(
    users: Sequence[UserState],
    wish: Wish,
    catalog: Catalog,
    *,
    review_above: int = 100,
    selection_changed: bool = False,
    drift: bool = False,
    refused: Sequence[Refused] = (),
) -> SavePlan:
    """Plan a wish for users in the order in which seats are given out; `refused` is what Microsoft refused before."""
    planner, diff = Planner(catalog, refused), Differ(wish, catalog)
    plans = tuple(planner.plan(state, diff(state), is_wished=not wish.is_empty) for state in users)
    causes = found_causes(plans, review_above)
    if wish.removes_products:
        # Groups may keep all of it, or nobody may have it: Review asks, but does not warn of what does not happen.
        is_lost = any(plan.diff.remove for plan in plans)
        causes.add(Cause.REMOVES_PRODUCT if is_lost else Cause.NOTHING_REMOVED)
    if wish.removes_plans:
        causes.add(Cause.REMOVES_PLAN)
    if selection_changed:
        causes.add(Cause.SELECTION_CHANGED)
    if drift:
        causes.add(Cause.DRIFT)
    return SavePlan(users=plans, seats=planner.ledger.lines(), causes=frozenset(causes))


class Planner:
    """Plans the users of one change, one after the other."""

    def __init__(self, catalog: Catalog, refused: Sequence[Refused] = ()) -> None:
        self._catalog = catalog
        self._foresee = Foresight(catalog, refused)
        self.ledger = _Ledger(catalog)

    def plan(self, state: UserState, diff: UserDiff, *, is_wished: bool = True) -> UserPlan:
        """Plan one user and book the seats; a refused user takes and frees nothing.

        `is_wished`: something is asked for this user, though there may be nothing left to do.
        """
        if diff.is_empty and (state.exists or not is_wished):
            return UserPlan(user_id=state.user_id, state_before=state, diff=diff)
        after = apply_diff(state, diff)
        newly = tuple(add.sku_id for add in diff.add if not state.holds(add.sku_id))
        freed = tuple(sku for sku in diff.remove if state.holds(sku) and not after.holds(sku))
        refusal = self._refusal(state, after, diff, newly)
        cautions = self._foresee(after, diff) if refusal is None else ()
        if refusal is None:
            # Who will be refused gives nothing back; a seat is kept for them, for Microsoft has the last word.
            is_doubtful = freed and any(not caution.seen for caution in cautions)
            self.ledger.move(newly, () if is_doubtful else freed)
        return UserPlan(
            user_id=state.user_id,
            state_before=state,
            diff=diff,
            refusal=refusal,
            cautions=cautions,
            newly_held=newly,
            freed=freed,
        )

    def _refusal(self, state: UserState, after: UserState, diff: UserDiff, newly: Sequence[SkuId]) -> Failure | None:
        """Return what certainly stands in the way of this user; seats are asked for last."""
        if not state.exists:
            return failure_of(FailureKind.NOT_FOUND)
        closed = tuple(sku_id for sku_id in newly if not self._catalog.skus[sku_id].is_assignable)
        if closed:
            others = tuple(sku_id for sku_id in closed if self._catalog.skus[sku_id].applies_to != AppliesTo.USER)
            kind = FailureKind.NOT_USER_SKU if others else FailureKind.SKU_SUSPENDED
            return failure_of(kind, skus=others or closed)
        if diff.add and not after.usage_location:
            return failure_of(FailureKind.NO_LOCATION)
        lacking = self.ledger.lacking(newly)
        return failure_of(FailureKind.NO_SEAT, skus=lacking) if lacking else None


_REFUSAL_CAUSES: Mapping[FailureKind, Cause] = {
    FailureKind.NO_SEAT: Cause.SHORT,
    FailureKind.NO_LOCATION: Cause.NO_LOCATION,
}


def causes_of(plan: UserPlan) -> Iterator[Cause]:
    """Yield what one user's plan gives Review to ask about; many such users make MANY_USERS a cause."""
    if plan.refusal is not None:
        yield _REFUSAL_CAUSES.get(plan.refusal.kind, Cause.REFUSED)
    if not plan.needs_call:
        return
    yield Cause.MANY_USERS
    if plan.newly_held and not plan.state_before.enabled:
        yield Cause.BLOCKED_NEWLY_LICENSED
    if plan.newly_held and plan.state_before.guest:
        yield Cause.GUEST_NEWLY_LICENSED


def found_causes(plans: Sequence[UserPlan], review_above: int) -> set[Cause]:
    """Return why Review must ask, as far as the users' plans tell."""
    counted = Counter(cause for plan in plans for cause in causes_of(plan))
    return {cause for cause, number in counted.items() if cause != Cause.MANY_USERS or number > review_above}
