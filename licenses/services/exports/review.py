"""A draft as rows for a sheet: what Review says of each user."""

from collections.abc import Iterator
from itertools import batched

from django.utils.translation import gettext as _

from licenses.models import LicenseChange, UserChange
from licenses.product_names import in_words
from licenses.services.exports import ROWS_AT_ONCE
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


def _row(row: UserChange, outcome: Outcome) -> list[Cell]:
    return [
        row.display_name,
        row.user_principal_name,
        row.object_id,
        row.user.department if row.user else "",
        _what_happens(row),
        *(_about(outcome, icon) for icon in ("plus", "minus", "switch", "location", "lock", "bad", "warn")),
    ]


def _what_happens(row: UserChange) -> str:
    if row.failure_kind:
        return _("left out")
    return _("will be changed") if row.state == State.PENDING else _("already as wished")


def _about(outcome: Outcome, icon: str) -> str:
    """Return the lines of one kind as one text."""
    return listed(in_words(line.text) for line in (*outcome.changes, *outcome.notes) if line.icon == icon)
