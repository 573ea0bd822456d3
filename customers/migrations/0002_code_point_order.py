"""Lists are in code point order on both databases: SQLite compares so by itself, PostgreSQL wants the collation."""

from django.db import migrations

COLUMNS = (("customers_directoryuser", "sort_key"), ("customers_directoryuser", "search"), ("customers_customer", "sort_key"))


def order_by_code_point(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, column in COLUMNS:
        kind = "text" if column == "search" else "varchar(256)"
        schema_editor.execute(f'ALTER TABLE {table} ALTER COLUMN {column} TYPE {kind} COLLATE "C"')


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial")]
    operations = [migrations.RunPython(order_by_code_point, migrations.RunPython.noop)]
