"""The stored form of a wish (LicenseChange.wish)."""

from typing import Any

from licenses.core.diff import Choice, Wish


def wish_to_json(wish: Wish) -> dict[str, Any]:
    """Return the stored form of a wish; untouched products and plans are left out."""
    return {
        "products": {sku: choice.value for sku, choice in wish.products.items() if choice != Choice.KEEP},
        "plans": {f"{sku}/{plan}": choice.value for (sku, plan), choice in wish.plans.items() if choice != Choice.KEEP},
        "location": wish.location,
        "overwriteLocation": wish.overwrite_location,
        "carryOver": wish.carry_over,
    }


def wish_from_json(data: dict[str, Any]) -> Wish:
    """Return the wish that `wish_to_json` stored."""
    plans: dict[tuple[str, str], Choice] = {}
    for key, value in data.get("plans", {}).items():
        sku_id, _, plan_id = key.partition("/")
        plans[sku_id, plan_id] = Choice(value)
    return Wish(
        products={sku: Choice(value) for sku, value in data.get("products", {}).items()},
        plans=plans,
        location=data.get("location"),
        overwrite_location=bool(data.get("overwriteLocation")),
        carry_over=bool(data.get("carryOver", True)),
    )
