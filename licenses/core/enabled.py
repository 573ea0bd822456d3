"""Reads something off the plans that are on, once per distinct (SKU, plans off): tenants have few such pairs."""

from collections.abc import Callable, Mapping

from licenses.core.catalog import Catalog, PlanId, SkuId
from licenses.core.holdings import Held


class EnabledPlans[T]:
    """What `project` makes of the plans that are on; SKUs that the tenant does not own give nothing."""

    def __init__(self, catalog: Catalog, project: Callable[[frozenset[PlanId]], frozenset[T]]) -> None:
        self._catalog = catalog
        self._project = project
        self._known: dict[tuple[SkuId, frozenset[PlanId]], frozenset[T]] = {}

    def of(self, sku_id: SkuId, disabled: frozenset[PlanId]) -> frozenset[T]:
        """Return it for one SKU with these plans off."""
        key = (sku_id, disabled)
        found = self._known.get(key)
        if found is None:
            sku = self._catalog.get(sku_id)
            found = self._project(sku.plan_ids - disabled) if sku is not None else frozenset()
            self._known[key] = found
        return found

    def over(self, held: Mapping[SkuId, Held]) -> frozenset[T]:
        """Return it over everything that gives the user plans."""
        found = {self.of(sku_id, one.disabled) for sku_id, one in held.items() if one.holds}
        return frozenset().union(*found)
