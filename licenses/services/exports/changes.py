"""The change history as rows for a sheet."""

from collections.abc import Iterator
from itertools import batched

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from licenses.models import LicenseChange
from licenses.services.change_list import ChangeRow, rows_of
from licenses.services.exports import ROWS_AT_ONCE
from licenses.services.exports.result import in_lines
from licensing_portal.sheets import Cell, Column, Sheet


def change_sheet(changes: QuerySet[LicenseChange]) -> Sheet:
    """Return a row per change, in the order given."""
    headings = [
        _("Who"),
        _("Customer"),
        _("Tenant ID"),
        _("Ticket or reason"),
        _("Kind"),
        _("What"),
        _("Users"),
        _("Status"),
        _("Updated"),
        _("Already so"),
        _("Action needed"),
        _("Left as it is"),
        _("Change ID"),
    ]
    columns = [Column(_("When"), is_moment=True), *map(Column, headings)]
    return Sheet(_("Change history"), columns, _rows(changes))


def _rows(changes: QuerySet[LicenseChange]) -> Iterator[list[Cell]]:
    for some in batched(changes.iterator(ROWS_AT_ONCE), ROWS_AT_ONCE):
        yield from map(_row, rows_of(some))


def _row(row: ChangeRow) -> list[Cell]:
    change = row.change
    return [
        change.created_at,
        change.staff.display_name,
        change.customer.name,
        change.customer.tenant_id,
        change.reference,
        change.get_kind_display(),
        in_lines(row.lines),
        change.total,
        change.get_status_display(),
        row.updated,
        row.already,
        row.action,
        row.left,
        str(change.pk),
    ]
