"""Inserts many rows from plain values, and updates many rows by one fixed statement.

The first read of a large tenant stores half a million rows; making a model instance of each is most of its time
(`make bench`, "first sync"). What a model's fields do on saving is not done here: values are as the columns hold them.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import batched
from operator import attrgetter
from typing import Any

from django.db import connection
from django.db.models import DateField, DateTimeField, Field, ForeignKey, JSONField, Model, UUIDField
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
    _insert(model, fields, _adapted(fields, rows), suffix)


def insert_new(rows: Sequence[Model]) -> None:
    """Insert new instances of one model; unlike bulk_create it does not tell them their ids."""
    if not rows:
        return
    model = type(rows[0])
    fields = [_field(model, field.name) for field in model._meta.concrete_fields if not field.primary_key]
    values = map(_values_of(fields), rows)
    if connection.vendor == "postgresql":
        _copy(model, fields, values)
    else:
        _insert(model, fields, list(values))


def _copy(model: type[Model], fields: Sequence["Field[Any, Any]"], rows: Iterable[Sequence[Any]]) -> None:
    """Send rows to PostgreSQL as they are: quoting them into a statement takes longer than storing them."""
    columns = ", ".join(_quoted(field.column) for field in fields)
    statement = f"COPY {_quoted(model._meta.db_table)} ({columns}) FROM STDIN"
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _insert(
    model: type[Model], fields: Sequence["Field[Any, Any]"], rows: Sequence[Sequence[Any]], suffix: str = ""
) -> None:
    columns = ", ".join(_quoted(field.column) for field in fields)
    head = f"INSERT INTO {_quoted(model._meta.db_table)} ({columns})"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = ", ".join(f"(%s)::{_array_type(field)}[]" for field in fields)
            given = ", ".join(f"v{place}" for place in range(len(fields)))
            chosen = ", ".join(f"v{place}{_cast(field)}" for place, field in enumerate(fields))
            for some in batched(rows, _ROWS_AT_ONCE):
                cursor.execute(
                    f"{head} SELECT {chosen} FROM UNNEST({arrays}) AS given({given}) {suffix}",
                    [list(column) for column in zip(*some, strict=True)],
                )
        else:
            marks = ", ".join(["%s"] * len(fields))
            cursor.executemany(f"{head} VALUES ({marks}) {suffix}", rows)


def update_rows(rows: Sequence[Model], names: Sequence[str]) -> None:
    """Write these fields of rows that exist; each row has values of its own.

    Django's bulk_update builds a CASE of every row for every field: for twenty rows of a save that costs more time than
    the call to Microsoft. Fields that compute their value on saving are not for this.
    """
    if not rows:
        return
    model = type(rows[0])
    key = model._meta.pk
    assert key is not None
    fields = [_field(model, name) for name in names]
    values = list(map(_values_of((*fields, key)), rows))
    table = _quoted(model._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            sets = ", ".join(
                f"{_quoted(field.column)} = given.v{place}{_cast(field)}" for place, field in enumerate(fields)
            )
            arrays = ", ".join(f"(%s)::{_array_type(field)}[]" for field in (*fields, key))
            names_given = ", ".join(f"v{place}" for place in range(len(fields) + 1))
            cursor.execute(
                f"UPDATE {table} SET {sets} FROM UNNEST({arrays}) AS given({names_given})"
                f" WHERE {table}.{_quoted(key.column)} = given.v{len(fields)}",
                [list(column) for column in zip(*values, strict=True)],
            )
        else:
            sets = ", ".join(f"{_quoted(field.column)} = %s" for field in fields)
            cursor.executemany(f"UPDATE {table} SET {sets} WHERE {_quoted(key.column)} = %s", values)


def _values_of(fields: Sequence["Field[Any, Any]"]) -> Callable[[Model], list[Any]]:
    """Return what reads these fields of a row, in the form in which both databases take a value from a list of many.

    What a field computes on saving, a folded text or a date of creation, is computed.
    """
    read = attrgetter(*(field.attname for field in fields))
    computed = [(place, field.pre_save) for place, field in enumerate(fields) if _is_computed(field)]
    forms = [(place, form) for place, field in enumerate(fields) if (form := _form(field)) is not None]

    def values(row: Model) -> list[Any]:
        found = list(read(row))
        for place, pre_save in computed:
            found[place] = pre_save(row, True)
        for place, form in forms:
            value = found[place]
            found[place] = None if value is None else form(value)
        return found

    return values


def _is_computed(field: "Field[Any, Any]") -> bool:
    if isinstance(field, DateField):
        return field.auto_now or field.auto_now_add
    return type(field).pre_save is not Field.pre_save


def _form(field: "Field[Any, Any]") -> Callable[[Any], Any] | None:
    """Return what brings a field's values into the form that the database takes; None for those that are in it."""
    while isinstance(field, ForeignKey):
        field = field.target_field
    if isinstance(field, JSONField):
        return _json
    if isinstance(field, UUIDField) and not connection.features.has_native_uuid_field:
        return attrgetter("hex")
    return connection.ops.adapt_datetimefield_value if isinstance(field, DateTimeField) else None


def _json(value: Any) -> str:
    # Most of these columns are empty in most rows.
    return "[]" if value == [] else json.dumps(value)


def _array_type(field: "Field[Any, Any]") -> str:
    return "text" if isinstance(field, JSONField) else _type(field)


def _cast(field: "Field[Any, Any]") -> str:
    return "::jsonb" if isinstance(field, JSONField) else ""


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
