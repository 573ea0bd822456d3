"""コントソ商事 as the first sync stores it: read once by a process, afterwards put back as rows, ten times as fast."""

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone

from customers.models import Customer, DirectoryUser
from licenses.services.sync import sync_customer, sync_customers


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    columns: list[str]
    rows: list[tuple[Any, ...]]


_stored: list[_Table] = []


def fill(tenant_id: str) -> Customer:
    """Store the sandbox's customers and read one of them; by the real sync unless an equal one was stored before."""
    if _stored and not _any_rows():
        _put_back()
    else:
        is_first = not _stored and not _any_rows()
        read(tenant_id)
        if is_first:
            _stored.extend(_read(name) for name in _names())
    return Customer.objects.get(tenant_id=tenant_id)


def read(tenant_id: str) -> Customer:
    """Store the sandbox's customers and read one of them; its delta link is this sandbox's own."""
    sync_customers()
    customer = Customer.objects.get(tenant_id=tenant_id)
    sync_customer(customer)
    customer.refresh_from_db()
    return customer


def _names() -> list[str]:
    models = [model for label in ("customers", "licenses") for model in apps.get_app_config(label).get_models()]
    return [model._meta.db_table for model in models]


def _any_rows() -> bool:
    """Tell whether a test has put something there that a sync would go by."""
    some = " UNION ALL ".join(f"(SELECT 1 FROM {connection.ops.quote_name(name)} LIMIT 1)" for name in _names())
    if connection.vendor == "sqlite":
        some = some.replace("(SELECT", "SELECT * FROM (SELECT")
    with connection.cursor() as cursor:
        cursor.execute(some)
        return cursor.fetchone() is not None


def _read(name: str) -> _Table:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(name)}")
        return _Table(name, [column[0] for column in cursor.description], cursor.fetchall())


def _put_back() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for table in filter(lambda table: table.rows, _stored):
            columns = ", ".join(map(connection.ops.quote_name, table.columns))
            marks = ", ".join(["%s"] * len(table.columns))
            name = connection.ops.quote_name(table.name)
            cursor.executemany(f"INSERT INTO {name} ({columns}) VALUES ({marks})", table.rows)
        # They were read just now, whenever the process did it.
        Customer.objects.exclude(synced_at=None).update(synced_at=timezone.now())
        DirectoryUser.objects.update(read_at=timezone.now())
