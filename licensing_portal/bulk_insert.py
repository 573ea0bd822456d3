"""Inserts many rows from plain values.

The first read of a large tenant stores half a million rows; making a model instance of each is most of its time
(`make bench`, "first sync"). What a model's fields do on saving is not done here: values are as the columns hold them.
"""

from collections.abc import Iterable, Sequence
from itertools import batched
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Field, Model
from django.db.models.constants import OnConflict

# In one statement of PostgreSQL.
_ROWS_AT_ONCE = 2_000


def insert_rows(
    model: type[Model],
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    unique: Sequence[str] = (),
    update: Sequence[str] = (),
) -> None:
    """Insert rows whose values stand in the order of `names`, the model's fields; foreign keys are row ids.

    With `unique`, a row that exists under these fields has its `update` fields changed instead. Raises what the
    database says: IntegrityError or DataError.
    """
    fields = [_field(model, name) for name in names]
    suffix = _on_conflict(fields, [_field(model, name) for name in unique], [_field(model, name) for name in update])
    columns = ", ".join(_quoted(field.column) for field in fields)
    head = f"INSERT INTO {_quoted(model._meta.db_table)} ({columns})"
    adapted = _adapted(fields, rows)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = ", ".join(f"(%s)::{_type(field)}[]" for field in fields)
            for some in batched(adapted, _ROWS_AT_ONCE):
                cursor.execute(
                    f"{head} SELECT * FROM UNNEST({arrays}) {suffix}",
                    [list(column) for column in zip(*some, strict=True)],
                )
        else:
            marks = ", ".join(["%s"] * len(fields))
            cursor.executemany(f"{head} VALUES ({marks}) {suffix}", adapted)


def _field(model: type[Model], name: str) -> "Field[Any, Any]":
    field = model._meta.get_field(name)
    assert isinstance(field, Field)
    return field


def _quoted(name: str | None) -> str:
    assert name is not None, "a column"
    return connection.ops.quote_name(name)


def _type(field: "Field[Any, Any]") -> str:
    """Return a column's type without its length: a cast to one would cut what is too long instead of refusing it."""
    return str(field.db_type(connection)).partition("(")[0]


def _on_conflict(
    fields: list["Field[Any, Any]"], unique: list["Field[Any, Any]"], update: list["Field[Any, Any]"]
) -> str:
    if not unique:
        return ""
    return connection.ops.on_conflict_suffix_sql(
        fields, OnConflict.UPDATE, [field.column for field in update], [field.column for field in unique]
    )


def _adapted(fields: list["Field[Any, Any]"], rows: Iterable[Sequence[Any]]) -> list[Sequence[Any]]:
    """Bring times into the form that the database takes; texts, numbers and yes or no it takes as they are."""
    times = [place for place, field in enumerate(fields) if isinstance(field, DateTimeField)]
    if not times:
        return list(rows)
    adapt = connection.ops.adapt_datetimefield_value
    return [[adapt(value) if place in times else value for place, value in enumerate(row)] for row in rows]
