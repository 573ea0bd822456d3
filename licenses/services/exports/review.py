"""A draft as rows for a sheet: what Review says of each user."""

from collections.abc import Iterator, Sequence
from itertools import batched

from django.utils.translation import gettext as _

from customers.models import DirectoryUser
from licenses.models import LicenseChange, UserChange
from licenses.product_names import in_words
from licenses.services import drafts
from licenses.services.exports import ROWS_AT_ONCE
from licenses.services.intents import newly_given
from licenses.services.naming import Names
from licenses.services.outcomes import Outcome, names_for, planned_outcome
from licensing_portal.lists import listed
from licensing_portal.sheets import Cell, Column, Sheet

State = UserChange.State


def review_sheet(change: LicenseChange) -> Sheet:
    """Return a row per user, in the change's order."""
    headings = [
        _("User"),
        _("Sign-in name"),
        _("Object ID"),
        _("Department"),
        _("Outcome"),
        _("Assign"),
        _("Unassign"),
        _("Service plans"),
        _("Usage location"),
        _("Kept"),
        _("Not possible"),
        _("Warning"),
    ]
    return Sheet(_("Review changes"), [*map(Column, headings)], _rows(change))


def _rows(change: LicenseChange) -> Iterator[list[Cell]]:
    rows = change.user_changes.select_related("user").defer("user__search").order_by("position", "id")
    for some in batched(rows.iterator(ROWS_AT_ONCE), ROWS_AT_ONCE):
        names = names_for(change, some)
        yield from (_row(row, planned_outcome(row, names)) for row in some)
    for why, pks in change.left_out.items():
        yield from _left_out(change, why, pks)


def _left_out(change: LicenseChange, why: str, pks: Sequence[int]) -> Iterator[list[Cell]]:
    """Yield those whom somebody has left out in Review, with the reason."""
    words = {drafts.BLOCKED: _("Sign-in blocked"), drafts.GUESTS: _("Guest")}
    reason = words.get(why) or in_words(Names(change.customer, [why]).product(why))
    for some in batched(pks, ROWS_AT_ONCE):
        for user in DirectoryUser.objects.filter(customer=change.customer, pk__in=some).order_by("sort_key", "pk"):
            person = [user.display_name, user.user_principal_name, user.object_id, user.department]
            yield [*person, _("left out"), "", "", "", "", "", reason, ""]


def _row(row: UserChange, outcome: Outcome) -> list[Cell]:
    return [
        row.display_name,
        row.user_principal_name,
        row.object_id,
        row.user.department if row.user else "",
        _what_happens(row),
        *(_about(outcome, icon) for icon in ("plus", "minus", "switch", "location", "lock", "bad")),
        listed(filter(None, [*_doubts(row), _about(outcome, "warn")])),
    ]


def _doubts(row: UserChange) -> Iterator[str]:
    """Yield what Review asks about a user who is given a product."""
    if row.user is None or row.state != State.PENDING or not newly_given(row):
        return
    if not row.user.enabled:
        yield _("Sign-in blocked")
    if row.user.is_guest:
        yield _("Guest")


def _what_happens(row: UserChange) -> str:
    if row.failure_kind:
        return _("left out")
    return _("will be changed") if row.state == State.PENDING else _("already as wished")


def _about(outcome: Outcome, icon: str) -> str:
    """Return the lines of one kind as one text."""
    return listed(in_words(line.text) for line in (*outcome.changes, *outcome.notes) if line.icon == icon)
