"""The floor of a page: the cheapest raw SQL that finds what it shows, sent past the ORM."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

_USER = (
    "id, object_id, user_principal_name, display_name, mail, usage_location, enabled, is_guest, on_premises, department"
)


def query(sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Return the rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


@dataclass(frozen=True, slots=True)
class ListFloor:
    """The statements behind one page of users: count, ids from `start` on, rows, licences."""

    customer: int
    where: str = ""
    params: tuple[Any, ...] = ()
    order: str = "sort_key, id"
    # Rows skipped; from the end when the order is turned.
    start: int = 0
    size: int = 50

    def counting(self) -> tuple[str, tuple[Any, ...]]:
        """Return the statement that counts, with its parameters."""
        return f"SELECT count(*) {self._found}", (self.customer, *self.params)

    def run(self) -> None:
        """Send all statements."""
        if query(*self.counting())[0][0]:
            page = f"SELECT id {self._found} ORDER BY {self.order} LIMIT {self.size} OFFSET {self.start}"
            read_users([row[0] for row in query(page, (self.customer, *self.params))])

    @property
    def _found(self) -> str:
        return f"FROM customers_directoryuser u WHERE customer_id = %s AND deleted_at IS NULL {self.where}"


def read_users(ids: Sequence[int]) -> None:
    """Read users with what they hold and by which paths."""
    marks = ", ".join(["%s"] * len(ids))
    query(f"SELECT {_USER} FROM customers_directoryuser WHERE id IN ({marks})", ids)
    query(
        "SELECT h.user_id, h.direct, p.display_name FROM licenses_holding h JOIN licenses_product p"
        f" ON p.id = h.product_id WHERE h.user_id IN ({marks})",
        ids,
    )
    query(
        "SELECT a.user_id, a.error, p.display_name FROM licenses_assignment a JOIN licenses_product p"
        f" ON p.id = a.product_id WHERE a.error <> '' AND a.user_id IN ({marks})",
        ids,
    )


def boxes(selection: int) -> None:
    """Read what the boxes of Manage licenses need: the selected holders by product and plan set."""
    query(
        "SELECT h.product_id, h.plan_set_id, count(*), sum(CASE WHEN h.direct THEN 1 ELSE 0 END)"
        " FROM customers_selecteduser s JOIN licenses_holding h ON h.user_id = s.user_id"
        " WHERE s.selection_id = %s GROUP BY h.product_id, h.plan_set_id",
        (selection,),
    )
