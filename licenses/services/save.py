"""Saving: a wish for many users becomes a stored draft, and a draft becomes a queued change.

Nothing here talks to Microsoft; the pump (services/run.py) does, after the intent is committed.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from customers import selection as selections
from customers.models import Customer, Selection
from licenses import doorbell
from licenses.core.catalog import Catalog
from licenses.core.diff import Wish
from licenses.core.planning import Cause, SavePlan, plan_save
from licenses.models import LicenseChange, UserChange
from licenses.services import lanes, refusals, written_plans
from licenses.services.keys import same_key
from licenses.services.picture import doubts, has_drifted, selection_moved
from licenses.services.states import load_catalog, load_states
from licenses.services.stopping import cancel
from licenses.services.wishes import wish_to_json
from licensing_portal.staff.models import StaffUser

# Above this many users planning leaves the request.
PLANNED_IN_REQUEST = 1_000

Status = LicenseChange.Status


class NobodySelected(Exception):
    """There is nobody to save for."""


class OtherPlan(Exception):
    """The draft was planned again after the person had seen it."""


class TooManyUsers(Exception):
    """More users than one change holds."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} users")
        self.limit = limit


def preview(
    customer: Customer,
    wish: Wish,
    user_pks: Sequence[int],
    *,
    catalog: Catalog | None = None,
    selection_changed: bool = False,
    drift: bool = False,
) -> SavePlan:
    """Return what a save of this wish would do, by the code that the save itself uses; nothing is stored."""
    states = load_states(customer, user_pks)
    return plan_save(
        [states[pk] for pk in user_pks if pk in states],
        wish,
        catalog or load_catalog(customer),
        review_above=settings.REVIEW_ABOVE,
        selection_changed=selection_changed,
        drift=drift,
        refused=refusals.known_of(customer),
    )


def make_draft(
    *,
    staff: StaffUser,
    customer: Customer,
    wish: Wish,
    user_pks: Iterable[int] | None = None,
    key: str,
    content: str,
    reference: str = "",
    selection: Selection | None = None,
    counter: int | None = None,
    seen: datetime | None = None,
    starts_itself: bool = False,
    kind: str = LicenseChange.Kind.SAVE,
    parent: LicenseChange | None = None,
    planned_in_request: int | None = None,
) -> LicenseChange:
    """Plan and store a draft; the same key with the same content answers with the first one.

    The users are those of the `selection` at this moment, or `user_pks`, in the order in which seats are given out.
    `starts_itself` marks a Save (not "Review changes"): a change too large for the request (`planned_in_request`
    users, or the usual number) then starts after planning when nothing asks for Review. With a `selection` Review asks
    unless `counter` is the selection's and `seen`, when the form was rendered, is known.
    Raises keys.KeyReused, NobodySelected, TooManyUsers.
    """
    if first := same_key(staff, customer, key, content):
        return first
    change = LicenseChange(
        staff=staff,
        customer=customer,
        kind=kind,
        parent=parent,
        reference=reference,
        wish=wish_to_json(wish),
        key=key,
        content=content,
        seen_at=seen,
        starts_itself=starts_itself,
    )
    try:
        with transaction.atomic():
            if selection is not None:
                # Counter and users of one moment: another tab may tick somebody at any time.
                selection = selections.hold(selection)
                change.selection_counter = selection.counter
                change.causes = doubts(selection, counter, seen)
                if user_pks is None:
                    user_pks = list(selections.in_seat_order(selection))
            _store(change, list(user_pks or ()), planned_in_request or PLANNED_IN_REQUEST)
    except IntegrityError:
        if first := same_key(staff, customer, key, content):
            return first
        raise
    return change


