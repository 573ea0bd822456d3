"""Swap of one product for another: what a user had switched off stays off in the new one (design, section 5).

A family (Exchange, Teams, …) is off in a product when all of its plans are. A plan of both products stays off by
itself, whatever its family.
"""

from collections.abc import Iterable

from licenses.core.catalog import Catalog, PlanId, Sku, SkuId
from licenses.core.families import Family

# A product that is taken away, with the plans that were off in it.
type Gone = tuple[SkuId, frozenset[PlanId]]


class CarryOver:
    """Finds what starts off in the products of one tenant; equal users share the answer."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[tuple[frozenset[Gone], SkuId], frozenset[PlanId]] = {}

    def starts_off(self, gone: Iterable[Gone], given: Sku) -> frozenset[PlanId]:
        """Return the plans of a newly given product that start off for a user who gives these products up."""
        key = (frozenset(gone), given.sku_id)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._find(key[0], given)
        return known

    def _find(self, gone: frozenset[Gone], given: Sku) -> frozenset[PlanId]:
        off: set[PlanId] = set()
        on: set[PlanId] = set()
        families_off: set[Family] = set()
        families_on: set[Family] = set()
        for sku_id, disabled in gone:
            sku = self._catalog.get(sku_id)
            for plan in sku.user_plans if sku is not None else ():
                is_off = plan.plan_id in disabled
                (off if is_off else on).add(plan.plan_id)
                (families_off if is_off else families_on).add(plan.family)
        # What one of the products still gave was not off.
        families = families_off - families_on - {Family.OTHER}
        plans = off - on
        return frozenset(plan.plan_id for plan in given.user_plans if plan.family in families or plan.plan_id in plans)
