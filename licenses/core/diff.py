"""What a wish changes for one user: the single place where choices of boxes become adds and removals.

`keep` changes nobody. One call per user holds everything, and nothing inherited from a group is ever in it
(design, section 5).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from licenses.core.catalog import Catalog, GroupId, PlanId, Sku, SkuId, UserId
from licenses.core.holdings import DIRECT, Held, Path, UserState


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

    @property
    def is_empty(self) -> bool:
        """Whether no call is needed."""
        return not (self.add or self.remove or self.location)


def diff_user(state: UserState, wish: Wish, catalog: Catalog) -> UserDiff:
    """Return what the wish changes for this user; SKUs that the tenant does not own are passed over."""
    adds: list[LicenseAdd] = []
    removes: list[SkuId] = []
    kept: list[Kept] = []
    switches = _switches_by_sku(wish)
    for sku_id in sorted({*wish.products, *switches}):
        sku = catalog.get(sku_id)
        if sku is None:
            continue
        choice = wish.products.get(sku_id, Choice.KEEP)
        held = state.held.get(sku_id) or Held(())
        if choice == Choice.NONE:
            _revoke(sku_id, held, removes, kept)
        elif not held.holds:
            if choice == Choice.ALL:
                adds.append(_new_assignment(sku, switches.get(sku_id, {})))
        else:
            _switch(sku_id, held, switches.get(sku_id, {}), adds, kept)
    return UserDiff(
        user_id=state.user_id,
        add=tuple(adds),
        remove=tuple(removes),
        location=_location(state, wish),
        kept=tuple(kept),
    )


def _switches_by_sku(wish: Wish) -> dict[SkuId, dict[PlanId, Choice]]:
    """Return the plan choices that change something, by SKU."""
    switches: dict[SkuId, dict[PlanId, Choice]] = {}
    for (sku_id, plan_id), choice in wish.plans.items():
        if choice != Choice.KEEP:
            switches.setdefault(sku_id, {})[plan_id] = choice
    return switches


def _revoke(sku_id: SkuId, held: Held, removes: list[SkuId], kept: list[Kept]) -> None:
    """Take away the direct assignment (one in error too); what groups give stays and is listed."""
    if held.any_direct is not None:
        removes.append(sku_id)
    if held.groups:
        kept.append(Kept(sku_id=sku_id, groups=held.groups))


def _new_assignment(sku: Sku, switches: Mapping[PlanId, Choice]) -> LicenseAdd:
    """A new holder gets every user plan but those that were switched off."""
    off = {plan.plan_id for plan in sku.user_plans if switches.get(plan.plan_id) == Choice.NONE}
    return LicenseAdd(sku_id=sku.sku_id, disabled=frozenset(off))


def _switch(
    sku_id: SkuId,
    held: Held,
    switches: Mapping[PlanId, Choice],
    adds: list[LicenseAdd],
    kept: list[Kept],
) -> None:
    """Edit the direct path's plans; a group's plans cannot be edited here."""
    off = {plan_id for plan_id, choice in switches.items() if choice == Choice.NONE}
    on = {plan_id for plan_id, choice in switches.items() if choice == Choice.ALL}
    direct = held.direct
    if direct is not None:
        wanted = (direct.disabled | off) - on
        if wanted != direct.disabled:
            adds.append(LicenseAdd(sku_id=sku_id, disabled=wanted))
    for plan_id in sorted(off):
        groups = tuple(path.via for path in held.active if path.via != DIRECT and plan_id not in path.disabled)
        if groups:
            kept.append(Kept(sku_id=sku_id, plan_id=plan_id, groups=tuple(sorted(groups))))
    if direct is None:
        # Off by the group, and there is no direct assignment in which it could be switched on.
        for plan_id in sorted(on & held.disabled):
            kept.append(Kept(sku_id=sku_id, plan_id=plan_id, groups=held.groups))


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
