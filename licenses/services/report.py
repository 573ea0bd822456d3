"""What Review and the page of a change show, from the stored rows: nothing is computed anew."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import Count, Min
from django.utils import timezone
from django.utils.translation import gettext as _

from licenses.core.triage import FailureKind
from licenses.messages import explanation
from licenses.models import LicenseChange, UserChange
from licenses.services.naming import Names

State = UserChange.State
NAMES_SHOWN = 100
GROUPS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an outcome: an icon's name with its meaning, and what it is about."""

    icon: str
    word: str
    text: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A licence that a user has now."""

    name: str
    by_group: bool
    is_new: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happens or happened to one user or a group of equal ones."""

    changes: tuple[Line, ...]
    notes: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Users with an equal outcome."""

    number: int
    names: tuple[str, ...]
    outcome: Outcome

    @property
    def more(self) -> int:
        """How many are not named."""
        return self.number - len(self.names)


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One user on the page of a change."""

    row: UserChange
    outcome: Outcome
    now: tuple[Tag, ...] | None
    exists: bool = True


@dataclass(slots=True)
class Counts:
    """Users by state."""

    by_state: dict[str, int] = field(default_factory=dict)

    @property
    def updated(self) -> int:
        return self.by_state.get(State.UPDATED, 0)

    @property
    def failed(self) -> int:
        return self.by_state.get(State.FAILED, 0)

    @property
    def unknown(self) -> int:
        return self.by_state.get(State.UNKNOWN, 0)

    @property
    def not_tried(self) -> int:
        return self.by_state.get(State.NOT_TRIED, 0)

    @property
    def in_flight(self) -> int:
        return self.by_state.get(State.IN_FLIGHT, 0)

    @property
    def pending(self) -> int:
        return self.by_state.get(State.PENDING, 0)

    @property
    def action(self) -> int:
        """Users who need somebody's attention."""
        return self.failed + self.unknown + self.not_tried

    @property
    def total(self) -> int:
        return sum(self.by_state.values())

    @property
    def done(self) -> int:
        return self.total - self.pending - self.in_flight

    @property
    def percent(self) -> int:
        return self.done * 100 // self.total if self.total else 100


def counts(change: LicenseChange) -> Counts:
    """Count a change's users by state, in one query."""
    counted = change.user_changes.order_by().values_list("state").annotate(number=Count("pk"))
    return Counts(dict(counted))


def names_for(change: LicenseChange, rows: Iterable[UserChange]) -> Names:
    """Return the names of everything that these rows mention."""
    skus: set[str] = set(change.wish.get("products", {}))
    plans: set[str] = set()
    for row in rows:
        skus.update(add["skuId"] for add in row.add)
        skus.update(row.remove)
        skus.update(kept["skuId"] for kept in row.kept)
        skus.update(row.failure_skus)
        plans.update(plan for caution in row.cautions for plan in caution["plans"])
        plans.update(row.failure_plans)
        plans.update(kept["planId"] for kept in row.kept if kept["planId"])
        for state in (row.before, row.after):
            for path in (state or {}).get("paths", ()):
                skus.add(path["skuId"])
                plans.update(path["disabledPlans"])
        plans.update(plan for add in row.add for plan in add["disabledPlans"])
    return Names(change.customer, skus, plans)


def outcome_of(row: UserChange, names: Names) -> Outcome:
    """Return what a row changes, and what is kept, foreseen or refused."""
    changes = [Line("location", _("Usage location"), row.location)] if row.location else []
    before = _direct(row.before)
    held = {path["skuId"] for path in (row.before or {}).get("paths", ()) if _holds(path)}
    for add in row.add:
        if add["skuId"] not in held:
            changes.append(Line("plus", _("Assigned"), names.product(add["skuId"])))
        changes += _switched(add, before.get(add["skuId"], frozenset()), names)
    changes += [Line("minus", _("Unassigned"), names.product(sku_id)) for sku_id in row.remove]
    return Outcome(tuple(changes), tuple(_notes(row, names)))


def _switched(add: Mapping[str, Any], before: frozenset[str], names: Names) -> list[Line]:
    """Return the plans that an assignment switches off or on."""
    now = frozenset(add["disabledPlans"])
    off = ", ".join(sorted(names.plan(plan) for plan in now - before))
    on = ", ".join(sorted(names.plan(plan) for plan in before - now))
    lines = [Line("switch", _("Switched off"), _("%(plans)s off") % {"plans": off})] if off else []
    return lines + ([Line("switch", _("Switched on"), _("%(plans)s on") % {"plans": on})] if on else [])


def _notes(row: UserChange, names: Names) -> list[Line]:
    """Return what groups keep, what the rules foresee, and why a user is left out."""
    notes = []
    for kept in row.kept:
        groups = names.groups(kept["groups"])
        if kept["planId"]:
            text = _("%(name)s: stays as set by group %(group)s") % {
                "name": names.plan(kept["planId"]),
                "group": groups,
            }
        else:
            text = _("%(name)s: kept by group %(group)s") % {"name": names.product(kept["skuId"]), "group": groups}
        notes.append(Line("lock", _("Kept"), text))
    for caution in row.cautions:
        plans = ", ".join(names.plan(plan) for plan in caution["plans"])
        notes.append(Line("warn", _("Warning"), f"{explanation(caution['kind']).title}: {plans}"))
    if row.failure_kind:
        about = ", ".join(names.product(sku_id) for sku_id in row.failure_skus)
        title = str(explanation(row.failure_kind).title)
        notes.append(Line("bad", _("Not possible"), f"{title}: {about}" if about else title))
    return notes


