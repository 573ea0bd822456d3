"""Plans the users of a change by what it was built from: a wish, or the deeds of the change that it undoes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import batched
from typing import Any

from django.conf import settings
from django.db.models import Q

from licenses.core.catalog import Catalog
from licenses.core.diff import Choice, UserDiff, Wish
from licenses.core.failures import FailureKind, failure_of
from licenses.core.holdings import DIRECT, UserState
from licenses.core.planning import Cause, SavePlan, UserPlan, plan_save
from licenses.core.undo import Deed, plan_undo
from licenses.models import LicenseChange, LicenseEvent, UserChange
from licenses.services import refusals
from licenses.services.intents import diff_of
from licenses.services.states import state_from_json
from licenses.services.wishes import wish_from_json

Kind, State, Step = LicenseChange.Kind, UserChange.State, UserChange.Step
# SQLite takes at most 32,766 parameters in a statement.
_IDS_AT_ONCE = 10_000
# The location was set, and then the licences were not.
LOCATED_ALONE = ~Q(location="") & Q(step=Step.LICENCES, state__in=[State.FAILED, State.NOT_TRIED])
DONE = Q(state=State.UPDATED, after__isnull=False) & (~Q(add=[]) | ~Q(remove=[]) | ~Q(location=""))
# Whether a call changed these, nobody knows.
UNCLEAR = Q(state=State.UNKNOWN) | Q(
    state=State.FAILED, failure_kind=FailureKind.CHANGED_ELSEWHERE.value, attempts__gt=0
)


def plan_change(
    change: LicenseChange,
    users: Sequence[UserState],
    catalog: Catalog,
    *,
    selection_changed: bool = False,
    drift: bool = False,
) -> SavePlan:
    """Plan users in the order in which seats are given out."""
    if change.kind == Kind.UNDO:
        return _plan_undo(change, users, catalog, drift=drift)
    wish = wish_from_json(change.wish)
    # A form refuses such a product; a retry has no form.
    if change.kind in (Kind.RETRY, Kind.REPAIR) and (gone := _gone(wish, catalog)):
        refusal = failure_of(FailureKind.BAD_SKU, skus=gone)
        nobody = (
            UserPlan(user_id=one.user_id, state_before=one, diff=UserDiff(user_id=one.user_id), refusal=refusal)
            for one in users
        )
        return SavePlan(users=tuple(nobody), seats=(), causes=frozenset({Cause.REFUSED, Cause.PRODUCT_GONE}))
    return plan_save(
        users,
        wish,
        catalog,
        review_above=settings.REVIEW_ABOVE,
        selection_changed=selection_changed,
        drift=drift,
        refused=refusals.known_of(change.customer),
    )


def _gone(wish: Wish, catalog: Catalog) -> tuple[str, ...]:
    """Return the products that are to be given and that the tenant no longer owns."""
    given = {sku_id for sku_id, choice in wish.products.items() if choice == Choice.ALL}
    return tuple(sorted(sku_id for sku_id in given if catalog.get(sku_id) is None))


def _plan_undo(change: LicenseChange, users: Sequence[UserState], catalog: Catalog, *, drift: bool) -> SavePlan:
    deeds = _deeds(change, [state.user_id for state in users])
    rows = UserChange.objects.filter(UNCLEAR, change=change.parent_id)
    unclear = {
        object_id: FailureKind(kind or FailureKind.UNREADABLE)
        for object_id, kind in rows.values_list("object_id", "failure_kind")
    }
    return plan_undo(
        users,
        deeds,
        catalog,
        unclear=unclear,
        review_above=settings.REVIEW_ABOVE,
        drift=drift,
        refused=refusals.known_of(change.customer),
    )


def _deeds(undo: LicenseChange, object_ids: Collection[str]) -> dict[str, Deed]:
    """Return what the undone change did to these users, as far as it was read back: of each state what it touched."""
    parent = undo.parent
    if parent is None:
        return {}
    rows = UserChange.objects.filter(DONE | LOCATED_ALONE, change=parent, change__customer=undo.customer_id)
    found: dict[str, Deed] = {}
    for some in batched(object_ids, _IDS_AT_ONCE):
        touched = _touched_since(parent, some)
        for row in rows.filter(object_id__in=some).only(*_OF_A_DEED).iterator(2_000):
            found[row.object_id] = _deed(row, touched.get(row.object_id, frozenset()))
    return found


_OF_A_DEED = ("object_id", "state", "add", "remove", "location", "before", "after")


def _deed(row: UserChange, touched: frozenset[str]) -> Deed:
    diff = diff_of(row)
    if row.state != State.UPDATED:
        diff = UserDiff(user_id=row.object_id, location=diff.location)
    skus = {*(add.sku_id for add in diff.add), *diff.remove}
    before, after = (_of_these(row.object_id, state or {}, skus) for state in (row.before, row.after))
    return Deed(before=before, diff=diff, after=after, touched=touched & skus)


def _of_these(object_id: str, state: Mapping[str, Any], skus: set[str]) -> UserState:
    """Return a stored state with the direct assignments of these SKUs alone: fifty thousand must fit into memory."""
    paths = [path for path in state.get("paths", ()) if path["skuId"] in skus and path["via"] == DIRECT]
    return state_from_json(object_id, {**state, "paths": paths})


def _touched_since(change: LicenseChange, object_ids: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return by user the SKUs whose direct assignment was changed after a change, by anything but its own undoing."""
    events = (
        LicenseEvent.objects.filter(customer=change.customer_id, product__isnull=False, object_id__in=list(object_ids))
        .filter(seen_at__gt=change.finished_at or change.created_at)
        .exclude(change__in=_undoings(change))
    )
    found: dict[str, set[str]] = {}
    for object_id, sku_id, before, after in events.values_list("object_id", "product__sku_id", "before", "after"):
        if _direct_of(before) != _direct_of(after):
            found.setdefault(object_id, set()).add(sku_id)
    return {object_id: frozenset(skus) for object_id, skus in found.items()}


def _direct_of(event: Mapping[str, Any] | None) -> list[str] | None:
    """Return the plans that are off in the direct assignment of an event's state; None for none."""
    path = ((event or {}).get("paths") or {}).get(DIRECT)
    return path["disabled"] if path is not None else None


def _undoings(change: LicenseChange) -> list[LicenseChange]:
    """Return a change, its undos, their undos, and so on."""
    found, latest = [change], [change]
    while latest:
        latest = list(LicenseChange.objects.filter(parent__in=latest, kind=Kind.UNDO))
        found += latest
    return found
