"""Small builders of values of the core."""

from licenses.core.catalog import AppliesTo, Catalog, Plan, Seats, Sku
from licenses.core.holdings import DIRECT, Held, Path, PathState, UserState

A, B, C = "sku-a", "sku-b", "sku-c"


def sku(sku_id: str, *, free: int = 10, status: str = "Enabled", plans: tuple[str, ...] = ("p1", "p2")) -> Sku:
    """A SKU whose plans are named after it; the plan `company` is company-wide."""
    made = [Plan(plan_id=f"{sku_id}-{name}", name=name, display_name=name) for name in plans]
    made.append(Plan(plan_id=f"{sku_id}-company", name="c", display_name="c", applies_to=AppliesTo.COMPANY))
    seats = Seats(enabled=free)
    return Sku(
        sku_id=sku_id,
        part_number=sku_id,
        display_name=sku_id,
        seats=seats,
        capability_status=status,
        plans=tuple(made),
    )


def catalog(*skus: Sku) -> Catalog:
    """A catalog of A, B and C unless others are given."""
    return Catalog.of(skus or (sku(A), sku(B), sku(C)))


def direct(*off: str, state: PathState = PathState.ACTIVE) -> Path:
    """A direct path."""
    return Path(via=DIRECT, disabled=frozenset(off), state=state)


def group(name: str = "group", *off: str, state: PathState = PathState.ACTIVE) -> Path:
    """A path by group."""
    return Path(via=name, disabled=frozenset(off), state=state)


def user(user_id: str = "u", location: str | None = "JP", **held: tuple[Path, ...]) -> UserState:
    """A user; keyword names are SKUs with `_` for `-`."""
    return UserState(
        user_id=user_id,
        usage_location=location,
        held={name.replace("_", "-"): Held(paths) for name, paths in held.items()},
    )
