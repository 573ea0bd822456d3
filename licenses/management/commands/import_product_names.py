"""`manage.py import_product_names FILE`: takes names of products and service plans from Microsoft's own CSV.

Columns and traps of the file: graph-api.md, section 10.
"""

import csv
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from licenses.core.families import family_of
from licenses.models import Product, ServicePlan

_COLUMNS = {
    "Product_Display_Name",
    "String_Id",
    "GUID",
    "Service_Plan_Name",
    "Service_Plan_Id",
    "Service_Plans_Included_Friendly_Names",
}


class Command(BaseCommand):
    """Imports product names."""

    help = "Imports 'Product names and service plan identifiers for licensing', the CSV file of Microsoft."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file."""
        parser.add_argument("file", type=Path)

    def handle(self, *, file: Path, **options: Any) -> None:
        """Read the whole file first, then write all names in one transaction."""
        products, plans = _read(file)
        with transaction.atomic():
            Product.objects.bulk_create(
                [Product(sku_id=sku, part_number=part, display_name=name) for sku, (part, name) in products.items()],
                update_conflicts=True,
                unique_fields=["sku_id"],
                update_fields=["part_number", "display_name"],
                batch_size=2_000,
            )
            ServicePlan.objects.bulk_create(
                [
                    ServicePlan(plan_id=plan, name=name, display_name=shown, family=family_of(name).value)
                    for plan, (name, shown) in plans.items()
                ],
                update_conflicts=True,
                unique_fields=["plan_id"],
                update_fields=["name", "display_name", "family"],
                batch_size=2_000,
            )
        self.stdout.write(f"{len(products)} products and {len(plans)} service plans")


def _read(file: Path) -> tuple[dict[str, tuple[str, str]], dict[str, tuple[str, str]]]:
    """Return products and plans by id as (technical name, name to show)."""
    products: dict[str, tuple[str, str]] = {}
    plans: dict[str, tuple[str, str]] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines)
            missing = _COLUMNS - set(rows.fieldnames or ())
            if missing:
                raise CommandError(f"{file} is not Microsoft's file: it has no column {', '.join(sorted(missing))}")
            for row in rows:
                cells = {name: _clean(row[name]) for name in _COLUMNS}
                # The first name of a product stands; later rows repeat it or carry a newer alias.
                products.setdefault(cells["GUID"].lower(), (cells["String_Id"], cells["Product_Display_Name"]))
                _take_plan(plans, cells)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{file} cannot be read: {error}") from error
    products.pop("", None)
    plans.pop("", None)
    return products, plans


def _clean(cell: str | None) -> str:
    """Strip no-break spaces too, with which some cells end."""
    return (cell or "").replace("\u00a0", " ").strip()


def _take_plan(plans: dict[str, tuple[str, str]], cells: dict[str, str]) -> None:
    """Keep a plan's name; of several spellings one in mixed case reads best."""
    plan_id, name = cells["Service_Plan_Id"].lower(), cells["Service_Plan_Name"]
    shown = cells["Service_Plans_Included_Friendly_Names"] or name
    known = plans.get(plan_id)
    if known is None or (known[1].isupper() and not shown.isupper()):
        plans[plan_id] = (name, shown)
