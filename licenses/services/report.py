"""What Review and the page of a change show of all their users, from the stored rows."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, F, Min, Q, QuerySet, TextField, Value, When
from django.utils.translation import gettext as _

from licenses.core.failures import FailureKind
from licenses.explanations import explanation
from licenses.models import LicenseChange, UserChange
from licenses.services.naming import Names
from licenses.services.outcomes import names_for
from licensing_portal.lists import listed
from licensing_portal.staff.models import StaffUser

State = UserChange.State
GROUPS_SHOWN = 50

# Of the updated: no call was made for these, for they were as wished.
NEEDED_NOTHING = Q(attempts=0)

# State, kind, products, plans, words, whether the location was set; and when and by whom it was left as it is.
type CauseKey = tuple[str, str, tuple[str, ...], tuple[str, ...], str, bool, datetime | None, int | None]


@dataclass(slots=True)
class Counts:
    """Users by state."""

    by_state: dict[str, int] = field(default_factory=dict)
    # Of the updated those who needed no call: they were as wished before.
    already: int = 0
    # Who went to Microsoft: not who was refused before, already so, or left when it stopped.
    sent: int = 0
    recent: int = 0
    # Of those who were not updated: whose usage location was set all the same, and who were left as they are.
    located: int = 0
    left: int = 0

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
        return self.failed + self.unknown + self.not_tried - self.left

    @property
    def total(self) -> int:
        return sum(self.by_state.values())

    @property
    def done(self) -> int:
        return self.total - self.pending - self.in_flight


def counts(change: LicenseChange, *, since: datetime | None = None) -> Counts:
    """Count a change's users by state, in one query; `recent` are those who came back from Microsoft since a time."""
    located = Q(step=UserChange.Step.LICENCES) & ~Q(location="")
    is_recent = Q(finished_at__gte=since, attempts__gt=0) if since else Q(pk__in=())
    rows = (
        change.user_changes.order_by()
        .values("state")
        .annotate(
            number=Count("*"),
            already=Count("state", filter=NEEDED_NOTHING),
            located=Count("state", filter=located),
            left=Count("state", filter=Q(left_at__isnull=False)),
            tried=Count("state", filter=Q(attempts__gt=0) | located),
            recent=Count("state", filter=is_recent),
        )
    )
    found = Counts()
    for row in rows:
        found.by_state[row["state"]] = row["number"]
        found.already += row["already"] if row["state"] == State.UPDATED else 0
        # Whom a stop left behind was not sent, unless the location had been.
        found.sent += row["located"] if row["state"] == State.NOT_TRIED else row["tried"]
        found.located += row["located"] if row["state"] in (State.FAILED, State.NOT_TRIED) else 0
        found.left += row["left"] if row["state"] in UserChange.ACTION else 0
        found.recent += row["recent"] if row["state"] not in UserChange.OPEN else 0
    return found


@dataclass(frozen=True, slots=True)
class Cause:
    """Users who failed for the same reason; `key` tells which users belong to it."""

    key: CauseKey
    title: str
    text: str
    about: str
    number: int
    message: str
    # Microsoft's own words, where `message` does not hold them: what the kind was read from.
    words: str
    request_id: str
    is_unknown: bool
    # Who left its users as they are, and when; empty and None for what still needs action.
    left_by: str
    left_at: datetime | None
    # Whether nothing at all happened, and whether the usage location was set before the licenses were not.
    is_untouched: bool
    is_located: bool
    # One of its users.
    first: UserChange

    @property
    def id(self) -> str:
        """What names the cause in a form: the user whom its repairs were worked out for."""
        return str(self.first.pk)


def cause_key(row: UserChange) -> CauseKey:
    """Return what users of one cause share; of unknown refusals Microsoft's words too."""
    words = row.message if row.failure_kind == FailureKind.UNKNOWN else ""
    about = tuple(row.failure_skus), tuple(row.failure_plans)
    return row.state, row.failure_kind, *about, words, row.is_located, row.left_at, row.left_by_id


