"""What the page Manage licenses shows: a row per product with its boxes, by grouped queries over the selection.

The number of queries does not depend on users, products or plans.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet
from django.db.models.expressions import Window

from customers.models import Customer, DirectoryUser, SelectedUser, Selection
from licenses.core.catalog import AppliesTo, Catalog, Plan, Sku
from licenses.core.diff import Choice, Wish
from licenses.core.holdings import PathState
from licenses.core.tristate import BoxState, box_state, plan_state
from licenses.models import Assignment, Holding, PlanSet
from licenses.services.figures import FREE_PRODUCT_UNITS


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """A service plan's box over the selected holders."""

    plan: Plan
    state: BoxState
    on: int
    value: Choice = Choice.KEEP

    @property
    def is_company(self) -> bool:
        """Whether it belongs to the whole organization: shown, never offered."""
        return self.plan.applies_to == AppliesTo.COMPANY


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRow:
    """A product's box over the selected users."""

    sku: Sku
    state: BoxState
    holders: int
    total: int
    plans: tuple[PlanRow, ...]
    direct: int = 0
    groups: tuple[str, ...] = ()
    value: Choice = Choice.KEEP
    error: str = ""

    @property
    def locked_by(self) -> tuple[str, ...]:
        """The groups by which all its holders have it; empty as soon as one of them has it directly."""
        return () if self.direct else self.groups

    @property
    def is_locked(self) -> bool:
        """Whether all who hold it hold it by group, and all hold it: there is nothing to change here."""
        return bool(self.locked_by) and self.state == BoxState.CHECKED

    @property
    def is_free(self) -> bool:
        """Whether the units are so many that numbers say nothing."""
        return is_free(self.sku)

    @property
    def available(self) -> int:
        return self.sku.seats.available

    @property
    def owned(self) -> int:
        """Units that can be in use: live ones and those in their grace period."""
        return self.sku.seats.enabled + self.sku.seats.warning

    @property
    def missing(self) -> int:
        """How many of the selected users do not hold it."""
        return self.total - self.holders

    @property
    def is_changed(self) -> bool:
        """Whether the form holds a choice for this row."""
        return self.value != Choice.KEEP or any(plan.value != Choice.KEEP for plan in self.plans)

    @property
    def shows_plans(self) -> bool:
        """Whether its service plans are shown without being asked for: one of them was chosen, or refused."""
        return bool(self.error) or any(plan.value != Choice.KEEP for plan in self.plans)

    @property
    def is_offered(self) -> bool:
        """Whether the box can be used: something can be given or taken away."""
        return not self.is_locked and (self.sku.is_assignable or self.holders > 0)

    @property
    def rank(self) -> tuple[int, str]:
        """Order of rows: changed (or refused), held by any selected, with free seats, the rest."""
        if self.is_changed or self.error:
            return 0, self.sku.display_name
        if self.holders:
            return 1, self.sku.display_name
        if self.available and not self.is_free and self.sku.is_assignable:
            return 2, self.sku.display_name
        return 3, self.sku.display_name

    @property
    def is_folded(self) -> bool:
        """Whether the row hides until it is asked for."""
        return self.rank[0] == 3


def is_free(sku: Sku) -> bool:
    """Tell whether a product has so many units that their numbers say nothing."""
    return sku.seats.enabled >= FREE_PRODUCT_UNITS


def product_rows(
    customer: Customer,
    selection: Selection,
    catalog: Catalog,
    wish: Wish,
    *,
    total: int,
    errors: Mapping[str, str] | None = None,
) -> list[ProductRow]:
    """Return the rows in their order for `total` selected users.

    `wish` fills in what the form already holds, `errors` what was refused, by SKU.
    """
    # The selection says which customer it is: named once more, SQLite would look through all of that customer's rows.
    chosen = SelectedUser.objects.filter(selection=selection, selection__customer=customer).values("user_id")
    held, direct, off = _holders(chosen)
    groups = _groups(customer, chosen)
    rows = (
        _row(sku, total, held.get(sku.sku_id, 0), direct.get(sku.sku_id, 0), off.get(sku.sku_id, {}), groups, wish)
        for sku in catalog.skus.values()
        if sku.applies_to == AppliesTo.USER
    )
    if errors:
        rows = (replace(row, error=errors.get(row.sku.sku_id, "")) for row in rows)
    return sorted(rows, key=lambda row: row.rank)


