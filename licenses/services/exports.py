"""The result of a change as rows for a sheet: the same words and figures as its page."""

from collections.abc import Iterator
from itertools import batched

from django.utils.translation import gettext as _

from licenses.core.triage import FailureKind
from licenses.messages import explanation
from licenses.models import LicenseChange, UserChange
from licenses.services.outcomes import Line, ResultRow, names_for, result_rows
from licensing_portal.lists import listed

State = UserChange.State

_ROWS_AT_ONCE = 1_000


def result_table(change: LicenseChange) -> Iterator[list[str]]:
    """Yield the heading and a row per user, in the change's order."""
    yield [
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
    rows = change.user_changes.order_by("position", "id").iterator(_ROWS_AT_ONCE)
    for some in batched(rows, _ROWS_AT_ONCE):
        names = names_for(change, some)
        yield from (_row(one) for one in result_rows(list(some), names))


def _row(one: ResultRow) -> list[str]:
    row = one.row
    return [
        row.display_name,
        row.user_principal_name,
        row.object_id,
        str(State(row.state).label),
        listed(_words(line) for line in one.changed),
        listed(_words(line) for line in one.kept),
        listed(tag.name for tag in one.now or ()),
        _reason(row),
        row.message if row.failure_kind == FailureKind.UNKNOWN else "",
        row.request_id if row.failure_kind else "",
    ]


def _words(line: Line) -> str:
    return f"{line.word}: {line.text}"


def _reason(row: UserChange) -> str:
    return str(explanation(row.failure_kind).title) if row.failure_kind else ""
