"""What customers own as rows for a sheet: one per product, with the figures of the page of products."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import batched

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from customers.models import Customer
from licenses.product_names import in_words
from licenses.services.product_list import ProductRow, product_rows, rows_by_customer
from licensing_portal.lists import listed
from licensing_portal.sheets import Cell, Column, Sheet

# A customer owns some ten products, a large one sixty.
_CUSTOMERS_AT_ONCE = 100


def product_sheet(customer: Customer, q: str, *, now: datetime) -> Sheet:
    """Return a row per product of a customer whose name or part number holds a text."""
    rows = (_row(customer, row) for row in product_rows(customer, q, now=now))
    return Sheet(_("Products"), _columns(), rows)


def customer_sheet(customers: QuerySet[Customer], *, now: datetime) -> Sheet:
    """Return a row per customer and product, in the order of the customers; one that owns nothing has a row too."""
    return Sheet(_("Products of customers"), [*map(Column, _about()), *_columns()], _of_customers(customers, now))


def _about() -> list[str]:
    return [_("Customer"), _("Tenant ID"), _("Domain")]


def _columns() -> list[Column]:
    headings = [
        _("Product"),
        _("Part number"),
        _("Bought"),
        _("Grace period"),
        _("Suspended"),
        _("Assigned"),
        _("Free"),
        _("Over"),
        _("Next date"),
        _("Status"),
        _("Note"),
    ]
    return [*map(Column, headings), Column(_("As of"), is_moment=True)]


def _of_customers(customers: QuerySet[Customer], now: datetime) -> Iterator[list[Cell]]:
    for some in batched(customers.iterator(_CUSTOMERS_AT_ONCE), _CUSTOMERS_AT_ONCE):
        owned = rows_by_customer(some, now=now)
        for customer in some:
            about: list[Cell] = [customer.name, customer.tenant_id, customer.default_domain]
            yield from ([*about, *cells] for cells in _of_customer(customer, owned.get(customer.pk, ())))


def _of_customer(customer: Customer, rows: Iterable[ProductRow]) -> list[list[Cell]]:
    nothing: list[Cell] = [None] * (len(_columns()) - 1)
    return [_row(customer, row) for row in rows] or [[*nothing, customer.synced_at]]


def _row(customer: Customer, row: ProductRow) -> list[Cell]:
    one = row.entitlement
    return [
        in_words(one.product.display_name),
        one.product.part_number,
        # What costs nothing has a huge number of licenses: no figure on the page, and none that spoils a sum here.
        None if row.is_free else one.enabled,
        one.warning,
        one.suspended,
        one.consumed,
        None if row.is_free else row.available,
        row.over,
        timezone.localdate(row.next_at) if row.next_at else None,
        str(row.status),
        listed(_notes(row)),
        customer.synced_at,
    ]


def _notes(row: ProductRow) -> list[str]:
    kinds = [words for words, is_so in ((_("Trial"), row.is_trial), (_("free of charge"), row.is_free)) if is_so]
    return kinds + [reason.text for reason in row.reasons]
