"""What a wish changes for one user: the single place where choices of boxes become adds and removals.

`keep` changes nobody. One call per user holds everything, and nothing inherited from a group is ever in it
(design, section 5).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from licenses.core.catalog import Catalog, GroupId, PlanId, Sku, SkuId, UserId
from licenses.core.holdings import DIRECT, Held, Path, UserState
from licenses.core.swap import CarryOver


class Choice(StrEnum):
    """What was chosen at a box."""

    KEEP = "keep"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The choices of one save. `location` goes to users without one; to all with `overwrite_location`."""

    products: Mapping[SkuId, Choice] = field(default_factory=dict)
    plans: Mapping[tuple[SkuId, PlanId], Choice] = field(default_factory=dict)
    location: str | None = None
    overwrite_location: bool = False
    # Whether what a user had switched off in a product that goes starts off in one that comes.
    carry_over: bool = True

    @property
    def removes_products(self) -> bool:
        """Whether a product is taken away."""
        return Choice.NONE in self.products.values()

    @property
    def removes_plans(self) -> bool:
        """Whether a plan is switched off in a product that stays."""
        return any(
            choice == Choice.NONE and self.products.get(sku_id) != Choice.NONE
            for (sku_id, _), choice in self.plans.items()
        )

    @property
    def removes(self) -> bool:
        """Whether anything is taken away."""
        return self.removes_products or self.removes_plans

    @property
    def is_empty(self) -> bool:
        """Whether nothing was chosen at all."""
        choices = (*self.products.values(), *self.plans.values())
        return self.location is None and all(choice == Choice.KEEP for choice in choices)


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseAdd:
    """A direct assignment as it is sent: the complete list of plans that are off."""

    sku_id: SkuId
    disabled: frozenset[PlanId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Something that stays because groups give it: a product, or (with `plan_id`) a plan."""

    sku_id: SkuId
    groups: tuple[GroupId, ...]
    plan_id: PlanId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDiff:
    """What is sent for one user, and what groups keep."""

    user_id: UserId
    add: tuple[LicenseAdd, ...] = ()
    remove: tuple[SkuId, ...] = ()
    location: str | None = None
    kept: tuple[Kept, ...] = ()
    # Plans of newly given products that start off because they were off in a product that goes.
    carried: tuple[tuple[SkuId, PlanId], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether no call is needed."""
        return not (self.add or self.remove or self.location)


def diff_user(state: UserState, wish: Wish, catalog: Catalog) -> UserDiff:
    """Return what the wish changes for this user; SKUs that the tenant does not own are passed over."""
    return Differ(wish, catalog)(state)


class Differ:
    """A wish made ready for many users: what is the same for all of them is worked out once."""

    def __init__(self, wish: Wish, catalog: Catalog) -> None:
        self._wish = wish
        self._carry_over = CarryOver(catalog)
        switched = {sku_id for (sku_id, _), choice in wish.plans.items() if choice != Choice.KEEP}
        chosen = {sku_id for sku_id, choice in wish.products.items() if choice != Choice.KEEP}
        self._edits = tuple(
            _Edit(sku, wish) for sku_id in sorted(chosen | switched) if (sku := catalog.get(sku_id)) is not None
        )

    def __call__(self, state: UserState) -> UserDiff:
        """Return what the wish changes for this user."""
        adds: list[LicenseAdd] = []
        removes: list[SkuId] = []
        kept: list[Kept] = []
        given: list[_Edit] = []
        for edit in self._edits:
            held = state.held.get(edit.sku_id)
            if edit.choice == Choice.NONE:
                if held is not None:
                    _revoke(edit.sku_id, held, removes, kept)
            elif held is None or not held.holds:
                if edit.choice == Choice.ALL:
                    given.append(edit)
            elif edit.off or edit.on:
                edit.switch(held, adds, kept)
        carried = self._give(given, state, removes, adds)
        return UserDiff(
            user_id=state.user_id,
            add=tuple(adds),
            remove=tuple(removes),
            location=_location(state, self._wish),
            kept=tuple(kept),
            carried=carried,
        )

    def _give(
        self, given: Sequence["_Edit"], state: UserState, removes: Sequence[SkuId], adds: list[LicenseAdd]
    ) -> tuple[tuple[SkuId, PlanId], ...]:
        """Add newly given products; return which of their plans start off because the user had them off before."""
        gone = [(sku_id, state.held[sku_id].disabled) for sku_id in removes if state.holds(sku_id)]
        if not (self._wish.carry_over and any(disabled for _, disabled in gone)):
            adds.extend(edit.new_holder for edit in given)
            return ()
        carried: list[tuple[SkuId, PlanId]] = []
        for edit in given:
            # A box that says on or off has the last word.
            off = self._carry_over.starts_off(gone, edit.sku) - edit.on - edit.off
            adds.append(replace(edit.new_holder, disabled=edit.off | off) if off else edit.new_holder)
            carried += [(edit.sku_id, plan_id) for plan_id in sorted(off)]
        return tuple(carried)


class _Edit:
    """The choices for one SKU. Company plans and plans that the SKU does not have are never switched."""

    def __init__(self, sku: Sku, wish: Wish) -> None:
        self.sku, self.sku_id = sku, sku.sku_id
        self.choice = wish.products.get(sku.sku_id, Choice.KEEP)
        choices = {plan.plan_id: wish.plans.get((sku.sku_id, plan.plan_id)) for plan in sku.user_plans}
        self.off = frozenset(plan_id for plan_id, choice in choices.items() if choice == Choice.NONE)
        self.on = frozenset(plan_id for plan_id, choice in choices.items() if choice == Choice.ALL)
        # A new holder gets every plan but those that were switched off.
        self.new_holder = LicenseAdd(sku_id=sku.sku_id, disabled=self.off)
        self._plans = frozenset(plan.plan_id for plan in sku.plans)
        self._wanted: dict[frozenset[PlanId], LicenseAdd] = {}
        self._kept: dict[tuple[bool, tuple[Path, ...]], tuple[Kept, ...]] = {}

    def switch(self, held: Held, adds: list[LicenseAdd], kept: list[Kept]) -> None:
        """Edit the direct path's plans; a group's plans cannot be edited here."""
        direct = held.direct
        if direct is not None:
            wanted = self._complete(direct.disabled)
            if wanted.disabled != direct.disabled & self._plans:
                adds.append(wanted)
        if direct is None or len(held.paths) > 1:
            kept.extend(self._kept_by(held, direct is None))

    def _complete(self, disabled: frozenset[PlanId]) -> LicenseAdd:
        """Return the whole list that replaces this one: Graph does not merge (graph-api.md 2.6).

        A plan that has left the product is left out: Graph refuses a list that names one.
        """
        wanted = self._wanted.get(disabled)
        if wanted is None:
            wanted = LicenseAdd(sku_id=self.sku_id, disabled=((disabled | self.off) & self._plans) - self.on)
            self._wanted[disabled] = wanted
        return wanted

    def _kept_by(self, held: Held, groups_only: bool) -> tuple[Kept, ...]:
        """Return the plans that groups keep as they are; users of the same groups share the answer."""
        key = (groups_only, held.by_group)
        known = self._kept.get(key)
        if known is None:
            kept = [
                Kept(sku_id=self.sku_id, plan_id=plan_id, groups=groups)
                for plan_id in sorted(self.off)
                if (groups := tuple(sorted(path.via for path in held.by_group if plan_id not in path.disabled)))
            ]
            if groups_only:
                # Off by the group, and there is no direct assignment in which it could be switched on.
                stuck = sorted(self.on & held.disabled)
                kept += [Kept(sku_id=self.sku_id, plan_id=plan_id, groups=held.groups) for plan_id in stuck]
            known = self._kept[key] = tuple(kept)
        return known


def _revoke(sku_id: SkuId, held: Held, removes: list[SkuId], kept: list[Kept]) -> None:
    """Take away the direct assignment (one in error too); what groups give stays and is listed."""
    if held.any_direct is not None:
        removes.append(sku_id)
    if held.groups:
        kept.append(Kept(sku_id=sku_id, groups=held.groups))


def _location(state: UserState, wish: Wish) -> str | None:
    """Return the location to set for this user, if any."""
    if wish.location is None or state.usage_location == wish.location:
        return None
    return wish.location if wish.overwrite_location or not state.usage_location else None


def apply_diff(state: UserState, diff: UserDiff) -> UserState:
    """Return the user as Microsoft must show them afterwards; paths by group are untouched."""
    held = dict(state.held)
    for sku_id in diff.remove:
        rest = tuple(path for path in held[sku_id].paths if path.via != DIRECT) if sku_id in held else ()
        if rest:
            held[sku_id] = Held(rest)
        else:
            held.pop(sku_id, None)
    for add in diff.add:
        others = tuple(path for path in held.get(add.sku_id, Held(())).paths if path.via != DIRECT)
        held[add.sku_id] = Held((Path(via=DIRECT, disabled=add.disabled), *others))
    return replace(state, held=held, usage_location=diff.location or state.usage_location)
