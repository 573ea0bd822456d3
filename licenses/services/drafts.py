"""What Review does with a draft but saving it: plan it again otherwise, or throw it away."""

from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction

from licenses import doorbell
from licenses.core.repair import Repair, repaired
from licenses.models import LicenseChange, UserChange
from licenses.services import save, written_plans
from licenses.services.intents import newly_given
from licenses.services.wishes import wish_from_json, wish_to_json

Status, State = LicenseChange.Status, UserChange.State

BLOCKED, GUESTS = "blocked", "guests"


def carry_over(change: LicenseChange, *, is_kept: bool) -> LicenseChange:
    """Plan a draft again with what people had off kept off or switched on."""
    return _wished(change, lambda wish: wish | {"carryOver": is_kept})


def locate(change: LicenseChange, location: str) -> LicenseChange:
    """Plan a draft again with a usage location for its users who have none."""
    return _wished(change, lambda wish: wish | {"location": location})


def mend(change: LicenseChange, repair: Repair) -> LicenseChange:
    """Plan a draft again with a repair of a foreseen clash in its wish, which is for all of its users."""
    return _wished(change, lambda wish: wish_to_json(repaired(wish_from_json(wish), repair)))


def leave_out(change: LicenseChange, why: str) -> LicenseChange:
    """Plan a draft again without the users with blocked sign-in, or the guests, whom it gives a product."""

    def edit(draft: LicenseChange) -> None:
        _set_left_out(draft, why, {*draft.left_out.get(why, ()), *_newly_licensed(draft, why)})

    return _edited(change, edit)


def go_without(change: LicenseChange, sku_id: str, pks: Iterable[int]) -> LicenseChange:
    """Plan a draft again without these users, for they get no seat of a SKU; who went without before is back."""
    return _edited(change, lambda draft: _set_left_out(draft, sku_id, set(pks)))


def put_back(change: LicenseChange) -> LicenseChange:
    """Plan a draft again with everybody who was left out."""
    return _edited(change, lambda draft: setattr(draft, "left_out", {}))


def _newly_licensed(change: LicenseChange, why: str) -> list[int]:
    rows = change.user_changes.filter(state=State.PENDING)
    rows = rows.filter(user__enabled=False) if why == BLOCKED else rows.filter(user__is_guest=True)
    return [row.user_id for row in rows.exclude(add=[]) if row.user_id is not None and newly_given(row)]


def _set_left_out(draft: LicenseChange, why: str, pks: set[int]) -> None:
    others = {reason: some for reason, some in draft.left_out.items() if reason != why}
    draft.left_out = others | ({why: sorted(pks)} if pks else {})


def _wished(change: LicenseChange, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> LicenseChange:
    """Plan a draft again from another wish. An undo has none: it is planned from what people had."""
    if change.kind == LicenseChange.Kind.UNDO:
        return change
    return _edited(change, lambda draft: setattr(draft, "wish", edit(draft.wish)))


def _edited(change: LicenseChange, edit: Callable[[LicenseChange], None]) -> LicenseChange:
    """Edit a draft and plan it again, a large one by a worker; one that was saved meanwhile is left alone."""
    with transaction.atomic():
        change = LicenseChange.objects.select_for_update().get(pk=change.pk)
        if change.status != Status.DRAFT:
            return change
        edit(change)
        written_plans.forget(change)
        change.starts_itself = False
        if len(change.planned_users) > save.PLANNED_IN_REQUEST:
            change.status = Status.PLANNING
            change.save()
            doorbell.ring_planner(change)
        else:
            written_plans.write(change)
    return change


def discard(change: LicenseChange) -> bool:
    """Delete a draft with its users; False when it is no draft any more, for it was saved meanwhile."""
    with transaction.atomic():
        # Held while its users are deleted: whoever saves it at the same time must wait, and then finds nothing.
        found = LicenseChange.objects.select_for_update().filter(pk=change.pk, status=Status.DRAFT).first()
        if found is not None:
            found.delete()
    return found is not None
