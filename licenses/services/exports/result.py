"""The result of a change as rows for a sheet: the same words and figures as its page."""

from collections.abc import Iterable, Iterator
from itertools import batched

from django.utils.translation import gettext as _

from licenses.core.failures import FailureKind
from licenses.explanations import explanation
from licenses.models import LicenseChange, UserChange
from licenses.product_names import in_words
from licenses.services.exports import ROWS_AT_ONCE
from licenses.services.outcomes import Line, ResultRow, names_for, result_rows
from licensing_portal.lists import listed
from licensing_portal.sheets import Cell, Column, Sheet

State = UserChange.State


def result_sheet(change: LicenseChange) -> Sheet:
    """Return a row per user, in the change's order."""
    headings = [
        _("User"),
        _("Sign-in name"),
        _("Object ID"),
        _("Result"),
        _("Changed"),
        _("Kept"),
        _("Now has"),
        _("Reason"),
        _("Microsoft's own words"),
        _("Request id"),
    ]
    columns = [*map(Column, headings), Column(_("As of"), is_moment=True)]
    return Sheet(_("Licenses updated"), columns, _rows(change))


def _rows(change: LicenseChange) -> Iterator[list[Cell]]:
    rows = change.user_changes.order_by("position", "id").iterator(ROWS_AT_ONCE)
    for some in batched(rows, ROWS_AT_ONCE):
        names = names_for(change, some)
        yield from (_row(one) for one in result_rows(list(some), names))


def _row(one: ResultRow) -> list[Cell]:
    row = one.row
    return [
        row.display_name,
        row.user_principal_name,
        row.object_id,
        result_of(row),
        in_lines(one.changed),
        in_lines(one.kept),
        listed(in_words(tag.words) for tag in one.now or ()),
        reason_of(row),
        row.message if row.failure_kind == FailureKind.UNKNOWN else "",
        row.request_id if row.failure_kind else "",
        row.finished_at,
    ]


def result_of(row: UserChange) -> str:
    """Return what became of a user, and whether somebody has decided to leave it so."""
    label = str(State(row.state).label)
    is_left = row.left_at is not None and row.state in UserChange.ACTION
    return _("%(result)s (left as it is)") % {"result": label} if is_left else label


def in_lines(lines: Iterable[Line]) -> str:
    """Return lines of an outcome as one text: "Assigned: E5, Unassigned: E3"."""
    return listed(f"{line.word}: {in_words(line.text)}" for line in lines)


def reason_of(row: UserChange) -> str:
    """Return why a user was not updated; empty for who was."""
    return str(explanation(row.failure_kind).title) if row.failure_kind else ""
