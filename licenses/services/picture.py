"""Whether the picture that somebody saves from, of the selection and of its users, is still what is there."""

from collections.abc import Sequence
from datetime import datetime

from customers import selection as selections
from customers.models import Customer, Selection
from licenses.core.planning import Cause
from licenses.models import LicenseChange, LicenseEvent


def has_drifted(customer: Customer, user_pks: Sequence[int], seen: datetime | None) -> bool:
    """Tell whether a licence or location of one of these users changed after a moment; never without one."""
    if seen is None:
        return False
    changed = set(LicenseEvent.objects.filter(customer=customer, seen_at__gt=seen).values_list("user_id", flat=True))
    return bool(changed.intersection(user_pks))


def doubts(selection: Selection, counter: int | None, seen: datetime | None) -> list[str]:
    """Return why a form is not to be trusted: it shows an older selection, or does not say what it shows."""
    # Another tab has changed the selection since the form was rendered.
    doubts = [Cause.SELECTION_CHANGED.value] if counter != selection.counter else []
    return [*doubts, Cause.DRIFT.value] if seen is None else doubts


def selection_moved(change: LicenseChange) -> bool:
    """Tell whether the selection is another one than when the draft was made; it stays so in this transaction."""
    if change.kind != LicenseChange.Kind.SAVE:
        return False
    chosen = selections.hold(selections.get(change.staff, change.customer))
    return chosen.counter != change.selection_counter
