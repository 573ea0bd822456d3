"""Who holds a product, in the order of the list of users: what a paginator cuts into pages."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

from django.db.models import QuerySet

from customers.models import Customer, DirectoryUser, SelectedUser, Selection
from customers.row_ids import row_ids
from licenses.core.holdings import PathState
from licenses.models import Assignment, Holding, Product

_HOLDS = [state.value for state in PathState if state.holds]


@dataclass(frozen=True)
class Holders(Sequence[Holding]):
    """The holders of a product at a customer: all, or those of a selection; a slice is read when it is asked for.

    `folded`: only users whose name, address or department holds this text, in the form of `folding.fold`.
    """

    customer: Customer
    product: Product
    selection: Selection | None = None
    folded: str = ""

    @cached_property
    def total(self) -> int:
        """Their number."""
        return self._users().count() if self.folded else self._holdings().count()

    def __len__(self) -> int:
        return self.total

    @overload
    def __getitem__(self, part: int) -> Holding: ...
    @overload
    def __getitem__(self, part: slice) -> list[Holding]: ...
    def __getitem__(self, part: int | slice) -> Holding | list[Holding]:
        if isinstance(part, slice):
            return self._read(range(self.total)[part])
        place = range(self.total)[part]
        return self._read(range(place, place + 1))[0]

    def __iter__(self) -> Iterator[Holding]:
        return iter(self[:])

    def _read(self, part: range) -> list[Holding]:
        """Return holdings with their users: first the users' ids in order, then the rows."""
        ids = row_ids(self._users(), ["sort_key", "id"], part, self.total)
        found = Holding.objects.filter(product=self.product, user_id__in=ids).select_related("user")
        by_user = {holding.user_id: holding for holding in found.defer("user__search")}
        return [by_user[pk] for pk in ids if pk in by_user]

    def with_groups(self, holdings: Iterable[Holding]) -> list[tuple[Holding, str]]:
        """Return holdings with the names of the groups by which they are held, joined; empty where there is none."""
        holdings = list(holdings)
        by_group = [holding.user_id for holding in holdings if holding.by_group]
        rows = Assignment.objects.filter(product=self.product, user_id__in=by_group, state__in=_HOLDS)
        vias: dict[int, list[str]] = {}
        for user, via in rows.exclude(via=Assignment.DIRECT).values_list("user_id", "via"):
            vias.setdefault(user, []).append(via)
        names = dict(self.customer.groups.values_list("object_id", "display_name"))
        named = {user: sorted(names.get(via, via) for via in found) for user, found in vias.items()}
        return [(holding, ", ".join(named.get(holding.user_id, ()))) for holding in holdings]

    def _users(self) -> QuerySet[DirectoryUser]:
        users = DirectoryUser.objects.of(self.customer).filter(pk__in=self._holdings().values("user_id"))
        return users.filter(search__contains=self.folded) if self.folded else users

    def _holdings(self) -> QuerySet[Holding]:
        found = Holding.objects.filter(customer=self.customer, product=self.product)
        if self.selection is None:
            return found
        return found.filter(user_id__in=SelectedUser.objects.filter(selection=self.selection).values("user_id"))
