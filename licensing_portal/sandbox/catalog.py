"""Real products and service plans (graph-api.md, section 9), as tenants own them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from licensing_portal.sandbox.model import Plan, Sku

# Company-wide in live tenants, as far as known (graph-api.md 9.1).
_COMPANY = frozenset({"EXCHANGE_S_FOUNDATION", "M365_LIGHTHOUSE_CUSTOMER_PLAN1"})


@cache
def _data() -> Any:
    return json.loads((Path(__file__).parent / "data" / "products.json").read_text(encoding="utf-8"))


@cache
def part_numbers() -> tuple[str, ...]:
    """Return all products by part number, in the table's order."""
    return tuple(product["part"] for product in _data()["products"])


@cache
def sku_id(part: str) -> str:
    """Return the SKU id of a part number."""
    found: str = next(product["sku"] for product in _data()["products"] if product["part"] == part)
    return found


@cache
def plan_id(name: str) -> str:
    """Return the id of a service plan."""
    found: str = _data()["plans"][name]
    return found


@cache
def plans(part: str) -> tuple[Plan, ...]:
    """Return the plans of a product."""
    names = next(product["plans"] for product in _data()["products"] if product["part"] == part)
    return tuple(
        Plan(
            plan_id(name),
            name,
            applies_to="Company" if name in _COMPANY else "User",
            status="PendingActivation" if name.startswith("INTUNE_O365") else "Success",
        )
        for name in names
    )


def sku(part: str, subscription_id: str, *, enabled: int = 0, warning: int = 0, suspended: int = 0) -> Sku:
    """Return a product as a tenant owns it."""
    return Sku(sku_id(part), part, plans(part), enabled, warning, suspended, subscription_id=subscription_id)
