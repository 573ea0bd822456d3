"""Names of products, plans and groups for lists of ids, each loaded once per page, when somebody asks."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from django.db.models import QuerySet

from customers.models import Customer
from licenses.models import Product, ServicePlan
from licensing_portal.lists import listed


class Names:
    """Names by id; an id that nobody knows is printed as it is."""

    def __init__(self, customer: Customer, skus: Iterable[str], plans: Iterable[str] = ()) -> None:
        self._customer, self._skus, self._wanted = customer, set(skus), set(plans)
        self._known: dict[str, str] = {}

    def learn(self, names: Mapping[str, str]) -> None:
        """Take over names by id that are at hand already; only the others are looked up."""
        self._known.update(names)

    @cached_property
    def _products(self) -> dict[str, str]:
        missing = self._skus - self._known.keys()
        return self._known | (_named(Product.objects.filter(sku_id__in=missing), "sku_id") if missing else {})

    @cached_property
    def _plans(self) -> dict[str, str]:
        missing = self._wanted - self._known.keys()
        return self._known | (_named(ServicePlan.objects.filter(plan_id__in=missing), "plan_id") if missing else {})

    @cached_property
    def _groups(self) -> dict[str, str]:
        return _named(self._customer.groups.all(), "object_id")

    def product(self, sku_id: str) -> str:
        """Return a product's name."""
        return self._products.get(sku_id, sku_id)

    def plan(self, plan_id: str) -> str:
        """Return a service plan's name."""
        return self._plans.get(plan_id, plan_id)

    def knows_group(self, group_id: str) -> bool:
        """Tell whether a group has a name here."""
        return group_id in self._groups

    def groups(self, ids: Iterable[str]) -> str:
        """Return the names of groups, joined."""
        return listed(self._groups.get(group_id, group_id) for group_id in ids)


def _named(found: QuerySet[Any], key: str) -> dict[str, str]:
    return dict(found.values_list(key, "display_name"))
