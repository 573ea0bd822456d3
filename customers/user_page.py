"""What the page of one user shows: each path of each product with its plans, and the history, newest first.

Licences are reached by related names alone: this app knows nothing of their models.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from customers.models import DirectoryUser

_HISTORY = 50
_NAMED = 3
# Words for the error of a path (Graph's licenseAssignmentState.error); others are shown as Microsoft writes them.
_ERRORS = {
    "CountViolation": _("Not enough licenses"),
    "MutuallyExclusiveViolation": _("Conflicting service plans"),
    "DependencyViolation": _("Missing required plan"),
    "ProhibitedInUsageLocationViolation": _("Not available in this location"),
    "UniquenessViolation": _("Duplicate proxy address"),
}
_HOLDS = ("Active", "ActiveWithError")


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A service plan of a path: its name and whether it is on."""

    name: str
    is_on: bool


@dataclass(frozen=True, slots=True)
class PathLine:
    """One path by which a user was given a product; `group` is empty for the direct one, `via` names a known group."""

    product: str
    via: str
    group: str
    holds: bool
    error: Any
    since: datetime | None
    plans: tuple[PlanLine, ...]
    off: int

    @property
    def on(self) -> int:
        """Number of plans that are on."""
        return sum(plan.is_on for plan in self.plans)

    @property
    def off_first(self) -> list[PlanLine]:
        """The plans, those that are off on top."""
        return sorted(self.plans, key=lambda plan: plan.is_on)

    @property
    def named_off(self) -> list[str]:
        """The names of a few plans that are off, to be read without unfolding; none when they are many."""
        names = [plan.name for plan in self.plans if not plan.is_on]
        return names if len(names) <= _NAMED else []


def path_lines(user: DirectoryUser) -> list[PathLine]:
    """Return a user's paths by product name, the direct one of each product first."""
    groups = dict(user.customer.groups.values_list("object_id", "display_name"))
    assignments = list(user.assignments.select_related("product", "plan_set").order_by("product__display_name", "via"))
    plans = _plans_of(user, {assignment.product_id for assignment in assignments})
    assignments.sort(key=lambda assignment: (assignment.product.display_name, assignment.via != "direct"))
    return [_path_line(assignment, groups, plans.get(assignment.product_id, [])) for assignment in assignments]


def _path_line(assignment: Any, groups: dict[str, str], plans: Iterable[tuple[str, str]]) -> PathLine:
    disabled = set(assignment.plan_set.disabled)
    return PathLine(
        product=assignment.product.display_name,
        via=assignment.via if assignment.via in groups else "",
        # A group that we may not read, or that no longer licenses, is named by its id.
        group="" if assignment.via == "direct" else groups.get(assignment.via, assignment.via),
        holds=assignment.state in _HOLDS,
        error=_ERRORS.get(assignment.error, assignment.error),
        since=assignment.since,
        plans=tuple(PlanLine(name, plan_id not in disabled) for plan_id, name in plans),
        off=len(disabled),
    )


def _plans_of(user: DirectoryUser, products: set[int]) -> dict[int, list[tuple[str, str]]]:
    """Return the plans (id, name) that users can be given, by product row id, in Microsoft's order."""
    rows = (
        user.customer.entitlements.filter(product_id__in=products, plan_rows__applies_to="User")
        .order_by("plan_rows__position")
        .values_list("product_id", "plan_rows__plan__plan_id", "plan_rows__plan__display_name")
    )
    plans: dict[int, list[tuple[str, str]]] = {}
    for product, plan_id, name in rows:
        plans.setdefault(product, []).append((plan_id, name))
    return plans


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One thing of a user's history: a LicenseEvent, or what became of a change that did not succeed."""

    at: datetime
    change: Any
    event: Any = None
    outcome: Any = None


def history(user: DirectoryUser) -> list[HistoryLine]:
    """Return the newest lines of what changed, and of what was tried and did not succeed."""
    events = user.license_events.select_related("product", "change__staff").order_by("-seen_at", "-pk")
    tried = (
        user.user_changes.filter(state__in=["failed", "unknown", "not_tried"], finished_at__isnull=False)
        .exclude(change__status__in=["draft", "planning"])
        .select_related("change__staff")
        .order_by("-finished_at", "-pk")
    )
    lines = [HistoryLine(event.seen_at, event.change, event=event) for event in events[:_HISTORY]]
    lines += [HistoryLine(row.finished_at, row.change, outcome=row) for row in tried[:_HISTORY] if row.finished_at]
    return sorted(lines, key=lambda line: line.at, reverse=True)[:_HISTORY]
