"""The products of a customer as their page shows them: what needs attention, bars, status, next date."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from customers.attention import Reason
from customers.folding import fold
from customers.models import Customer
from licenses.models import Entitlement, Subscription
from licenses.services.figures import FREE_PRODUCT_UNITS

_ENDS_SOON = timedelta(days=30)
STATUSES = {
    "Enabled": gettext_lazy("Active"),
    "Warning": gettext_lazy("Grace period"),
    "Suspended": gettext_lazy("Suspended"),
    "LockedOut": gettext_lazy("Locked"),
    "Deleted": gettext_lazy("Deleted"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar: its class and its place and width in percent."""

    kind: str
    start: str
    width: str


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A product with its licenses; `next_at` is the earliest date that Microsoft told of its subscriptions."""

    entitlement: Entitlement
    reasons: tuple[Reason, ...]
    is_trial: bool
    next_at: datetime | None

    @property
    def is_free(self) -> bool:
        """Whether it costs nothing: its huge number of licenses says nothing."""
        return self.entitlement.enabled >= FREE_PRODUCT_UNITS

    @property
    def owned(self) -> int:
        """Licenses that can be in use: bought ones and those in their grace period."""
        return self.entitlement.enabled + self.entitlement.warning

    @property
    def available(self) -> int:
        """Licenses that can be assigned now."""
        return self.entitlement.seats.available if self.is_usable else 0

    @property
    def is_usable(self) -> bool:
        """Whether Microsoft lets it be used: it is active or in its grace period."""
        return self.entitlement.capability_status in ("Enabled", "Warning")

    @property
    def over(self) -> int:
        """Licenses in use beyond those that are owned; with nothing but suspended ones, none."""
        one = self.entitlement
        return max(0, one.consumed - self.owned) if self.owned or not one.suspended else 0

    @property
    def status(self) -> Any:
        """The status in words, Microsoft's own where we have none."""
        return STATUSES.get(self.entitlement.capability_status, self.entitlement.capability_status)

    @property
    def use(self) -> list[Part]:
        """The bar of use: assigned, free, over-assigned."""
        inside = min(self.entitlement.consumed, self.owned)
        return _bar(("used", inside), ("free", self.owned - inside), ("over", self.over))

    @property
    def bought(self) -> list[Part]:
        """The bar of what was bought, where some of it is in its grace period or suspended; else empty."""
        one = self.entitlement
        off = one.suspended + one.locked_out
        return _bar(("bought", one.enabled), ("grace", one.warning), ("off", off)) if one.warning or off else []


def _bar(*parts: tuple[str, int]) -> list[Part]:
    """Return the parts of a bar that are not empty, one after the other."""
    whole, start, found = sum(number for _kind, number in parts), 0, []
    for kind, number in parts:
        if number > 0:
            found.append(Part(kind, f"{start * 100 / whole:.2f}", f"{number * 100 / whole:.2f}"))
        start += number
    return found


def product_rows(customer: Customer, q: str, *, now: datetime) -> list[ProductRow]:
    """Return the products whose name or part number holds a text, those that need attention first."""
    folded = fold(q)
    return [
        row
        for row in rows_by_customer([customer], now=now).get(customer.pk, [])
        if folded in fold(row.entitlement.product.display_name) or folded in fold(row.entitlement.product.part_number)
    ]


def rows_by_customer(customers: Collection[Customer], *, now: datetime) -> dict[int, list[ProductRow]]:
    """Return the products of each customer by row id, those that need attention first; in two queries."""
    subscriptions: dict[tuple[int, int], list[Subscription]] = {}
    for subscription in Subscription.objects.filter(customer__in=customers):
        subscriptions.setdefault((subscription.customer_id, subscription.product_id), []).append(subscription)
    owned = Entitlement.objects.filter(customer__in=customers).select_related("product")
    found: dict[int, list[ProductRow]] = {}
    for one in owned.order_by("product__display_name", "pk"):
        row = _row(one, subscriptions.get((one.customer_id, one.product_id), []), now)
        found.setdefault(one.customer_id, []).append(row)
    # The sort is stable: within the same need it is by name.
    return {customer: sorted(rows, key=_need) for customer, rows in found.items()}


def _need(row: ProductRow) -> int:
    return min((("bad", "warn").index(reason.kind) for reason in row.reasons), default=2)


def _row(entitlement: Entitlement, subscriptions: list[Subscription], now: datetime) -> ProductRow:
    dates = [one.next_lifecycle_at for one in subscriptions if one.next_lifecycle_at is not None]
    row = ProductRow(entitlement, (), any(one.is_trial for one in subscriptions), min(dates, default=None))
    return ProductRow(entitlement, tuple(_reasons(row, now)), row.is_trial, row.next_at)


def _reasons(row: ProductRow, now: datetime) -> list[Reason]:
    """Return what needs attention, the worst first."""
    one, found = row.entitlement, []
    if row.over:
        words = ngettext("%(n)d license over-assigned", "%(n)d licenses over-assigned", row.over)
        found.append(Reason("bad", words % {"n": row.over}))
    if not row.is_usable:
        found.append(Reason("bad", _("%(status)s: cannot be assigned to anybody") % {"status": row.status}))
    if one.warning:
        words = ngettext("%(n)d license in its grace period", "%(n)d licenses in their grace period", one.warning)
        found.append(Reason("warn", words % {"n": one.warning}))
    if one.suspended and row.is_usable:
        words = ngettext("%(n)d license suspended", "%(n)d licenses suspended", one.suspended)
        found.append(Reason("warn", words % {"n": one.suspended}))
    if row.owned and not row.available and row.is_usable and not row.over and not row.is_free:
        found.append(Reason("warn", _("no free license")))
    if row.next_at and now <= row.next_at < now + _ENDS_SOON:
        found.append(Reason("warn", _("next date within 30 days")))
    return found
