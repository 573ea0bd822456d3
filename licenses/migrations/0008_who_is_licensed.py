"""Writes for users who are there already whether they hold anything; from now on every read does."""

from typing import Any

from django.db import migrations
from django.db.models import Exists, OuterRef


def note_licensed(apps: Any, schema_editor: Any) -> None:
    held = apps.get_model("licenses", "Holding").objects.filter(user_id=OuterRef("pk"))
    apps.get_model("customers", "DirectoryUser").objects.filter(Exists(held)).update(is_licensed=True)


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0010_count_who_is_licensed"),
        ("licenses", "0007_small_lane_and_circuit"),
    ]

    operations = [migrations.RunPython(note_licensed, migrations.RunPython.noop)]
