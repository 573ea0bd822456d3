"""What became of a draft's users behind its back: for Review, each with what changed, when and by whom."""

from collections.abc import Iterable
from dataclasses import dataclass

from customers.models import DirectoryUser
from licenses.models import LicenseChange, LicenseEvent
from licenses.services.naming import Names
from licenses.services.user_history import HistoryLine, lines_of, plans_in

SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted:
    """A user whose licenses or location changed after the picture that the draft was made from."""

    name: str
    object_id: str
    lines: tuple[HistoryLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The first of the drifted users, by name, and how many more there are."""

    users: tuple[Drifted, ...]
    more: int


def drift_of(change: LicenseChange, concerned: Iterable[int]) -> Drift:
    """Return what changed for these users (row ids) since the draft's picture."""
    if change.drift_since is None:
        return Drift(users=(), more=0)
    events = LicenseEvent.objects.filter(customer=change.customer_id, seen_at__gt=change.drift_since)
    moved = set(concerned).intersection(events.order_by().values_list("user_id", flat=True).distinct())
    people = DirectoryUser.objects.filter(pk__in=list(moved)) if len(moved) <= SHOWN else _first(moved)
    shown = sorted(people, key=lambda person: (person.sort_key, person.pk))
    rows = events.filter(user__in=shown).select_related("product", "change__staff", "staff").order_by("-seen_at", "-pk")
    by_user: dict[int | None, list[LicenseEvent]] = {}
    for row in rows:
        by_user.setdefault(row.user_id, []).append(row)
    names = Names(change.customer, (), plans_in(rows))
    users = (
        Drifted(
            name=person.display_name,
            object_id=person.object_id,
            lines=tuple(lines_of(by_user.get(person.pk, []), [], names)),
        )
        for person in shown
    )
    return Drift(users=tuple(users), more=len(moved) - len(shown))


def _first(pks: set[int]) -> list[DirectoryUser]:
    """Return the first of many users by name; a few thousand at most are looked at."""
    return list(DirectoryUser.objects.filter(pk__in=sorted(pks)[:5_000]).order_by("sort_key", "pk")[:SHOWN])
