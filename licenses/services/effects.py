"""What a save does to each product: the live summary of Manage licenses, from the plan that the save itself makes."""

from collections import Counter
from dataclasses import dataclass

from licenses.core.catalog import AppliesTo, Catalog, Sku, SkuId
from licenses.core.planning import SavePlan, SeatLine
from licenses.services.manage import is_free


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
