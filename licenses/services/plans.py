"""Plans the users of a change by what it was built from: a wish, or the deeds of the change that it undoes."""

from collections.abc import Collection, Sequence
from itertools import batched

from django.conf import settings

from licenses.core.catalog import Catalog
from licenses.core.holdings import UserState
from licenses.core.planning import SavePlan, plan_save
from licenses.core.undo import Deed, plan_undo
from licenses.models import LicenseChange, UserChange
from licenses.services.intents import diff_of, state_before
from licenses.services.states import state_from_json
from licenses.services.wishes import wish_from_json

# SQLite takes at most 32,766 parameters in a statement.
_IDS_AT_ONCE = 10_000


def plan_change(
    change: LicenseChange,
    users: Sequence[UserState],
    catalog: Catalog,
    *,
    selection_changed: bool = False,
    drift: bool = False,
) -> SavePlan:
    """Plan users in the order in which seats are given out."""
    if change.kind == LicenseChange.Kind.UNDO:
        deeds = _deeds(change, [state.user_id for state in users])
        return plan_undo(users, deeds, catalog, review_above=settings.REVIEW_ABOVE, drift=drift)
    return plan_save(
        users,
        wish_from_json(change.wish),
        catalog,
        review_above=settings.REVIEW_ABOVE,
        selection_changed=selection_changed,
        drift=drift,
    )


def _deeds(undo: LicenseChange, object_ids: Collection[str]) -> dict[str, Deed]:
    """Return what the undone change did to these users, as far as it was read back."""
    done = UserChange.objects.filter(
        change__customer=undo.customer_id, change=undo.parent_id, state=UserChange.State.UPDATED, after__isnull=False
    )
    found: dict[str, Deed] = {}
    for some in batched(object_ids, _IDS_AT_ONCE):
        for row in done.filter(object_id__in=some):
            after = state_from_json(row.object_id, row.after or {})
            found[row.object_id] = Deed(before=state_before(row), diff=diff_of(row), after=after)
    return found
