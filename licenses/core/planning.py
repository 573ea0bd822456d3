"""Plans a save: which call goes to which user, what blocks it, and what Review must ask (design, section 5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from licenses.core.catalog import Catalog, PlanId, SkuId
from licenses.core.diff import UserDiff, Wish, apply_diff, diff_user
from licenses.core.holdings import UserState
from licenses.core.rules import clashes, forbidden, missing_dependencies
from licenses.core.triage import Failure, FailureKind, failure_of


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """A clash that the rules foresee; it is sent all the same."""

    kind: FailureKind
    plans: tuple[PlanId, ...] = ()
    skus: tuple[SkuId, ...] = ()


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


class _Ledger:
    """Running seat balances: users earlier in the order take first, and what they free counts for later ones."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.balance: dict[SkuId, int] = {}
        self.needed: dict[SkuId, int] = {}
        self.freed: dict[SkuId, int] = {}
        self.short: dict[SkuId, int] = {}

    def free(self, sku_id: SkuId) -> int:
        """Return the seats that were free before this save."""
        sku = self._catalog.get(sku_id)
        return sku.seats.available if sku is not None else 0

    def lacking(self, wanted: Sequence[SkuId]) -> tuple[SkuId, ...]:
        """Note that a user needs these SKUs; return those without a seat left."""
        for sku_id in wanted:
            self.needed[sku_id] = self.needed.get(sku_id, 0) + 1
        lacking = tuple(sku for sku in wanted if self.balance.setdefault(sku, self.free(sku)) < 1)
        for sku_id in lacking:
            self.short[sku_id] = self.short.get(sku_id, 0) + 1
        return lacking

    def move(self, taken: Sequence[SkuId], freed: Sequence[SkuId]) -> None:
        """Book what a user takes and gives back."""
        for sku_id in taken:
            self.balance[sku_id] = self.balance.get(sku_id, self.free(sku_id)) - 1
        for sku_id in freed:
            self.balance[sku_id] = self.balance.get(sku_id, self.free(sku_id)) + 1
            self.freed[sku_id] = self.freed.get(sku_id, 0) + 1

    def lines(self) -> tuple[SeatLine, ...]:
        """Return the products whose seats move, sorted by id."""
        return tuple(
            SeatLine(
                sku_id=sku_id,
                needed=self.needed.get(sku_id, 0),
                free=self.free(sku_id),
                freed=self.freed.get(sku_id, 0),
                short=self.short.get(sku_id, 0),
                after=max(0, self.balance.get(sku_id, self.free(sku_id))),
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
) -> SavePlan:
    """Plan a wish for users in the order in which seats are given out."""
    ledger = _Ledger(catalog)
    plans = tuple(_plan_user(state, wish, catalog, ledger) for state in users)
    causes = _causes(plans, wish, review_above)
    if selection_changed:
        causes.add(Cause.SELECTION_CHANGED)
    if drift:
        causes.add(Cause.DRIFT)
    return SavePlan(users=plans, seats=ledger.lines(), causes=frozenset(causes))


def _plan_user(state: UserState, wish: Wish, catalog: Catalog, ledger: _Ledger) -> UserPlan:
    """Plan one user and book the seats; a refused user takes and frees nothing."""
    diff = diff_user(state, wish, catalog)
    if diff.is_empty:
        return UserPlan(user_id=state.user_id, state_before=state, diff=diff)
    after = apply_diff(state, diff)
    newly = tuple(add.sku_id for add in diff.add if not state.holds(add.sku_id))
    freed = tuple(sku for sku in diff.remove if state.holds(sku) and not after.holds(sku))
    refusal = _refusal(state, after, diff, newly, catalog) or _seat_refusal(newly, ledger)
    if refusal is None:
        ledger.move(newly, freed)
    return UserPlan(
        user_id=state.user_id,
        state_before=state,
        diff=diff,
        refusal=refusal,
        cautions=_cautions(after, diff, catalog) if refusal is None else (),
        newly_held=newly,
        freed=freed,
    )


def _refusal(
    state: UserState, after: UserState, diff: UserDiff, newly: Sequence[SkuId], catalog: Catalog
) -> Failure | None:
    """Return what certainly stands in the way of this user, seats apart."""
    if not state.exists:
        return failure_of(FailureKind.NOT_FOUND)
    closed = tuple(sku_id for sku_id in newly if not _is_assignable(catalog, sku_id))
    if closed:
        return failure_of(FailureKind.SKU_SUSPENDED, skus=closed)
    if diff.add and not after.usage_location:
        return failure_of(FailureKind.NO_LOCATION)
    return None


def _is_assignable(catalog: Catalog, sku_id: SkuId) -> bool:
    sku = catalog.get(sku_id)
    return sku is not None and sku.is_assignable


def _seat_refusal(newly: Sequence[SkuId], ledger: _Ledger) -> Failure | None:
    lacking = ledger.lacking(newly)
    return failure_of(FailureKind.NO_SEAT, skus=lacking) if lacking else None


def _cautions(after: UserState, diff: UserDiff, catalog: Catalog) -> tuple[Caution, ...]:
    """Return the clashes that the rules foresee in the user's state after the save."""
    if not (diff.add or diff.remove):
        return ()
    plans = after.enabled_plans(catalog)
    found = [Caution(kind=FailureKind.EXCLUSIVE, plans=clash.plans) for clash in clashes(plans)]
    found += [
        Caution(kind=FailureKind.DEPENDENCY, plans=(gap.plan_id, *gap.needs)) for gap in missing_dependencies(plans)
    ]
    if diff.add and (closed := forbidden(_added_plans(diff, catalog), after.usage_location)):
        found.append(Caution(kind=FailureKind.LOCATION_FORBIDDEN, plans=closed))
    return tuple(found)


def _added_plans(diff: UserDiff, catalog: Catalog) -> frozenset[PlanId]:
    """Return the plans that the sent assignments switch on."""
    plans: set[PlanId] = set()
    for add in diff.add:
        sku = catalog.get(add.sku_id)
        if sku is not None:
            plans |= sku.plan_ids - add.disabled
    return frozenset(plans)


_REFUSAL_CAUSES: Mapping[FailureKind, Cause] = {
    FailureKind.NO_SEAT: Cause.SHORT,
    FailureKind.NO_LOCATION: Cause.NO_LOCATION,
}


def _causes(plans: Sequence[UserPlan], wish: Wish, review_above: int) -> set[Cause]:
    """Return why Review must ask, as far as the plan itself tells."""
    causes = {_REFUSAL_CAUSES.get(plan.refusal.kind, Cause.REFUSED) for plan in plans if plan.refusal}
    if wish.removes_products:
        causes.add(Cause.REMOVES_PRODUCT)
    if wish.removes_plans:
        causes.add(Cause.REMOVES_PLAN)
    if sum(not plan.diff.is_empty for plan in plans) > review_above:
        causes.add(Cause.MANY_USERS)
    newly_licensed = [plan.state_before for plan in plans if plan.newly_held and plan.refusal is None]
    if any(not state.enabled for state in newly_licensed):
        causes.add(Cause.BLOCKED_NEWLY_LICENSED)
    if any(state.guest for state in newly_licensed):
        causes.add(Cause.GUEST_NEWLY_LICENSED)
    return causes
