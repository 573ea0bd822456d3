"""The users of an ended change as its page lists them: what a paginator cuts into pages.

First the ids of the page in their order, then the rows: a change holds 50,000.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

from django.db.models import QuerySet

from customers.row_ids import row_ids
from licenses.models import LicenseChange, UserChange
from licenses.services import report

State = UserChange.State


@dataclass(frozen=True)
class ResultRows(Sequence[UserChange]):
    """Users who were updated, by name, or (`is_action`) who were not, by cause; last who were left as they are.

    `folded`: only those whose name or address holds this text, in the form of `folding.fold`.
    """

    change: LicenseChange
    counts: report.Counts
    is_action: bool
    folded: str = ""

    @cached_property
    def total(self) -> int:
        """Their number."""
        if self.folded:
            return self._found().count()
        return self.counts.action + self.counts.left if self.is_action else self.counts.updated

    def __len__(self) -> int:
        return self.total

    @overload
    def __getitem__(self, part: int) -> UserChange: ...
    @overload
    def __getitem__(self, part: slice) -> list[UserChange]: ...
    def __getitem__(self, part: int | slice) -> UserChange | list[UserChange]:
        if isinstance(part, slice):
            return self._read(range(self.total)[part])
        place = range(self.total)[part]
        return self._read(range(place, place + 1))[0]

    def __iter__(self) -> Iterator[UserChange]:
        return iter(self[:])

    def _read(self, part: range) -> list[UserChange]:
        found, order = self._found(), ["sort_key", "id"]
        if self.is_action:
            found, order = report.in_cause_order(found)
        ids = row_ids(found, order, part, self.total)
        rows = UserChange.objects.in_bulk(ids)
        return [rows[pk] for pk in ids if pk in rows]

    def _found(self) -> QuerySet[UserChange]:
        found = self.change.user_changes.filter(state__in=UserChange.ACTION if self.is_action else [State.UPDATED])
        return found.filter(search__contains=self.folded) if self.folded else found
