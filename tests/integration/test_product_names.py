"""import_product_names: Microsoft's file with its traps."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from licenses.models import Product, ServicePlan
from licenses.product_names import localized, plan_name, product_name

pytestmark = pytest.mark.django_db

HEADER = "Product_Display_Name,String_Id,GUID,Service_Plan_Name,Service_Plan_Id,Service_Plans_Included_Friendly_Names"
SKU = "6fd2c87f-b296-42f0-b197-1e91e994b900"
PLAN = "57ff2da0-773e-42df-b2af-ffb7a2317929"


def _write(folder: Path, *lines: str, encoding: str = "utf-8-sig") -> str:
    file = folder / "names.csv"
    file.write_text("\r\n".join((HEADER, *lines)) + "\r\n", encoding=encoding)
    return str(file)


def test_names_are_taken_with_all_traps(tmp_path: Path) -> None:
    file = _write(
        tmp_path,
        f"Office 365 E3\u00a0,ENTERPRISEPACK,{SKU.upper()},TEAMS1\u00a0,{PLAN.upper()},MICROSOFT TEAMS",
        f"Another name,ENTERPRISEPACK,{SKU},TEAMS1,{PLAN},Microsoft Teams",
        f"Office 365 E3,ENTERPRISEPACK,{SKU},TEAMS1,{PLAN},Teams of another spelling",
    )
    call_command("import_product_names", file)
    product = Product.objects.get()
    assert (product.sku_id, product.part_number, product.display_name) == (SKU, "ENTERPRISEPACK", "Office 365 E3")
    plan = ServicePlan.objects.get()
    assert (plan.plan_id, plan.name, plan.display_name, plan.family) == (PLAN, "TEAMS1", "Microsoft Teams", "teams")


def test_a_second_import_changes_the_names_that_are_there(tmp_path: Path) -> None:
    Product.objects.create(sku_id=SKU, part_number="X", display_name="X")
    call_command("import_product_names", _write(tmp_path, f"New name,ENTERPRISEPACK,{SKU},TEAMS1,{PLAN},Teams"))
    assert Product.objects.get().display_name == "New name"


def test_a_wrong_file_changes_nothing(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    for file in (str(wrong), str(tmp_path / "absent.csv")):
        with pytest.raises(CommandError):
            call_command("import_product_names", file)
    latin = tmp_path / "latin.csv"
    latin.write_bytes(HEADER.encode() + b"\n\xff\xfe")
    with pytest.raises(CommandError):
        call_command("import_product_names", str(latin))
    assert not Product.objects.exists()


def test_common_products_have_names_from_the_start() -> None:
    assert product_name(SKU, "ENTERPRISEPACK") == "Office 365 E3"
    assert product_name("unknown", "PART") == "PART"
    assert plan_name(PLAN, "TEAMS1") == "Microsoft Teams"
    assert localized("Exchange Online (Plan 2)", "ja") == "Exchange Online (プラン 2)"
    assert localized("Exchange Online (Plan 2)", "en") == "Exchange Online (Plan 2)"
