"""The list of a customer's users: those whom a query matches, and one page of them in few queries.

First the ids of the page come from an index, then the rows.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Model, Q, QuerySet, Subquery
from django.db.models.expressions import Window

from customers.folding import fold
from customers.models import Customer, DirectoryUser, Selection
from customers.row_ids import row_ids, turned
from customers.selection import marked
from customers.user_query import SORTS, STATUSES, UserQuery

# Licences shown by name; the others are a number.
_TAGS = 3


def matching(customer: Customer, query: UserQuery) -> QuerySet[DirectoryUser]:
    """Return the users that a query matches, in no order."""
    found = DirectoryUser.objects.of(customer)
    if folded := fold(query.q):
        found = found.filter(search__contains=folded)
    if query.licence:
        found = found.filter(_holds(customer, query.licence))
    if query.location:
        found = found.filter(usage_location="" if query.location == "none" else query.location)
    if query.department:
        found = found.filter(department="" if query.department == "none" else query.department)
    if query.status:
        found = found.filter(STATUSES[query.status][0])
    if query.group:
        by_group = _rows_of("assignments").filter(customer=customer, via=query.group)
        found = found.filter(pk__in=by_group.values("user_id"))
    return found.filter(has_errors=True) if query.errors else found


def in_order(customer: Customer, query: UserQuery) -> QuerySet[DirectoryUser]:
    """Return the users that a query matches, in the order that it asks for."""
    return matching(customer, query).order_by(*_order(query))


def _holds(customer: Customer, licence: str) -> Q:
    """Return the condition of holding a product ("any", "none" or a SKU id)."""
    if licence in ("any", "none"):
        return Q(is_licensed=licence == "any")
    holdings = _rows_of("holdings")
    # Looked up first: joined, PostgreSQL guesses that every product has as many holders as the average.
    product = Subquery(_rows_of("product", holdings.model).filter(sku_id=licence).values("pk")[:1])
    return Q(pk__in=holdings.filter(customer=customer, product_id=product).values("user_id"))


@dataclass(frozen=True, slots=True)
class UserPage:
    """One page of the list; `chosen` holds the row ids of those who are selected."""

    rows: list[DirectoryUser]
    chosen: frozenset[int]
    number: int
    pages: int
    total: int
    size: int

    @property
    def first(self) -> int:
        """Number of the first user shown, from 1."""
        return (self.number - 1) * self.size + 1 if self.total else 0

    @property
    def last(self) -> int:
        """Number of the last user shown."""
        return min(self.number * self.size, self.total)


def count_pages(total: int, size: int) -> int:
    """Return the number of pages; an empty list has one."""
    return max(1, -(-total // size))


def read_page(found: QuerySet[DirectoryUser], query: UserQuery, selection: Selection) -> UserPage:
    """Return the asked page of a query, or the last one when there are fewer."""
    total, ids = _look_into(found, query) if query.q else _count_and_place(found, query)
    pages = count_pages(total, query.size)
    number = min(query.page, pages)
    shown = marked(selection, DirectoryUser.objects.filter(pk__in=ids).defer("search"))
    by_id = {user.pk: user for user in shown}
    chosen = frozenset(pk for pk, user in by_id.items() if user.is_selected)  # type: ignore[attr-defined]
    return UserPage([by_id[pk] for pk in ids if pk in by_id], chosen, number, pages, total, query.size)


def _look_into(found: QuerySet[DirectoryUser], query: UserQuery) -> tuple[int, list[int]]:
    """Return number and page of a search in one pass: looking into every name is what it costs."""
    start = (query.page - 1) * query.size
    order = _order(query)
    rows = list(_numbered(found, order)[start : start + query.size])
    if not rows and start:
        # Beyond the end: the last page, which has what is left of the full ones.
        rows = list(_numbered(found, turned(order))[: query.size])
        rows = rows[: (rows[0][1] - 1) % query.size + 1 if rows else 0][::-1]
    return (rows[0][1] if rows else 0), [pk for pk, _total in rows]


def _count_and_place(found: QuerySet[DirectoryUser], query: UserQuery) -> tuple[int, list[int]]:
    """Return number and page of a list that indexes hold in its order."""
    total = found.count()
    start = (min(query.page, count_pages(total, query.size)) - 1) * query.size
    return total, row_ids(found, _order(query), range(start, min(start + query.size, total)), total)


def _numbered(found: QuerySet[DirectoryUser], order: list[str]) -> QuerySet[Any, tuple[int, int]]:
    """Return the row ids in order, each with the number of all."""
    return found.order_by(*order).annotate(total=Window(Count("pk"))).values_list("pk", "total")


def _order(query: UserQuery) -> list[str]:
    """Return the fields that a list is sorted by."""
    order = list(SORTS[query.sort.removeprefix("-")])
    return turned(order) if query.sort.startswith("-") else order


def _rows_of(name: str, model: type[Model] = DirectoryUser) -> QuerySet[Model]:
    """Return the rows behind a field or related name."""
    return model._meta.get_field(name).related_model._default_manager.all()  # type: ignore[union-attr]


@dataclass(frozen=True, slots=True)
class Tag:
    """One licence of a user as the list shows it: plain, by group, or a path in error."""

    name: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A user as the list shows them: three licences as tags, the others behind a number."""

    user: DirectoryUser
    is_selected: bool
    tags: tuple[Tag, ...]
    more: tuple[Tag, ...]


def rows_of(users: Iterable[DirectoryUser], selected: Collection[int]) -> list[Row]:
    """Return the rows of users with their licences; `selected` holds row ids."""
    users = list(users)
    licences = _tags_of([user.pk for user in users])
    rows = []
    for user in users:
        tags = licences.get(user.pk, ())
        rows.append(Row(user, user.pk in selected, tags[:_TAGS], tags[_TAGS:]))
    return rows


def _tags_of(pks: Collection[int]) -> dict[int, tuple[Tag, ...]]:
    """Return the licences of users by row id: errors first, then by name; one held directly counts as plain."""
    # By related names, for this app knows nothing of licences; as plain values, for they are hundreds a page.
    fields = ("user_id", "product_id", "product__display_name")
    held = _rows_of("holdings").filter(user_id__in=pks).values_list(*fields, "direct")
    broken = _rows_of("assignments").filter(user_id__in=pks).exclude(error="").values_list(*fields)
    found: dict[int, dict[int, Tag]] = {}
    for user, product, name, direct in held:
        found.setdefault(user, {})[product] = Tag(name, "" if direct else "group")
    for user, product, name in broken:
        found.setdefault(user, {})[product] = Tag(name, "error")
    return {user: tuple(tag for _product, tag in sorted(tags.items(), key=_place)) for user, tags in found.items()}


def _place(entry: tuple[int, Tag]) -> tuple[bool, str, int]:
    product, tag = entry
    return tag.kind != "error", tag.name, product


def as_of(user: DirectoryUser, customer: Customer) -> datetime:
    """Return as of when a user is known: a round that tells nothing of them says that nothing has changed."""
    return max(user.read_at, customer.synced_at or user.read_at)
