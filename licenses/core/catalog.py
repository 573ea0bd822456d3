"""What a tenant owns: subscribed SKUs with their seats and service plans.

Ids are GUIDs as lower-case text, so that Microsoft's mixed letter case never matters here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from licenses.core.families import Family

type SkuId = str
type PlanId = str
type GroupId = str
type UserId = str


class AppliesTo(StrEnum):
    """Whether a plan (or SKU) is switched per user or belongs to the whole tenant."""

    USER = "User"
    COMPANY = "Company"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seats:
    """Units of one SKU; units in their grace period (`warning`) can still be assigned (graph-api.md 6.1)."""

    enabled: int
    warning: int = 0
    suspended: int = 0
    locked_out: int = 0
    consumed: int = 0

    @property
    def balance(self) -> int:
        """Owned less consumed; below zero when more are consumed than owned."""
        return self.enabled + self.warning - self.consumed

    @property
    def available(self) -> int:
        """Seats that can be assigned now; never below zero."""
        return max(0, self.balance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One service plan inside a SKU of one tenant."""

    plan_id: PlanId
    name: str
    display_name: str
    applies_to: AppliesTo = AppliesTo.USER
    family: Family = Family.OTHER
    provisioning_status: str = "Success"


@dataclass(frozen=True, kw_only=True)
class Sku:
    """One subscribed SKU with its plans in Microsoft's order."""

    sku_id: SkuId
    part_number: str
    display_name: str
    seats: Seats
    applies_to: AppliesTo = AppliesTo.USER
    capability_status: str = "Enabled"
    plans: tuple[Plan, ...] = ()

    @cached_property
    def user_plans(self) -> tuple[Plan, ...]:
        """Plans that can be switched per user."""
        return tuple(plan for plan in self.plans if plan.applies_to == AppliesTo.USER)

    @cached_property
    def plan_ids(self) -> frozenset[PlanId]:
        """All plans, company-wide ones included."""
        return frozenset(plan.plan_id for plan in self.plans)

    @property
    def is_assignable(self) -> bool:
        """Whether users can be given this SKU: a user SKU that is live or in its grace period."""
        return self.applies_to == AppliesTo.USER and self.capability_status in {"Enabled", "Warning"}


@dataclass(frozen=True, slots=True)
class Catalog:
    """The subscribed SKUs of one tenant, by id."""

    skus: Mapping[SkuId, Sku]

    @classmethod
    def of(cls, skus: Iterable[Sku]) -> "Catalog":
        """Return the catalog of these SKUs."""
        return cls({sku.sku_id: sku for sku in skus})

    @property
    def names(self) -> dict[str, str]:
        """Display names of all products and plans, by id."""
        plans = {plan.plan_id: plan.display_name for sku in self.skus.values() for plan in sku.plans}
        return plans | {sku.sku_id: sku.display_name for sku in self.skus.values()}

    def get(self, sku_id: SkuId) -> Sku | None:
        """Return the SKU, or None when the tenant does not own it."""
        return self.skus.get(sku_id)
