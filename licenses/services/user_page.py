"""What the page of one user shows of their licences: each path of each product with its plans, and the history."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from customers.models import DirectoryUser
from licenses.core.catalog import Catalog
from licenses.core.holdings import PathState
from licenses.core.path_repair import is_broken
from licenses.explanations import path_error
from licenses.models import Assignment, LicenseEvent, UserChange
from licenses.services.naming import Names
from licenses.services.outcomes import mentioned
from licenses.services.states import Licences, load_catalog, state_of_assignments
from licenses.services.user_history import STATES, HistoryLine, lines_of, plans_in

SHOWN = 50
_NAMED = 3


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
    state: Any
    error: Any
    since: datetime | None
    plans: tuple[PlanLine, ...]
    off: int
    # SKU and path as repairs name them, and what an error means.
    key: str
    meaning: str

    @property
    def is_broken(self) -> bool:
        """Whether somebody should look at it."""
        return bool(self.error) or not self.holds

    @property
    def on(self) -> int:
        """Number of plans that are on."""
        return sum(plan.is_on for plan in self.plans)

    @property
    def off_first(self) -> list[PlanLine]:
        """The plans, those that are off on top."""
        return sorted(self.plans, key=lambda plan: plan.is_on)

    @property
    def names_off(self) -> list[str]:
        """The names of the plans that are off."""
        return [plan.name for plan in self.plans if not plan.is_on]

    @property
    def named_off(self) -> list[str]:
        """The names of a few plans that are off, to be read without unfolding; none when they are many."""
        return self.names_off if len(self.names_off) <= _NAMED else []


@dataclass(frozen=True, slots=True)
class UserPage:
    """The licences of a user by path, and the newest lines of the history; `is_cut`: there is more of it."""

    paths: list[PathLine]
    lines: list[HistoryLine]
    is_cut: bool
    # What the repairs of broken paths are worked out from; None where there is none.
    licences: Licences | None = None

    @property
    def broken(self) -> list[PathLine]:
        """The paths that somebody should look at."""
        return [path for path in self.paths if path.is_broken]


def read_page(user: DirectoryUser) -> UserPage:
    """Return what the page shows, in a fixed number of queries."""
    assignments = list(Assignment.objects.filter(user=user).select_related("product", "plan_set"))
    state = state_of_assignments(user, assignments)
    # What mends a broken path is worked out from all that the customer owns; it has the plans' names, too.
    has_broken = any(is_broken(path) for held in state.held.values() for path in held.paths)
    catalog = load_catalog(user.customer) if has_broken else None
    events = list(events_of(user)[: SHOWN + 1])
    tried = list(tried_of(user)[: SHOWN + 1])
    asked = list(user.reprocesses.select_related("staff").order_by("-asked_at", "-pk")[: SHOWN + 1])
    skus, plans = mentioned(tried)
    names = Names(user.customer, skus | {row.sku_id for row in asked}, plans | plans_in(events))
    lines = lines_of(events, tried, names, asked)
    # Beyond the oldest row read of a source that has more, the history would have holes.
    moments = (
        [row.seen_at for row in events],
        [row.finished_at for row in tried],
        [row.asked_at for row in asked],
    )
    ends = [times[-1] for times in moments if len(times) > SHOWN]
    known_since = max(ends, default=None)
    whole = [line for line in lines if known_since is None or line.at > known_since] or lines[:1]
    return UserPage(
        _path_lines(user, assignments, names, catalog),
        whole[:SHOWN],
        is_cut=bool(ends) or len(whole) > SHOWN,
        licences=Licences(state, catalog) if catalog is not None else None,
    )


def events_of(user: DirectoryUser) -> Any:
    """Return what changed of a user, newest first."""
    found = LicenseEvent.objects.filter(user=user).select_related("product", "change__staff", "staff")
    return found.order_by("-seen_at", "-pk")


def tried_of(user: DirectoryUser) -> Any:
    """Return what was tried and did not succeed, newest first; what did is an event."""
    found = UserChange.objects.filter(user=user, state__in=UserChange.ACTION)
    found = found.filter(finished_at__isnull=False).exclude(change__status__in=["draft", "planning"])
    return found.select_related("change__staff", "left_by").order_by("-finished_at", "-pk")


def _path_lines(
    user: DirectoryUser, assignments: list[Assignment], names: Names, catalog: Catalog | None
) -> list[PathLine]:
    """Return a user's paths by product name, the direct one of each product first."""
    plans = _plans_in(catalog, assignments) if catalog else _plans_of(user, {one.product_id for one in assignments})
    assignments.sort(key=lambda one: (one.product.display_name, one.via != Assignment.DIRECT, one.via))
    return [_path_line(one, names, plans.get(one.product_id, [])) for one in assignments]


def path_key(sku_id: str, via: str) -> str:
    """Return how a form names a path."""
    return f"{sku_id}/{via}"


def _path_line(assignment: Assignment, names: Names, plans: Iterable[tuple[str, str]]) -> PathLine:
    disabled = set(assignment.plan_set.disabled)
    via = assignment.via
    return PathLine(
        product=assignment.product.display_name,
        via=via if names.knows_group(via) else "",
        # A group that we may not read, or that no longer licenses, is named by its id.
        group="" if via == Assignment.DIRECT else names.groups([via]),
        holds=PathState.parse(assignment.state).holds,
        state=STATES.get(assignment.state, assignment.state),
        error=path_error(assignment.error).title,
        since=assignment.since,
        plans=tuple(PlanLine(name, plan_id not in disabled) for plan_id, name in plans),
        off=len(disabled),
        key=path_key(assignment.product.sku_id, via),
        meaning=path_error(assignment.error or assignment.state).text,
    )


def _plans_in(catalog: Catalog, assignments: Iterable[Assignment]) -> dict[int, list[tuple[str, str]]]:
    """Return the same as `_plans_of` from what is at hand."""
    owned = {one.product_id: catalog.get(one.product.sku_id) for one in assignments}
    return {
        product: [(plan.plan_id, plan.display_name) for plan in sku.user_plans]
        for product, sku in owned.items()
        if sku is not None
    }


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
