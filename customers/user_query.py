"""What may be asked of the list of a customer's users, and the entries of its filters."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.models import Customer, CustomerFacet
from licensing_portal.paging import page_number

SIZES = (25, 50, 100, 200)
DEFAULT_SIZE = 50
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

# What the parameters are called on the page.
LABELS = {
    "q": _("Search"),
    "licence": _("License"),
    "location": _("Usage location"),
    "status": _("Status"),
    "department": _("Department"),
    "group": _("Group"),
    "errors": _("Errors"),
    "sort": _("Order"),
    "go": _("Button"),
}


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

    @property
    def filters(self) -> str:
        """What the list is narrowed to, as a part of an address."""
        return self.address(sort="name", page=1, size=DEFAULT_SIZE)

    @property
    def whole(self) -> str:
        """The address of all pages of this list at once, in its order."""
        return self.address(page=1, size=DEFAULT_SIZE)


def read_query(data: Mapping[str, str]) -> UserQuery:
    """Read a query as it was typed; odd page numbers and sizes become good ones."""
    return UserQuery(
        q=data.get("q", "").strip()[:200],
        licence=(data.get("licence") or data.get("product") or "").strip().lower(),
        location=data.get("location", "").strip(),
        status=data.get("status", "").strip(),
        department=data.get("department", ""),
        group=data.get("group", "").strip().lower(),
        errors=data.get("errors", "").strip(),
        sort=data.get("sort", "").strip() or "name",
        page=page_number(data.get("page")),
        size=_size(data.get("size", "")),
    )


def unknown_fields(query: UserQuery, facets: "Facets") -> list[str]:
    """Return the parameters whose sort or filter value the list does not know."""
    checks = {
        "licence": query.licence in ("", "any", "none") or facets.has_product(query.licence),
        "location": query.location in ("", "none") or query.location in facets.values("location"),
        "status": query.status == "" or query.status in STATUSES,
        "department": query.department in ("", "none") or query.department in facets.values("department"),
        "group": query.group == "" or query.group in facets.values("group"),
        "errors": query.errors in ("", "1"),
        "sort": query.sort.removeprefix("-") in SORTS,
    }
    return [field for field, is_known in checks.items() if not is_known]


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
        owned = self._customer.entitlements.filter(product__sku_id=sku_id.replace("\0", ""))
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
