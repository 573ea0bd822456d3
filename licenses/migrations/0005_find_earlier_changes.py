"""Changes from before the filters of the history are found by them too."""

from itertools import batched

from django.db import migrations

_ROWS = 2_000


def _write_search(model):
    rows = model.objects.filter(search="").order_by("pk").iterator(chunk_size=_ROWS)
    field = model._meta.get_field("search")
    for some in batched(rows, _ROWS):
        for row in some:
            field.pre_save(row, add=False)
        model.objects.bulk_update(some, ["search"], batch_size=500)


def _products(wish):
    """Return by SKU whether something is taken away; the stored form of a wish as of this migration."""
    found = {sku_id: choice == "none" for sku_id, choice in wish.get("products", {}).items()}
    for key, choice in wish.get("plans", {}).items():
        sku_id = key.partition("/")[0]
        found[sku_id] = found.get(sku_id, False) or choice == "none"
    return found


def find_earlier_changes(apps, schema_editor):
    change, user_change = apps.get_model("licenses", "LicenseChange"), apps.get_model("licenses", "UserChange")
    product = apps.get_model("licenses", "ChangeProduct")
    _write_search(change)
    _write_search(user_change)
    wishes = change.objects.filter(products=None).values_list("pk", "wish").iterator(chunk_size=_ROWS)
    for some in batched(wishes, _ROWS):
        product.objects.bulk_create(
            [
                product(change_id=pk, sku_id=sku_id, takes_away=takes)
                for pk, wish in some
                for sku_id, takes in _products(wish).items()
            ],
            batch_size=500,
        )


class Migration(migrations.Migration):
    dependencies = [("licenses", "0004_change_history")]
    operations = [migrations.RunPython(find_earlier_changes, migrations.RunPython.noop)]
