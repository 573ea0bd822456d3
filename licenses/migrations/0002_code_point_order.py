"""The users of a change are listed in code point order on PostgreSQL too."""

from django.db import migrations


def order_by_code_point(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute('ALTER TABLE licenses_userchange ALTER COLUMN sort_key TYPE varchar(256) COLLATE "C"')


class Migration(migrations.Migration):
    dependencies = [("licenses", "0001_initial")]
    operations = [migrations.RunPython(order_by_code_point, migrations.RunPython.noop)]
