"""Builds a new draft from a change that has ended: its users who were not updated again, or all it did turned back.

The old change is never edited; planning and Review are those of every save.
"""

from django.db.models import QuerySet

from licenses.core.diff import Wish
from licenses.core.undo import reversed_wish
from licenses.models import LicenseChange, UserChange
from licenses.services import save
from licenses.services.intents import people
from licenses.services.plans import DONE, LOCATED_ALONE, UNCLEAR
from licenses.services.refresh import READ_IN_REQUEST, refresh_products, refresh_users
from licenses.services.wishes import wish_from_json
from licensing_portal.staff.models import StaffUser
from licensing_portal.wiring import directory_gateway

Kind = LicenseChange.Kind


def to_retry(change: LicenseChange) -> QuerySet[UserChange]:
    """Return those users who still exist, were not updated and were not left as they are, in the change's order."""
    return _existing(change).filter(state__in=UserChange.ACTION, left_at__isnull=True)


def to_undo(change: LicenseChange) -> QuerySet[UserChange]:
    """Return those users who still exist and whom the change changed, or may have, in its order.

    Nobody, when there is none of whom it is known.
    """
    known = _existing(change).filter(DONE | LOCATED_ALONE)
    return _existing(change).filter(DONE | LOCATED_ALONE | UNCLEAR) if known.exists() else known


def _existing(change: LicenseChange) -> QuerySet[UserChange]:
    return change.user_changes.filter(user__isnull=False, user__deleted_at__isnull=True).order_by("position")


def retry(
    change: LicenseChange, staff: StaffUser, *, key: str, users: QuerySet[UserChange] | None = None
) -> LicenseChange:
    """Make a draft with the same wish for the users who were not updated, or for these of them.

    What failed of an undo is undone again, for a wish does not say what each user had. Raises NobodySelected,
    KeyReused.
    """
    users = to_retry(change) if users is None else users
    wish = wish_from_json(change.wish)
    if change.kind == Kind.UNDO:
        return make_draft(change, staff, Kind.UNDO, users, wish, change.parent, key)
    return make_draft(change, staff, Kind.RETRY, users, wish, change, key)


def undo(change: LicenseChange, staff: StaffUser, *, key: str) -> LicenseChange:
    """Make a draft that turns back what a change did. Raises NobodySelected, KeyReused."""
    wish = reversed_wish(wish_from_json(change.wish))
    return make_draft(change, staff, Kind.UNDO, to_undo(change), wish, change, key)


def make_draft(
    change: LicenseChange,
    staff: StaffUser,
    kind: LicenseChange.Kind,
    users: QuerySet[UserChange],
    wish: Wish,
    parent: LicenseChange | None,
    key: str,
    *,
    content: str = "",
) -> LicenseChange:
    """Make a draft for these users of a change; `content` tells drafts of one key apart."""
    return save.make_draft(
        staff=staff,
        customer=change.customer,
        wish=wish,
        user_pks=users.values_list("user_id", flat=True),
        key=key,
        content=f"{kind}:{change.pk}:{content}"[:64],
        reference=change.reference,
        kind=kind,
        parent=parent,
        planned_in_request=READ_IN_REQUEST,
    )


def read_first(change_id: str) -> None:
    """Read the users of a large draft again before it is planned; for a worker, which may take its time.

    Raises GatewayError: nothing is planned from what Microsoft did not say, and the sweeper rings again.
    """
    change = LicenseChange.objects.select_related("customer").get(pk=change_id)
    if change.kind == Kind.SAVE or change.status != LicenseChange.Status.PLANNING:
        return
    gateway = directory_gateway(change.customer.tenant_id, background=True)
    refresh_products(change.customer, gateway=gateway)
    chosen = people(change.planned_users).values()
    refresh_users(change.customer, [person.object_id for person in chosen], gateway=gateway)
