"""Notes which products a change is about and for how many users: what the history says and can be asked for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from licenses.core.catalog import SkuId
from licenses.core.diff import Choice, UserDiff, Wish
from licenses.core.holdings import UserState
from licenses.core.planning import UserPlan
from licenses.core.undo import switched_off
from licenses.models import ChangeProduct, LicenseChange, UserChange
from licenses.services.intents import diff_of, state_before


@dataclass(slots=True)
class _Subject:
    """What a change does with one product."""

    assigned: int = 0
    unassigned: int = 0
    edited: int = 0
    takes_away: bool = False


def note_products(change: LicenseChange, wish: Wish, users: Iterable[UserPlan]) -> None:
    """Write what a change is about that is planned now: what was wished, and what its users will get or lose."""
    planned = (user for user in users if user.refusal is None)
    _write(change, wish, _counted((user.diff, user.state_before) for user in planned))


def note_done(change: LicenseChange, wish: Wish) -> None:
    """Write anew what a change that has ended did: to those users alone who were updated."""
    rows = change.user_changes.filter(state=UserChange.State.UPDATED).exclude(add=[], remove=[])
    change.products.all().delete()
    _write(
        change, wish, _counted(_deeds(rows.only("object_id", "add", "remove", "location", "before").iterator(2_000)))
    )


def _deeds(rows: Iterable[UserChange]) -> Iterator[tuple[UserDiff, UserState]]:
    for row in rows:
        yield diff_of(row), state_before(row)


def _counted(deeds: Iterable[tuple[UserDiff, UserState]]) -> dict[SkuId, _Subject]:
    """Count by product what calls (of users in these states) do."""
    found: dict[SkuId, _Subject] = {}
    for diff, before in deeds:
        for add in diff.add:
            subject = found.setdefault(add.sku_id, _Subject())
            if before.holds(add.sku_id):
                subject.edited += 1
                subject.takes_away = subject.takes_away or bool(switched_off(add, before))
            else:
                subject.assigned += 1
        for sku_id in diff.remove:
            subject = found.setdefault(sku_id, _Subject())
            subject.unassigned += 1
            subject.takes_away = True
    return found


def _write(change: LicenseChange, wish: Wish, found: dict[SkuId, _Subject]) -> None:
    choices = [*wish.products.items(), *((sku_id, choice) for (sku_id, _plan), choice in wish.plans.items())]
    for sku_id, choice in choices:
        if choice != Choice.KEEP:
            found.setdefault(sku_id, _Subject())
    ChangeProduct.objects.bulk_create(
        ChangeProduct(
            change=change,
            sku_id=sku_id,
            takes_away=subject.takes_away,
            assigned=subject.assigned,
            unassigned=subject.unassigned,
            edited=subject.edited,
        )
        for sku_id, subject in found.items()
    )
