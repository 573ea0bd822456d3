"""What fills the boxes of Manage licenses in one go: the licences of another user, or a saved template.

Products with the plans that are off in them become choices as a person would have ticked them: a box that already
shows what is wished stays as it is, so that nothing is marked as changed which is not.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from licenses.core.catalog import Catalog, PlanId, Sku, SkuId
from licenses.core.diff import Choice, Wish
from licenses.core.holdings import UserState
from licenses.core.tristate import BoxState


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A product to be given, and its plans that are to be off. `by_group`: whoever it comes from has it so alone."""

    sku_id: SkuId
    disabled: frozenset[PlanId] = frozenset()
    by_group: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """What a product's box shows of the selected users, and its plans' boxes of the holders among them.

    `direct`: somebody holds it directly. `locked`: all hold it by group, there is nothing to choose.
    """

    state: BoxState = BoxState.UNCHECKED
    direct: bool = False
    locked: bool = False
    plans: Mapping[PlanId, BoxState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A product whose boxes were filled: its plans that are off, and whether all selected users have it already."""

    sku: Sku
    off: frozenset[PlanId]
    by_group: bool
    already: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """The wish afterwards, what was taken over, and what could not be."""

    wish: Wish
    taken: tuple[Taken, ...] = ()
    # Set to be unassigned, because the other user does not have them.
    unassigned: tuple[Sku, ...] = ()
    # All selected users have them by group; cannot be assigned now; the customer does not own them.
    locked: tuple[Sku, ...] = ()
    unavailable: tuple[Sku, ...] = ()
    not_owned: tuple[SkuId, ...] = ()
    # Products with plans that were to be off and are no longer in them.
    outdated: tuple[tuple[Sku, frozenset[PlanId]], ...] = ()


def lines_of_user(state: UserState) -> tuple[Line, ...]:
    """Return what a user holds, by any path; a plan is off when no path gives it."""
    return tuple(
        Line(sku_id=sku_id, disabled=held.disabled, by_group=held.direct is None)
        for sku_id, held in sorted(state.held.items())
        if held.holds
    )


def lines_of_wish(wish: Wish) -> tuple[Line, ...]:
    """Return the products that a wish gives, with the plans that it switches off in them."""
    return tuple(
        Line(
            sku_id=sku_id,
            disabled=frozenset(
                plan_id for (of, plan_id), plan in wish.plans.items() if of == sku_id and plan == Choice.NONE
            ),
        )
        for sku_id, choice in sorted(wish.products.items())
        if choice == Choice.ALL
    )


def fill(
    wish: Wish,
    lines: Iterable[Line],
    boxes: Mapping[SkuId, Box],
    catalog: Catalog,
    *,
    also_unassign: bool = False,
) -> Filled:
    """Return the wish with these lines in it; what they do not name stays as it was chosen.

    `boxes` are those of the page, one for each product that users can have. `also_unassign`: what somebody holds
    directly and the lines do not name is to go.
    """
    lines = tuple(lines)
    taken: list[Taken] = []
    locked: list[Sku] = []
    unavailable: list[Sku] = []
    not_owned: list[SkuId] = []
    for line in lines:
        sku, box = catalog.get(line.sku_id), boxes.get(line.sku_id)
        if sku is None or box is None:
            not_owned.append(line.sku_id)
        elif box.locked:
            locked.append(sku)
        elif not sku.is_assignable:
            unavailable.append(sku)
        else:
            off = line.disabled & {plan.plan_id for plan in sku.user_plans}
            already = box.state == BoxState.CHECKED
            taken.append(Taken(sku=sku, off=off, by_group=line.by_group, already=already))
            wish = _with(wish, sku, box, off)
    unassigned = _others(lines, boxes, catalog) if also_unassign else ()
    for sku in unassigned:
        wish = _choose(wish, sku.sku_id, Choice.NONE, {})
    return Filled(
        wish=wish,
        taken=tuple(taken),
        unassigned=unassigned,
        locked=tuple(locked),
        unavailable=tuple(unavailable),
        not_owned=tuple(not_owned),
        outdated=tuple(_outdated(lines, {one.sku.sku_id: one.sku for one in taken})),
    )


def _with(wish: Wish, sku: Sku, box: Box, off: Collection[PlanId]) -> Wish:
    """Choose a product and its plans, each box only where it does not show yet what is wished."""
    is_held = box.state == BoxState.CHECKED
    plans: dict[PlanId, Choice] = {}
    for plan in sku.user_plans:
        # Without holders a plan is on: new ones get it.
        state = box.plans.get(plan.plan_id, BoxState.CHECKED)
        if plan.plan_id not in off:
            plans[plan.plan_id] = Choice.KEEP if state == BoxState.CHECKED else Choice.ALL
        else:
            # Off for those who have the product says nothing about those who are given it.
            plans[plan.plan_id] = Choice.KEEP if is_held and state == BoxState.UNCHECKED else Choice.NONE
    return _choose(wish, sku.sku_id, Choice.KEEP if is_held else Choice.ALL, plans)


def _choose(wish: Wish, sku_id: SkuId, choice: Choice, plans: Mapping[PlanId, Choice]) -> Wish:
    """Put these choices in place of all that were made at a product."""
    others = {key: plan for key, plan in wish.plans.items() if key[0] != sku_id}
    chosen = {(sku_id, plan_id): plan for plan_id, plan in plans.items() if plan != Choice.KEEP}
    products = {key: product for key, product in wish.products.items() if key != sku_id}
    if choice != Choice.KEEP:
        products[sku_id] = choice
    return replace(wish, products=products, plans=others | chosen)


def _others(lines: Collection[Line], boxes: Mapping[SkuId, Box], catalog: Catalog) -> tuple[Sku, ...]:
    """Return the products that somebody holds directly and the lines do not name."""
    named = {line.sku_id for line in lines}
    return tuple(
        sku
        for sku_id, box in sorted(boxes.items())
        if box.direct and sku_id not in named and (sku := catalog.get(sku_id))
    )


def _outdated(lines: Iterable[Line], taken: Mapping[SkuId, Sku]) -> Iterable[tuple[Sku, frozenset[PlanId]]]:
    for line in lines:
        sku = taken.get(line.sku_id)
        if sku is not None and (gone := line.disabled - sku.plan_ids):
            yield sku, gone