def _holders(
    chosen: "QuerySet[SelectedUser, Any]",
) -> tuple[dict[str, int], dict[str, int], dict[str, dict[str, int]]]:
    """Return by SKU the holders, those who hold it directly, and for how many holders each plan is off.

    One GROUP BY over the few plan sets; never a loop over users.
    """
    counted = (
        Holding.objects.filter(user_id__in=chosen)
        .values_list("product__sku_id", "plan_set_id")
        .annotate(number=Count("pk"), directly=Count("pk", filter=Q(direct=True)))
    )
    rows = list(counted)
    disabled = dict(PlanSet.objects.filter(pk__in={row[1] for row in rows}).values_list("pk", "disabled"))
    held: dict[str, int] = {}
    direct: dict[str, int] = {}
    off: dict[str, dict[str, int]] = {}
    for sku_id, plan_set, number, directly in rows:
        held[sku_id] = held.get(sku_id, 0) + number
        direct[sku_id] = direct.get(sku_id, 0) + directly
        by_plan = off.setdefault(sku_id, {})
        for plan_id in disabled[plan_set]:
            by_plan[plan_id] = by_plan.get(plan_id, 0) + number
    return held, direct, off


def _groups(customer: Customer, chosen: "QuerySet[SelectedUser, Any]") -> dict[str, tuple[str, ...]]:
    """Return by SKU the names of the groups by which any of the chosen users holds it."""
    names = dict(customer.groups.values_list("object_id", "display_name"))
    given = (
        Assignment.objects.filter(user_id__in=chosen)
        .exclude(via=Assignment.DIRECT)
        # A path in error gives nothing, so its group keeps nothing.
        .exclude(state__in=[state.value for state in PathState if not state.holds])
        .values_list("product__sku_id", "via")
        .distinct()
    )
    found: dict[str, list[str]] = {}
    for sku_id, via in given:
        found.setdefault(sku_id, []).append(names.get(via, via))
    return {sku_id: tuple(sorted(groups)) for sku_id, groups in found.items()}


def _row(
    sku: Sku,
    total: int,
    holders: int,
    direct: int,
    off: Mapping[str, int],
    groups: Mapping[str, tuple[str, ...]],
    wish: Wish,
) -> ProductRow:
    return ProductRow(
        sku=sku,
        state=box_state(holders, total),
        holders=holders,
        total=total,
        direct=direct,
        groups=groups.get(sku.sku_id, ()) if holders else (),
        value=wish.products.get(sku.sku_id, Choice.KEEP),
        plans=tuple(
            PlanRow(
                plan=plan,
                state=plan_state(holders - off.get(plan.plan_id, 0), holders),
                on=holders - off.get(plan.plan_id, 0),
                value=wish.plans.get((sku.sku_id, plan.plan_id), Choice.KEEP),
            )
            for plan in sku.plans
        ),
    )


@dataclass(frozen=True, slots=True)
class Chosen:
    """The selected users as the page names them: how many, how many without a location, and the oldest reading.

    `chips` are the first users' names, with the sign-in name where several of them have one name, else an empty text.
    """

    total: int
    unset: int
    as_of: datetime | None
    chips: list[tuple[str, str]]


def chosen_users(chosen: QuerySet[DirectoryUser], most: int) -> Chosen:
    """Return the figures of the selected users and the first `most` of them, in one walk over thousands."""
    # One more than is shown: the last one's double may be the first that is not.
    people = list(
        chosen.annotate(
            total=Window(Count("pk")),
            unset=Window(Count("pk", filter=Q(usage_location=""))),
            as_of=Window(Min("read_at")),
        ).values_list("display_name", "user_principal_name", "total", "unset", "as_of")[: most + 1]
    )
    if not people:
        return Chosen(0, 0, None, [])
    times = Counter(person[0] for person in people)
    chips = [(person[0], person[1] if times[person[0]] > 1 else "") for person in people[:most]]
    return Chosen(*people[0][2:], chips)
