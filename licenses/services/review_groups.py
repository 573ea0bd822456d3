"""The users of a draft as Review shows them: grouped by equal outcome, with their names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Min, QuerySet

from licenses.models import LicenseChange, UserChange
from licenses.services.naming import Names
from licenses.services.outcomes import Outcome, names_for, planned_outcome

NAMES_SHOWN = 100
SMALL_GROUP, NAMED_AT_ONCE = 12, 3
GROUPS_SHOWN = 50


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


def review_groups(change: LicenseChange, folded: str = "") -> list[Group]:
    """Return the draft's users grouped by equal outcome, the largest group first; of a search those it finds."""
    grouped = (
        _found(change, folded)
        .order_by()
        .values("outcome_key")
        .annotate(number=Count("pk"), first=Min("pk"))
        .order_by("-number", "first")[:GROUPS_SHOWN]
    )
    groups = list(grouped)
    firsts = UserChange.objects.in_bulk([group["first"] for group in groups])
    names = names_for(change, firsts.values())
    people = [_first_people(_found(change, folded), group["outcome_key"]) for group in groups]
    shared = _shared_names(change, {name for some in people for name, _address in some})
    named = [[f"{name} ({at})" if name in shared else name for name, at in some] for some in people]
    return [_group(group, firsts[group["first"]], names, some) for group, some in zip(groups, named, strict=True)]


def unshown(change: LicenseChange, folded: str, groups: list[Group]) -> int:
    """Return how many users of the draft, or of a search, have outcomes beyond the groups shown."""
    if len(groups) < GROUPS_SHOWN:
        return 0
    return _found(change, folded).count() - sum(group.number for group in groups)


def _found(change: LicenseChange, folded: str) -> QuerySet[UserChange]:
    return change.user_changes.filter(search__contains=folded) if folded else change.user_changes.all()


def _first_people(rows: QuerySet[UserChange], outcome_key: str) -> list[tuple[str, str]]:
    """Return display and sign-in names of the first users of a group, by name."""
    rows = rows.filter(outcome_key=outcome_key).order_by("sort_key", "id")
    return list(rows.values_list("display_name", "user_principal_name")[:NAMES_SHOWN])


def _shared_names(change: LicenseChange, names: set[str]) -> set[str]:
    """Return those display names that several users of the change have: their sign-in names tell them apart."""
    rows = change.user_changes.filter(display_name__in=names).order_by().values("display_name")
    return set(rows.annotate(number=Count("pk")).filter(number__gt=1).values_list("display_name", flat=True))


def _group(group: Mapping[str, Any], first: UserChange, names: Names, people: list[str]) -> Group:
    return Group(
        number=group["number"],
        names=tuple(people),
        outcome=planned_outcome(first, names),
        is_left_out=bool(first.failure_kind),
    )
