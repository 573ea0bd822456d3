"""The health figures of a customer and the filter lists that concern licences, counted after every sync."""

from django.db.models import Count, F

from customers.models import Customer, CustomerFacet, DirectoryUser
from customers.sync import replace_facets, write_facets, write_locations
from licenses.core.catalog import Seats
from licenses.models import Assignment, Entitlement, Holding

# Free and self-service products show huge numbers that say nothing (graph-api.md 6.11).
FREE_PRODUCT_UNITS = 10_000


def write_figures(customer: Customer) -> None:
    """Count what the list of customers shows."""
    users = DirectoryUser.objects.of(customer)
    customer.user_count = users.count()
    customer.error_users = users.filter(has_errors=True).count()
    customer.save(update_fields=["user_count", "error_users"])
    write_product_figures(customer)


def write_product_figures(customer: Customer) -> None:
    """Count what the list of customers shows of products; whenever they were read, so that both pages agree."""
    free = short = over = 0
    for entitlement in Entitlement.objects.filter(customer=customer, applies_to="User"):
        seats: Seats = entitlement.seats
        owned = seats.enabled + seats.warning
        over += max(0, seats.consumed - owned) if owned or not seats.suspended else 0
        if entitlement.enabled < FREE_PRODUCT_UNITS and entitlement.is_assignable:
            free += seats.available
            short += owned > 0 and seats.available == 0
    customer.free_licenses, customer.short_products, customer.over_licenses = free, short, over
    customer.save(update_fields=["free_licenses", "short_products", "over_licenses"])


def write_after_change(customer: Customer) -> None:
    """Count again what one of our changes moves: holders, usage locations and the figures of the customer.

    Departments are Microsoft's, and what groups give is not ours to change: both wait for the next sync.
    """
    write_locations(customer)
    _write_products(customer)
    write_figures(customer)


def write_all_facets(customer: Customer) -> None:
    """Write every filter list of the users page."""
    write_facets(customer)
    _write_products(customer)
    names = dict(customer.groups.values_list("object_id", "display_name"))
    by_group = (
        Assignment.objects.filter(customer=customer)
        .exclude(via=Assignment.DIRECT)
        .values_list("via")
        .annotate(number=Count("user", distinct=True))
        .order_by(F("via"))
    )
    groups = [(via, names.get(via, via), number) for via, number in by_group]
    replace_facets(customer, CustomerFacet.Kind.GROUP, groups)


def _write_products(customer: Customer) -> None:
    held = (
        Holding.objects.filter(customer=customer)
        .values_list("product__sku_id", "product__display_name")
        .annotate(number=Count("pk"))
        .order_by("product__display_name")
    )
    replace_facets(customer, CustomerFacet.Kind.PRODUCT, list(held))
