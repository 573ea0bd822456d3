"""Rows of the pages about users, products and customers, through Django's whole stack."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.db import connection

from customers import selection as selections
from customers.models import CustomerFacet, DirectoryUser
from licenses.models import Holding
from tests.bench import floor
from tests.bench.data import Bench
from tests.bench.floor import ListFloor
from tests.bench.measure import Figure, as_served, count_queries, median_ms

BUDGET = {"postgresql": 60.0, "sqlite": 100.0}
SEARCH_BUDGET = {"postgresql": 150.0, "sqlite": 150.0}
MOST_QUERIES = 12
SELECTED = 5_000
_SIZE = 50
# Hundreds of holders, common first characters of a name, and an address that nobody has.
NAME, _NOBODY = "渡辺", "zzqqxx"

type Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Case:
    """One list: the query of its address, and the condition that finds the same in raw SQL."""

    row: str
    query: dict[str, Any]
    where: str = ""
    params: tuple[Any, ...] = ()
    order: str = "sort_key, id"


def rows(bench: Bench) -> Iterator[Figure]:
    """Measure every page, those of the list beside their floor."""
    tidy()
    for case in _cases(bench):
        yield list_row(bench, case)
    yield from _paged(bench)
    yield from _selecting(bench)
    yield from _others(bench)


def list_row(bench: Bench, case: Case, number: int = 1, floor_at: ListFloor | None = None) -> Figure:
    """Measure one page of a list."""
    query = case.query | ({"page": number} if number > 1 else {})
    address = bench.address("users/") + (f"?{urlencode(query)}" if query else "")
    raw = floor_at or ListFloor(bench.customer.pk, case.where, case.params, case.order)
    budget = SEARCH_BUDGET if "q" in query else BUDGET
    return page_row(bench, case.row, partial(bench.get, address), budget=budget[bench.vendor], raw=raw.run)


def page_row(
    bench: Bench, row: str, work: Work, *, budget: float | None, raw: Work | None = None, before: Work | None = None
) -> Figure:
    """Measure a request: its median, its queries and (where given) its raw SQL."""
    if before is not None:
        before()
    queries = count_queries(work)
    return Figure(
        row=row,
        value=median_ms(partial(as_served, work), bench.rounds, before),
        budget=budget,
        queries=queries,
        most_queries=MOST_QUERIES if budget is not None else None,
        floor=median_ms(raw, bench.rounds) if raw is not None else None,
    )


def _cases(bench: Bench) -> list[Case]:
    """Return the first page of every kind of list."""
    product, rare = _products(bench)
    group, department = _largest(bench, "group"), _largest(bench, "department")
    address, domain = _an_address(bench), bench.customer.default_domain
    held = (
        "AND id IN (SELECT user_id FROM licenses_holding h JOIN licenses_product p ON p.id = h.product_id"
        " WHERE h.customer_id = %s AND p.sku_id = %s)"
    )
    anything = "EXISTS (SELECT 1 FROM licenses_holding h WHERE h.user_id = u.id)"
    by_group = "AND id IN (SELECT user_id FROM licenses_assignment WHERE customer_id = %s AND via = %s)"
    like = "AND search LIKE %s"
    key = bench.customer.pk
    return [
        Case("list, first page", {}),
        Case("search, two Japanese characters", {"q": NAME}, like, (f"%{NAME}%",)),
        Case("search, part of an address", {"q": address}, like, (f"%{address}%",)),
        Case("search, part of all addresses", {"q": domain}, like, (f"%{domain}%",)),
        Case("search, no hit", {"q": _NOBODY}, like, (f"%{_NOBODY}%",)),
        Case("filter, product of many", {"licence": product}, held, (key, product)),
        Case("filter, product of few", {"licence": rare}, held, (key, rare)),
        Case("filter, any license", {"licence": "any"}, f"AND {anything}"),
        Case("filter, no license", {"licence": "none"}, f"AND NOT {anything}"),
        Case("filter, location", {"location": "US"}, "AND usage_location = %s", ("US",)),
        Case("filter, no location", {"location": "none"}, "AND usage_location = ''"),
        Case("filter, active", {"status": "active"}, "AND enabled"),
        Case("filter, blocked", {"status": "blocked"}, "AND NOT enabled"),
        Case("filter, guests", {"status": "guest"}, "AND is_guest"),
        Case("filter, members", {"status": "member"}, "AND NOT is_guest"),
        Case("filter, department", {"department": department}, "AND department = %s", (department,)),
        Case("filter, no department", {"department": "none"}, "AND department = ''"),
        Case("filter, group", {"group": group}, by_group, (key, group)),
        Case("filter, errors", {"errors": "1"}, "AND has_errors"),
        Case(
            "search, product and location together",
            {"q": NAME, "licence": product, "location": "US"},
            f"{held} AND usage_location = %s {like}",
            (key, product, "US", f"%{NAME}%"),
        ),
        Case("sort, name descending", {"sort": "-name"}, order="sort_key DESC, id DESC"),
        Case("sort, location", {"sort": "location"}, order="usage_location, sort_key, id"),
        Case(
            "sort, location descending",
            {"sort": "-location"},
            order="usage_location DESC, sort_key DESC, id DESC",
        ),
        Case(
            "sort, status descending",
            {"sort": "-status"},
            order="enabled DESC, is_guest DESC, sort_key DESC, id DESC",
        ),
    ]


def _paged(bench: Bench) -> Iterator[Figure]:
    """Measure pages in the middle and at the end; raw SQL reads the last one from the end."""
    total = bench.customer.user_count
    key, backwards = bench.customer.pk, "sort_key DESC, id DESC"
    middle = max(1, total // _SIZE // 2)
    yield list_row(bench, Case("list, middle page", {}), middle, ListFloor(key, start=(middle - 1) * _SIZE))
    last = -(-total // _SIZE)
    yield list_row(bench, Case("list, last page", {}), last, ListFloor(key, order=backwards))
    product, _rare = _products(bench)
    for case in _cases(bench):
        if case.query in ({"licence": product}, {"status": "active"}, {"q": NAME}):
            turned = ListFloor(key, case.where, case.params, backwards)
            pages = -(-floor.query(*turned.counting())[0][0] // _SIZE)
            yield list_row(bench, Case(f"{case.row}, last page", case.query), pages, turned)
    large = Case("list, first page of 200", {"size": 200})
    yield list_row(bench, large, 1, ListFloor(key, size=200))


def _selecting(bench: Bench) -> Iterator[Figure]:
    """Measure ticks, select all matching, and the pages of selected users."""
    budget, users = BUDGET[bench.vendor], bench.address("users/")
    shown = list(DirectoryUser.objects.of(bench.customer).order_by("sort_key", "id")[:_SIZE])
    ids = [user.object_id for user in shown]
    clear = partial(selections.clear, bench.selection)
    tick = partial(bench.client.post, users, {"go": "save", "shown": ids, "sel": ids}, headers={"hx-request": "true"})
    yield page_row(bench, "tick a page of users", tick, budget=None, before=clear)
    everybody = partial(bench.client.post, users, {"go": "matching"})
    yield page_row(bench, "select all matching, the whole list", everybody, budget=None, before=clear)
    tidy()
    yield list_row(bench, Case("list, first page, all selected", {}))
    clear()
    tidy()
    number = min(SELECTED, bench.customer.user_count)
    with bench.selecting(number):
        selected = partial(bench.get, bench.address("users/selected/"))
        yield page_row(bench, f"selected users, {SELECTED:,} at most", selected, budget=budget)
        product, _rare = _products(bench)
        address = bench.address(f"licenses/{product}/holders/?selected=1")
        yield page_row(bench, "holders among the selected", partial(bench.get, address), budget=budget)


def tidy() -> None:
    """Let PostgreSQL clear up after many writes at once: it would do so by itself, while the next rows are measured."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def _others(bench: Bench) -> Iterator[Figure]:
    """Measure one user, the products, their holders and the customers."""
    person = bench.customer.users.filter(has_errors=True).order_by("sort_key").first() or bench.customer.users.first()
    assert person is not None
    product, _rare = _products(bench)
    holders = bench.address(f"licenses/{product}/holders/")
    middle = max(1, Holding.objects.filter(customer=bench.customer, product__sku_id=product).count() // 200)
    for row, address in (
        ("one user", bench.address(f"users/{person.object_id}/")),
        ("products", bench.address("licenses/")),
        ("holders of a product, first page", holders),
        ("holders of a product, middle page", f"{holders}?page={middle}"),
        ("holders of a product, last page", f"{holders}?page=9999999"),
        ("customers", "/customers/"),
    ):
        raw = partial(floor.read_users, [person.pk]) if row == "one user" else None
        yield page_row(bench, row, partial(bench.get, address), budget=BUDGET[bench.vendor], raw=raw)


def _products(bench: Bench) -> tuple[str, str]:
    """Return the SKU ids of the products with the most and with the fewest holders."""
    facets = bench.customer.facets.filter(kind=CustomerFacet.Kind.PRODUCT).order_by("-number", "value")
    values = list(facets.values_list("value", flat=True))
    return values[0], values[-1]


def _largest(bench: Bench, kind: str) -> str:
    """Return the entry of a filter list with the most users."""
    facet = bench.customer.facets.filter(kind=kind).exclude(value="").order_by("-number", "value").first()
    assert facet is not None, f"the data have no {kind}"
    return facet.value


def _an_address(bench: Bench) -> str:
    """Return the local part of somebody's address, in the middle of the list: few users have it."""
    users = DirectoryUser.objects.of(bench.customer).order_by("sort_key", "id")
    return users[bench.customer.user_count // 2].user_principal_name.partition("@")[0].partition("_")[0].lower()