def _direct(state: Mapping[str, Any] | None) -> dict[str, frozenset[str]]:
    return {
        path["skuId"]: frozenset(path["disabledPlans"])
        for path in (state or {}).get("paths", ())
        if path["via"] == "direct"
    }


def _holds(path: Mapping[str, Any]) -> bool:
    return path.get("state", "Active") in ("Active", "ActiveWithError")


def now_has(row: UserChange, names: Names) -> tuple[Tag, ...] | None:
    """Return all licences that were read back; None while that has not happened."""
    if row.after is None:
        return None
    had = {path["skuId"] for path in (row.before or {}).get("paths", ()) if _holds(path)}
    direct: dict[str, bool] = {}
    for path in row.after.get("paths", ()):
        if _holds(path):
            direct[path["skuId"]] = direct.get(path["skuId"], False) or path["via"] == "direct"
    tags = [Tag(names.product(sku_id), not is_direct, sku_id not in had) for sku_id, is_direct in direct.items()]
    return tuple(sorted(tags, key=lambda tag: tag.name))


def result_rows(rows: list[UserChange], names: Names) -> list[ResultRow]:
    """Return rows as the page of a change shows them."""
    return [
        ResultRow(row, outcome_of(row, names), now_has(row, names), row.after is None or row.after.get("exists", True))
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Cause:
    """Users who failed for the same reason."""

    kind: str
    title: str
    text: str
    about: str
    number: int
    message: str
    request_id: str
    is_unknown: bool
    is_not_tried: bool


def causes(change: LicenseChange) -> list[Cause]:
    """Return why users need attention, grouped by reason; Microsoft's words where the reason is not known."""
    rows = (
        change.user_changes.filter(state__in=[State.FAILED, State.UNKNOWN, State.NOT_TRIED])
        .order_by()
        .values("state", "failure_kind", "failure_skus", "failure_plans")
        .annotate(number=Count("pk"), first=Min("pk"))
        .order_by("state", "-number")[:GROUPS_SHOWN]
    )
    groups = list(rows)
    firsts = UserChange.objects.in_bulk([group["first"] for group in groups])
    names = names_for(change, firsts.values())
    return [_cause(firsts[group["first"]], group["number"], names) for group in groups]


def _cause(first: UserChange, number: int, names: Names) -> Cause:
    about = [names.product(sku_id) for sku_id in first.failure_skus]
    about += [names.plan(plan_id) for plan_id in first.failure_plans]
    if first.state == State.NOT_TRIED:
        title, text = _("Not tried"), _("The change was stopped before these users. Nothing was changed for them.")
    else:
        words = explanation(first.failure_kind)
        title, text = str(words.title), str(words.text)
    is_unclassified = first.failure_kind == FailureKind.UNKNOWN
    return Cause(
        kind=first.failure_kind or first.state,
        title=title,
        text=text,
        about=", ".join(about),
        number=number,
        message=first.message if is_unclassified else "",
        request_id=first.request_id,
        is_unknown=first.state == State.UNKNOWN,
        is_not_tried=first.state == State.NOT_TRIED,
    )


def review_groups(change: LicenseChange) -> list[Group]:
    """Return the draft's users grouped by equal outcome, the largest group first."""
    grouped = (
        change.user_changes.order_by()
        .values("outcome_key")
        .annotate(number=Count("pk"), first=Min("pk"))
        .order_by("-number", "first")[:GROUPS_SHOWN]
    )
    groups = list(grouped)
    firsts = UserChange.objects.in_bulk([group["first"] for group in groups])
    names = names_for(change, firsts.values())
    return [
        Group(
            number=group["number"],
            names=tuple(
                change.user_changes.filter(outcome_key=group["outcome_key"])
                .order_by("sort_key", "id")
                .values_list("display_name", flat=True)[:NAMES_SHOWN]
            ),
            outcome=outcome_of(firsts[group["first"]], names),
        )
        for group in groups
    ]


def rate(change: LicenseChange, done: int) -> float:
    """Return the users finished a second: of the last minute, or since the start while it is younger."""
    if change.started_at is None:
        return 0.0
    lived = (timezone.now() - change.started_at).total_seconds()
    window = min(60.0, max(1.0, lived))
    since = timezone.now() - timedelta(seconds=window)
    return change.user_changes.filter(finished_at__gte=since).exclude(state__in=UserChange.OPEN).count() / window


def queue_position(change: LicenseChange) -> int:
    """Return how many changes of the same customer come before a queued one."""
    before = LicenseChange.objects.filter(customer=change.customer, lane=change.lane)
    running = before.filter(status__in=LicenseChange.ACTIVE).count()
    if change.queued_at is None:
        return running
    return running + before.filter(status=LicenseChange.Status.QUEUED, queued_at__lt=change.queued_at).count()
