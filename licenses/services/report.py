"""What Review and the page of a change show of all their users, from the stored rows."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Case, Count, F, Min, Q, QuerySet, TextField, Value, When
from django.utils.translation import gettext as _

from licenses.core.triage import FailureKind
from licenses.messages import explanation
from licenses.models import LicenseChange, UserChange
from licenses.services.naming import Names
from licenses.services.outcomes import Outcome, names_for, outcome_of
from licensing_portal.lists import listed

State = UserChange.State
NAMES_SHOWN = 100
SMALL_GROUP, NAMED_AT_ONCE = 12, 3
GROUPS_SHOWN = 50

# Nothing was to be sent for these.
NEEDS_NOTHING = Q(add=[], remove=[], location="")

type CauseKey = tuple[str, str, tuple[str, ...], tuple[str, ...], str, bool]


@dataclass(frozen=True, slots=True)
class Group:
    """Users with an equal outcome."""

    number: int
    names: tuple[str, ...]
    outcome: Outcome
    # Planning refuses these users: nothing of the change happens to them.
    is_left_out: bool

    @property
    def named(self) -> tuple[str, ...]:
        """Those who are named at once: all of a small group, the first few of a large one."""
        return self.names if self.number <= SMALL_GROUP else self.names[:NAMED_AT_ONCE]

    @property
    def folded(self) -> tuple[str, ...]:
        """Those whose names unfold."""
        return self.names[len(self.named) :]

    @property
    def others(self) -> int:
        """How many are not named at once."""
        return self.number - len(self.named)

    @property
    def more(self) -> int:
        """How many are not named."""
        return self.number - len(self.names)


@dataclass(slots=True)
class Counts:
    """Users by state."""

    by_state: dict[str, int] = field(default_factory=dict)
    # Of the updated those who needed no call: they were as wished before.
    already: int = 0

    @property
    def updated(self) -> int:
        return self.by_state.get(State.UPDATED, 0)

    @property
    def changed(self) -> int:
        """Users whom the change did change."""
        return self.updated - self.already

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


def counts(change: LicenseChange) -> Counts:
    """Count a change's users by state, in one query."""
    counted = change.user_changes.order_by().values_list("state")
    rows = list(counted.annotate(number=Count("pk"), already=Count("pk", filter=NEEDS_NOTHING)))
    numbers = {state: number for state, number, _already in rows}
    return Counts(numbers, sum(already for state, _number, already in rows if state == State.UPDATED))


def sent(change: LicenseChange) -> int:
    """Return how many users went to Microsoft: not who was refused before, already so, or left when it stopped."""
    located = Q(step=UserChange.Step.LICENCES) & ~Q(location="")
    tried = change.user_changes.filter(attempts__gt=0).exclude(state=State.NOT_TRIED)
    return (tried | change.user_changes.filter(located)).count()


@dataclass(frozen=True, slots=True)
class Cause:
    """Users who failed for the same reason; `key` tells which users belong to it."""

    key: CauseKey
    title: str
    text: str
    about: str
    number: int
    message: str
    request_id: str
    is_unknown: bool
    # Whether nothing at all happened, and whether the usage location was set before the licenses were not.
    is_untouched: bool
    is_located: bool
    # One of its users.
    first: UserChange

    @property
    def id(self) -> str:
        """What names the cause in a form."""
        return hashlib.md5(json.dumps(self.key).encode(), usedforsecurity=False).hexdigest()


def cause_key(row: UserChange) -> CauseKey:
    """Return what users of one cause share; of unknown refusals Microsoft's words too."""
    words = row.message if row.failure_kind == FailureKind.UNKNOWN else ""
    return row.state, row.failure_kind, tuple(row.failure_skus), tuple(row.failure_plans), words, row.is_located


_SHARED = ("state", "failure_kind", "failure_skus", "failure_plans", "words", "located")


def in_cause_order(rows: QuerySet[UserChange]) -> QuerySet[UserChange]:
    """Return users in the order of their causes, within a cause by name."""
    return _with_cause(rows).order_by(*_SHARED, "sort_key", "id")


