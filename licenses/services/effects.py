"""What a save does to each product: the live summary of Manage licenses, from the plan that the save itself makes."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from licenses.core.catalog import AppliesTo, Catalog, PlanId, Sku, SkuId
from licenses.core.diff import Choice, Wish, apply_diff
from licenses.core.holdings import Held
from licenses.core.planning import SavePlan, SeatLine, UserPlan
from licenses.explanations import explanation, refused_before
from licenses.services.manage import is_free
from licensing_portal.lists import listed


@dataclass(frozen=True, slots=True)
class Reach:
    """Of the users for whom something is asked, those for whom it is done: planning refuses the others."""

    done: int = 0
    asked: int = 0

    def __bool__(self) -> bool:
        """Tell whether it is asked for anybody."""
        return self.asked > 0

    @property
    def is_partial(self) -> bool:
        """Whether some of them are refused."""
        return self.done < self.asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a save does to one product."""

    sku: Sku
    assigned: Reach
    unassigned: Reach
    edited: Reach
    short: int
    after: int

    @property
    def is_free(self) -> bool:
        """Whether the units are so many that numbers say nothing."""
        return is_free(self.sku)

    @property
    def is_any(self) -> bool:
        """Whether anything is asked of this product."""
        return bool(self.assigned or self.unassigned or self.edited)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A clash that is foreseen for so many users; Microsoft has the last word.

    `about` names plans or products; `before` says when Microsoft refused the same, where no rule knows of it.
    """

    title: str
    about: str
    before: str
    users: int


def foreseen(plan: SavePlan, catalog: Catalog) -> list[Foreseen]:
    """Return the clashes that a save would run into, the most users first."""
    counted = Counter(caution for user in plan.users for caution in user.cautions)
    if not counted:
        return []
    names = catalog.names
    return [
        Foreseen(
            title=str(explanation(one.kind).title),
            about=listed(names.get(named, named) for named in (*one.skus, *one.plans)),
            before=refused_before(one.seen),
            users=users,
        )
        for one, users in counted.most_common()
    ]


def effects(plan: SavePlan, catalog: Catalog) -> dict[SkuId, Effect]:
    """Return for each product row how many users get it, lose it, or have its plans changed, and what stays free."""
    done: Counter[tuple[str, SkuId]] = Counter()
    asked: Counter[tuple[str, SkuId]] = Counter()
    for user in plan.users:
        deeds = [("assign" if add.sku_id in user.newly_held else "edit", add.sku_id) for add in user.diff.add]
        deeds += [("unassign", sku_id) for sku_id in user.diff.remove]
        asked.update(deeds)
        if user.refusal is None:
            done.update(deeds)
    seats = {line.sku_id: line for line in plan.seats}
    return {
        sku_id: _effect(sku, done, asked, seats.get(sku_id))
        for sku_id, sku in catalog.skus.items()
        if sku.applies_to == AppliesTo.USER
    }


def _effect(
    sku: Sku, done: Counter[tuple[str, SkuId]], asked: Counter[tuple[str, SkuId]], seats: SeatLine | None
) -> Effect:
    def reach(deed: str) -> Reach:
        return Reach(done[deed, sku.sku_id], asked[deed, sku.sku_id])

    return Effect(
        sku=sku,
        assigned=reach("assign"),
        unassigned=reach("unassign"),
        edited=reach("edit"),
        short=seats.short if seats else 0,
        after=seats.after if seats else sku.seats.available,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanNote:
    """What is said beside a service plan's box: for how many holders it is on, and will be."""

    sku_id: SkuId
    plan_id: PlanId
    choice: Choice
    # Holders now, and those of them who have the plan on.
    holders: int
    on: int
    # Of the holders who stay, and of those who are new, who has the plan as the box says: off for `none`, else on.
    stay: int
    stay_so: int
    new_so: int
    # The product goes away, or nobody gets it and the plan is left alone: what was said before stays true.
    is_same: bool

    @property
    def is_off(self) -> bool:
        """Whether it is switched off."""
        return self.choice == Choice.NONE and not self.is_same

    @property
    def is_on(self) -> bool:
        """Whether it is switched on."""
        return self.choice == Choice.ALL and not self.is_same


def plan_notes(plan: SavePlan, wish: Wish, catalog: Catalog) -> Iterator[PlanNote]:
    """Yield the notes of the plans of those products alone that the wish changes."""
    chosen = {sku_id for sku_id, choice in wish.products.items() if choice != Choice.KEEP}
    chosen |= {sku_id for (sku_id, _plan), choice in wish.plans.items() if choice != Choice.KEEP}
    for sku_id in sorted(chosen):
        sku = catalog.get(sku_id)
        if sku is not None:
            yield from _notes_of(sku, plan, wish)


def _notes_of(sku: Sku, plan: SavePlan, wish: Wish) -> Iterator[PlanNote]:
    """Count users by their few sets of plans that are off, then look at each plan."""
    before: Counter[frozenset[PlanId]] = Counter()
    stay: Counter[frozenset[PlanId]] = Counter()
    new: Counter[frozenset[PlanId]] = Counter()
    for user in plan.users:
        was = _off(user.state_before.held.get(sku.sku_id))
        now = _off_after(user, sku.sku_id, was)
        if was is not None:
            before[was] += 1
        if now is not None:
            (new if was is None else stay)[now] += 1
    goes = wish.products.get(sku.sku_id) == Choice.NONE
    for one in sku.user_plans:
        choice = wish.plans.get((sku.sku_id, one.plan_id), Choice.KEEP)
        off = choice == Choice.NONE
        yield PlanNote(
            sku_id=sku.sku_id,
            plan_id=one.plan_id,
            choice=choice,
            holders=before.total(),
            on=_number(before, one.plan_id, off=False),
            stay=stay.total(),
            stay_so=_number(stay, one.plan_id, off=off),
            new_so=_number(new, one.plan_id, off=off),
            is_same=goes or (choice == Choice.KEEP and not new),
        )


def _number(sets: Counter[frozenset[PlanId]], plan_id: PlanId, *, off: bool) -> int:
    return sum(number for disabled, number in sets.items() if (plan_id in disabled) is off)


def _off(held: Held | None) -> frozenset[PlanId] | None:
    """Return the plans that are off for a holder; None for who does not hold the product."""
    return held.disabled if held is not None and held.holds else None


def _off_after(user: UserPlan, sku_id: SkuId, was: frozenset[PlanId] | None) -> frozenset[PlanId] | None:
    """Return the same as it will be after the save; nothing happens to who is refused."""
    if user.refusal is not None:
        return was
    if sku_id not in user.diff.remove and all(add.sku_id != sku_id for add in user.diff.add):
        return was
    return _off(apply_diff(user.state_before, user.diff).held.get(sku_id))