def _store(change: LicenseChange, user_pks: list[int], planned_in_request: int) -> None:
    """Store a change for these users with its plan, or ask a worker for the plan of a large one."""
    if not user_pks:
        raise NobodySelected
    if len(user_pks) > settings.MAX_USERS_PER_CHANGE:
        raise TooManyUsers(settings.MAX_USERS_PER_CHANGE)
    large = len(user_pks) > planned_in_request
    change.status = Status.PLANNING if large else Status.DRAFT
    change.planned_users, change.total = user_pks, len(user_pks)
    change.save(force_insert=True)
    if large:
        doorbell.ring_planner(change)
    else:
        written_plans.write(change)


def plan_stored(change_id: UUID | str) -> None:
    """Plan a change that was too large for its request, then start it when it may, or end it. Repeatable."""
    with transaction.atomic():
        change = LicenseChange.objects.select_for_update().get(pk=change_id)
        if change.status != Status.PLANNING:
            return
        change.status = Status.DRAFT
        written_plans.write(change)
        if change.cancel_requested_at is not None:
            cancel(change)
        elif change.starts_itself and not change.causes and not _selection_moved(change):
            _queue(change)


def start(
    change: LicenseChange,
    *,
    key: str = "",
    unattended: bool = False,
    plan: int | None = None,
    reference: str | None = None,
) -> LicenseChange:
    """Queue a draft and empty the selection of its users; a change that is under way already is left alone.

    When a user changed behind the draft's back it is planned again and stays a draft, with `drift` among its
    causes: the caller shows Review again. So it does when the start is `unattended`, which is not Review's own, and
    the selection is no longer the draft's: another tab may have saved it. A `reference` (ticket or reason) replaces the
    draft's. Raises OtherPlan when the draft's plan is not the one of this number.
    """
    with transaction.atomic():
        change = LicenseChange.objects.select_for_update().get(pk=change.pk)
        if change.status != Status.DRAFT:
            return change
        if plan is not None and plan != change.plan_number:
            raise OtherPlan
        if reference is not None:
            change.reference = reference
        if unattended and _selection_moved(change):
            return change
        if has_drifted(change.customer, written_plans.concerned(change), change.created_at):
            return _plan_again(change)
        change.start_key = key
        _queue(change)
    return change


def _plan_again(change: LicenseChange) -> LicenseChange:
    """Throw the draft's rows away and plan from the present state."""
    written_plans.forget(change)
    change.causes = sorted({*change.causes, Cause.DRIFT.value})
    change.drift_since = change.drift_since or change.created_at
    change.seen_at = None
    change.created_at = timezone.now()
    written_plans.write(change)
    return change


def _selection_moved(change: LicenseChange) -> bool:
    """Tell whether another tab has changed the selection, and note it for Review."""
    if not selection_moved(change):
        return False
    change.causes = sorted({*change.causes, Cause.SELECTION_CHANGED.value})
    change.save(update_fields=["causes"])
    return True


def _queue(change: LicenseChange) -> None:
    """Turn a planned draft into a queued change; one without a single call is done at once."""
    with lanes.gate(change.customer):
        # Inside the gate: of two changes with one user, queued at once, one must see the other.
        calls = change.user_changes.filter(state=UserChange.State.PENDING).exists() or lanes.shares_users(change)
        change.status = Status.QUEUED if calls else Status.DONE
        change.lane = lanes.lane_of(change)
        now = change.queued_at = change.sliced_at = timezone.now()
        if not calls:
            change.started_at = change.finished_at = now
        pks, change.planned_users = written_plans.concerned(change), []
        change.save()
        _empty_selection(change, pks)
        if calls:
            doorbell.ring(change)


def _empty_selection(change: LicenseChange, pks: Sequence[int]) -> None:
    """Take the change's users out of the person's selection: they have moved into the change.

    Whom Review left out stays selected.
    """
    if change.kind != LicenseChange.Kind.SAVE:
        return
    chosen = selections.get(change.staff, change.customer)
    if chosen.counter == change.selection_counter and not change.left_out:
        selections.clear(chosen)
    else:
        selections.remove_pks(chosen, pks)