def _with_cause(rows: QuerySet[UserChange]) -> QuerySet[UserChange]:
    """Annotate what the key of a cause needs beyond the columns."""
    return rows.annotate(
        words=Case(
            When(failure_kind=FailureKind.UNKNOWN.value, then=F("message")),
            default=Value(""),
            output_field=TextField(),
        ),
        located=Case(When(Q(step=UserChange.Step.LICENCES) & ~Q(location=""), then=Value(True)), default=Value(False)),
    )


def causes(change: LicenseChange) -> list[Cause]:
    """Return why users need attention, grouped by reason; Microsoft's words where the reason is not known."""
    needy = change.user_changes.filter(state__in=[State.FAILED, State.UNKNOWN, State.NOT_TRIED])
    rows = (
        _with_cause(needy.order_by())
        .values(*_SHARED)
        .annotate(number=Count("pk"), first=Min("pk"))
        .order_by("state", "-number", "first")[:GROUPS_SHOWN]
    )
    groups = list(rows)
    firsts = UserChange.objects.in_bulk([group["first"] for group in groups])
    names = names_for(change, firsts.values())
    return [_cause(firsts[group["first"]], group["number"], names) for group in groups]


def _cause(first: UserChange, number: int, names: Names) -> Cause:
    about = [names.product(sku_id) for sku_id in first.failure_skus]
    about += [names.plan(plan_id) for plan_id in first.failure_plans]
    if first.state == State.NOT_TRIED:
        title, text = _("Not tried"), _("The change was stopped before these users.")
    else:
        words = explanation(first.failure_kind)
        title, text = str(words.title), str(words.text)
    is_unclassified = first.failure_kind == FailureKind.UNKNOWN
    return Cause(
        key=cause_key(first),
        title=title,
        text=text,
        about=listed(about),
        number=number,
        message=first.message if is_unclassified else "",
        request_id=first.request_id,
        is_unknown=first.state == State.UNKNOWN,
        is_untouched=first.state != State.UNKNOWN and not first.is_located,
        is_located=first.is_located,
        first=first,
    )


def users_of(change: LicenseChange, cause: Cause) -> QuerySet[UserChange]:
    """Return the users of a cause who still exist, in the change's order."""
    first = cause.first
    rows = change.user_changes.filter(user__isnull=False, user__deleted_at__isnull=True)
    facts = ("state", "failure_kind", "failure_skus", "failure_plans")
    same = {name: getattr(first, name) for name in facts} | {"words": cause.key[4], "located": first.is_located}
    return _with_cause(rows).filter(**same).order_by("position")


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
    people = [_first_people(change, group["outcome_key"]) for group in groups]
    shared = _shared_names(change, {name for some in people for name, _address in some})
    named = [[f"{name} ({at})" if name in shared else name for name, at in some] for some in people]
    return [_group(group, firsts[group["first"]], names, some) for group, some in zip(groups, named, strict=True)]


def _first_people(change: LicenseChange, outcome_key: str) -> list[tuple[str, str]]:
    """Return display and sign-in names of the first users of a group, by name."""
    rows = change.user_changes.filter(outcome_key=outcome_key).order_by("sort_key", "id")
    return list(rows.values_list("display_name", "user_principal_name")[:NAMES_SHOWN])


def _shared_names(change: LicenseChange, names: set[str]) -> set[str]:
    """Return those display names that several users of the change have: their sign-in names tell them apart."""
    rows = change.user_changes.filter(display_name__in=names).order_by().values("display_name")
    return set(rows.annotate(number=Count("pk")).filter(number__gt=1).values_list("display_name", flat=True))


def _group(group: Mapping[str, Any], first: UserChange, names: Names, people: list[str]) -> Group:
    outcome = outcome_of(first, names, planned=True)
    if first.failure_kind:
        # Neither what was wished nor what a group would keep: the reason alone.
        outcome = Outcome((), tuple(note for note in outcome.notes if note.icon == "bad"))
    return Group(
        number=group["number"],
        names=tuple(people),
        outcome=outcome,
        is_left_out=bool(first.failure_kind),
    )
