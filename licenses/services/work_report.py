"""A change as a work report on paper: what was done, how many users it reached, and what became of each."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext as _

from licenses.core.failures import FailureKind
from licenses.models import LicenseChange, Product, UserChange
from licenses.services import report
from licenses.services.change_list import rows_of
from licenses.services.exports.result import reason_of, result_of
from licenses.services.outcomes import Line, ResultRow, names_for, result_rows
from licenses.services.plans import LOCATED_ALONE
from licenses.services.result_rows import ResultRows

State = UserChange.State

# Some sixty sheets of paper; whoever needs more takes the export.
MOST_USERS = 2_000
_LONGEST_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class ProductWork:
    """For how many users a product was assigned, unassigned, or its service plans changed; None: not counted."""

    name: str
    assigned: int | None
    unassigned: int | None
    edited: int | None


@dataclass(frozen=True, slots=True)
class CauseLine:
    """Why users were not updated, without who left them so and when: customers read of each cause once."""

    title: str
    text: str
    about: str
    message: str
    is_unknown: bool
    number: int


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One user: what became of them, and why they were not updated (empty for who was)."""

    one: ResultRow
    result: str
    reason: str
    # Microsoft's own words, where the portal has none.
    message: str


@dataclass(frozen=True, slots=True)
class WorkReport:
    """What the report of one change says; of its `counts.total` users the first ones are in `rows`."""

    counts: report.Counts
    products: list[ProductWork]
    # Service plans that were switched in general, and the usage location that was set.
    lines: list[Line]
    located: int
    # Of the users who need action, and of those who were left as they are.
    causes: list[CauseLine]
    left: list[CauseLine]
    rows: list[ReportRow]

    @property
    def more(self) -> int:
        """How many users are not in the table."""
        return self.counts.total - len(self.rows)


def work_report(change: LicenseChange, *, most: int = MOST_USERS) -> WorkReport:
    """Return the report of an ended change, in a fixed number of queries: who needs attention comes first."""
    counts, causes = report.counts(change), report.causes(change)
    return WorkReport(
        counts=counts,
        products=_products(change),
        lines=[line for line in rows_of([change])[0].lines if line.icon in ("switch", "location")],
        located=change.user_changes.filter(LOCATED_ALONE | (Q(state=State.UPDATED) & ~Q(location=""))).count(),
        causes=_merged(cause for cause in causes if cause.left_at is None),
        left=_merged(cause for cause in causes if cause.left_at is not None),
        rows=_rows(change, counts, most),
    )


def _merged(causes: Iterable[report.Cause]) -> list[CauseLine]:
    """Return a line for all causes that read the same."""
    numbers = Counter[tuple[str, str, str, str, bool]]()
    for cause in causes:
        numbers[cause.title, cause.text, cause.about, cause.message, cause.is_unknown] += cause.number
    return [CauseLine(*words, number) for words, number in numbers.items()]


def _products(change: LicenseChange) -> list[ProductWork]:
    subjects = list(change.products.all())
    named = Product.objects.filter(sku_id__in=[one.sku_id for one in subjects])
    names = dict(named.values_list("sku_id", "display_name"))
    found = [
        ProductWork(names.get(one.sku_id, one.sku_id), one.assigned, one.unassigned, one.edited) for one in subjects
    ]
    return sorted(found, key=lambda work: work.name)


def _rows(change: LicenseChange, counts: report.Counts, most: int) -> list[ReportRow]:
    users = list(ResultRows(change, counts, is_action=True)[:most])
    users += ResultRows(change, counts, is_action=False)[: most - len(users)]
    return [_row(one) for one in result_rows(users, names_for(change, users))]


def _row(one: ResultRow) -> ReportRow:
    row = one.row
    reason = _("The change was stopped before these users.") if row.state == State.NOT_TRIED else reason_of(row)
    message = row.message[:_LONGEST_MESSAGE] if row.failure_kind == FailureKind.UNKNOWN else ""
    return ReportRow(one, result_of(row), "" if row.state == State.UPDATED else reason, message)
