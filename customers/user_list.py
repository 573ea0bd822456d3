"""The list of a customer's users: what may be asked of it, and one page of it in few queries.

First the ids of the page come from an index, then the rows.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Exists, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Window
from django.utils.translation import gettext_lazy as _

from customers.folding import fold
from customers.models import Customer, CustomerFacet, DirectoryUser, Selection
from customers.row_ids import row_ids, turned
from customers.selection import marked

SIZES = (25, 50, 100, 200)
DEFAULT_SIZE = 50
# Licences shown by name; the others are a number.
_TAGS = 3
SORTS: dict[str, tuple[str, ...]] = {
    "name": ("sort_key", "id"),
    "location": ("usage_location", "sort_key", "id"),
    "status": ("enabled", "is_guest", "sort_key", "id"),
}
STATUSES = {
    "active": (Q(enabled=True), _("Active")),
    "blocked": (Q(enabled=False), _("Sign-in blocked")),
    "guest": (Q(is_guest=True), _("Guests")),
    "member": (Q(is_guest=False), _("Members")),
}


class BadQuery(ValueError):
    """An unknown sort or filter value; `field` names the parameter."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class UserQuery:
    """What is asked of the list; empty text is "any"."""

    q: str = ""
    licence: str = ""
    location: str = ""
    status: str = ""
    department: str = ""
    group: str = ""
    errors: str = ""
    sort: str = "name"
    page: int = 1
    size: int = DEFAULT_SIZE

    @property
    def is_filtered(self) -> bool:
        """Whether the list shows a part of the users."""
        return any((self.q, self.licence, self.location, self.status, self.department, self.group, self.errors))

    def address(self, **changes: object) -> str:
        """Return the query part of this list's address with some values changed; defaults are left out."""
        query = replace(self, **changes)  # type: ignore[arg-type]
        usual = UserQuery()
        values = {name: getattr(query, name) for name in UserQuery.__slots__}
        return urlencode({name: value for name, value in values.items() if value != getattr(usual, name)})


def parse(data: Mapping[str, str], facets: "Facets") -> UserQuery:
    """Read a query; odd page numbers and sizes become good ones, unknown sorts and filters raise BadQuery."""
    licence = (data.get("licence") or data.get("product") or "").strip().lower()
    query = UserQuery(
        q=data.get("q", "").strip()[:200],
        licence=licence,
        location=data.get("location", "").strip(),
        status=data.get("status", "").strip(),
        department=data.get("department", ""),
        group=data.get("group", "").strip().lower(),
        errors=data.get("errors", "").strip(),
        sort=data.get("sort", "").strip() or "name",
        page=_page(data.get("page", "")),
        size=_size(data.get("size", "")),
    )
    checks = {
        "licence": licence in ("", "any", "none") or facets.has_product(licence),
        "location": query.location in ("", "none") or query.location in facets.values("location"),
        "status": query.status == "" or query.status in STATUSES,
        "department": query.department in ("", "none") or query.department in facets.values("department"),
        "group": query.group == "" or query.group in facets.values("group"),
        "errors": query.errors in ("", "1"),
        "sort": query.sort.removeprefix("-") in SORTS,
    }
    for field, is_good in checks.items():
        if not is_good:
            raise BadQuery(field)
    return query


def _page(text: str) -> int:
    return max(1, int(text)) if text.isdecimal() and len(text) < 10 else 1


def _size(text: str) -> int:
    return int(text) if text in {str(size) for size in SIZES} else DEFAULT_SIZE


class Facets:
    """The entries of the filter lists, in one query."""

    def __init__(self, customer: Customer) -> None:
        self._customer = customer
        self._entries: dict[str, list[CustomerFacet]] = {}
        for facet in customer.facets.order_by("label", "value"):
            self._entries.setdefault(facet.kind, []).append(facet)

    def entries(self, kind: str) -> list[CustomerFacet]:
        """Return the entries of one list that have a value; "not set" is offered apart."""
        return [facet for facet in self._entries.get(kind, ()) if facet.value]

    def values(self, kind: str) -> set[str]:
        """Return the values that may be asked for."""
        return {facet.value for facet in self._entries.get(kind, ())}

    def has_product(self, sku_id: str) -> bool:
        """Tell whether a product may be asked for: one that is held, or owned and not counted yet."""
        if sku_id in self.values("product"):
            return True
        # By the related name: this app knows nothing of products. The id is a person's text, and may be anything.
        owned = self._customer.entitlements.filter(product__sku_id=sku_id.replace("\0", ""))  # type: ignore[attr-defined]
        for name in owned.values_list("product__display_name", flat=True):
            facet = CustomerFacet(customer=self._customer, kind="product", value=sku_id, label=name, number=0)
            self._entries.setdefault("product", []).append(facet)
        return sku_id in self.values("product")

    @property
    def products(self) -> list[CustomerFacet]:
        return self.entries("product")

    @property
    def locations(self) -> list[CustomerFacet]:
        return self.entries("location")

    @property
    def departments(self) -> list[CustomerFacet]:
        return self.entries("department")

    @property
    def groups(self) -> list[CustomerFacet]:
        return self.entries("group")


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


def _holds(customer: Customer, licence: str) -> Q:
    """Return the condition of holding a product ("any", "none" or a SKU id)."""
    holdings = _rows_of("holdings")
    if licence in ("any", "none"):
        # Nearly everybody holds something: asking each user in turn beats a list of all holders.
        is_held = Exists(holdings.filter(user_id=OuterRef("pk")))
        return Q(is_held) if licence == "any" else Q(~is_held)
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