_SHARED = ("state", "failure_kind", "failure_skus", "failure_plans", "words", "located", "left_at", "left_by")


def in_cause_order(rows: QuerySet[UserChange]) -> tuple[QuerySet[UserChange], list[str]]:
    """Return users with what orders them by cause, within a cause by name; who was left as they are comes last."""
    is_left = Case(When(left_at__isnull=False, then=Value(True)), default=Value(False))
    return _with_cause(rows).annotate(is_left=is_left), ["is_left", *_SHARED, "sort_key", "id"]


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
    groups = list(_grouped(change).order_by("state", "-number", "first")[:GROUPS_SHOWN])
    if not groups:
        return []
    firsts = UserChange.objects.in_bulk([group["first"] for group in groups])
    names = names_for(change, firsts.values())
    return [_cause(firsts[group["first"]], group["number"], names) for group in groups]


def causes_of(change: LicenseChange, rows: Iterable[UserChange], names: Names) -> dict[CauseKey, Cause]:
    """Return the causes of these users with all their numbers."""
    firsts: dict[CauseKey, UserChange] = {}
    for row in rows:
        firsts.setdefault(cause_key(row), row)
    numbers = {_key_of(group): group["number"] for group in _grouped(change)}
    people = _names_of({first.left_by_id for first in firsts.values() if first.left_by_id is not None})
    return {
        key: _cause(first, numbers.get(key, 0), names, people.get(first.left_by_id, ""))
        for key, first in firsts.items()
    }


def _names_of(pks: Collection[int]) -> dict[int | None, str]:
    return dict(StaffUser.objects.filter(pk__in=pks).values_list("pk", "display_name")) if pks else {}


def cause_named(change: LicenseChange, name: str) -> Cause | None:
    """Return the cause that a form names; None when it is none of this change."""
    rows = change.user_changes.filter(state__in=UserChange.ACTION)
    row = rows.filter(pk=int(name)).first() if name.isdecimal() and len(name) < 19 else None
    if row is None:
        return None
    return causes_of(change, [row], names_for(change, [row]))[cause_key(row)]


def _grouped(change: LicenseChange) -> Any:
    needy = change.user_changes.filter(state__in=UserChange.ACTION)
    return _with_cause(needy.order_by()).values(*_SHARED).annotate(number=Count("pk"), first=Min("pk"))


def _key_of(group: Mapping[str, Any]) -> CauseKey:
    state, kind, skus, plans, words, located, left_at, left_by = (group[name] for name in _SHARED)
    return state, kind, tuple(skus), tuple(plans), words, bool(located), left_at, left_by


def _cause(first: UserChange, number: int, names: Names, left_by: str = "") -> Cause:
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
        message=(first.message or first.code or f"HTTP {first.status}") if is_unclassified else "",
        words="" if is_unclassified else first.message,
        request_id=first.request_id,
        is_unknown=first.state == State.UNKNOWN,
        left_by=left_by,
        left_at=first.left_at,
        is_untouched=first.state != State.UNKNOWN and not first.is_located and not _may_be_changed(first),
        is_located=first.is_located,
        first=first,
    )


def _may_be_changed(row: UserChange) -> bool:
    """Tell whether a call was made of which nothing can be seen any more: somebody else came after it."""
    return row.attempts > 0 and row.failure_kind in (FailureKind.CHANGED_ELSEWHERE, FailureKind.NOT_FOUND)


def users_of(change: LicenseChange, cause: Cause) -> QuerySet[UserChange]:
    """Return the users of a cause who still exist, in the change's order."""
    return all_users_of(change, cause).filter(user__isnull=False, user__deleted_at__isnull=True)


def all_users_of(change: LicenseChange, cause: Cause) -> QuerySet[UserChange]:
    """Return the users of a cause, deleted ones too, in the change's order."""
    first = cause.first
    facts = ("state", "failure_kind", "failure_skus", "failure_plans", "left_at", "left_by_id")
    same = {name: getattr(first, name) for name in facts} | {"words": cause.key[4], "located": first.is_located}
    return _with_cause(change.user_changes.all()).filter(**same).order_by("position")
