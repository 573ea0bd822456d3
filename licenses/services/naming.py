"""Names of products, plans and groups for lists of ids, loaded once per page."""

from collections.abc import Iterable

from customers.models import Customer
from licenses.models import Product, ServicePlan
from licensing_portal.lists import listed


class Names:
    """Names by id; an id that nobody knows is printed as it is."""

    def __init__(self, customer: Customer, skus: Iterable[str], plans: Iterable[str] = ()) -> None:
        self._products = dict(Product.objects.filter(sku_id__in=set(skus)).values_list("sku_id", "display_name"))
        wanted = set(plans)
        self._plans = (
            dict(ServicePlan.objects.filter(plan_id__in=wanted).values_list("plan_id", "display_name"))
            if wanted
            else {}
        )
        self._groups = dict(customer.groups.values_list("object_id", "display_name"))

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
