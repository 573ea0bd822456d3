"""What can be done about one path that is in error, and the wish that doing it is.

Microsoft names the error of a path, never its plans: which plans clash or are missing is told by our rules.
"""

from collections.abc import Iterable

from licenses.core.catalog import Catalog, PlanId, Sku, SkuId
from licenses.core.diff import Choice, LicenseAdd, UserDiff, Wish
from licenses.core.failures import FailureKind
from licenses.core.holdings import DIRECT, Path, UserState
from licenses.core.repair import Act, Repair, repaired, repairs
from licenses.core.rules import clashes, forbidden, missing_dependencies
from licenses.core.triage import kind_of_error


def is_broken(path: Path) -> bool:
    """Tell whether somebody should look at a path: it holds nothing, or holds with an error."""
    return path.error is not None or not path.state.holds


def path_repairs(state: UserState, sku_id: SkuId, path: Path, catalog: Catalog) -> tuple[Repair, ...]:
    """Return what may help this path of a user, the likeliest first; nothing for a product that is not owned."""
    sku = catalog.get(sku_id)
    if sku is None:
        return ()
    kind = kind_of_error(path.error)
    plans = _plans_at_fault(kind, state, sku, path, catalog)
    found: tuple[Repair, ...] = ()
    if plans:
        as_direct = UserDiff(user_id=state.user_id, add=(LicenseAdd(sku_id=sku_id, disabled=path.disabled),))
        found = repairs(kind, plans, state, as_direct, catalog)
    if path.via == DIRECT:
        return (*found, Repair(act=Act.RETRY, sku_id=sku_id))
    held = state.held.get(sku_id)
    if held is None or held.direct is None:
        # The group's own assignment cannot be edited here.
        found = tuple(one for one in found if one.sku_id != sku_id)
    return (*found, Repair(act=Act.REPROCESS))


def wish_of(repair: Repair, sku_id: SkuId = "", path: Path | None = None, location: str = "") -> Wish:
    """Return the wish of a repair; of a direct `path` in error it is assigned again, with the plans that it had off.

    `location` is set for a user who has none.
    """
    wish = Wish()
    if path is not None and path.via == DIRECT:
        off = {(sku_id, plan_id): Choice.NONE for plan_id in sorted(path.disabled)}
        wish = Wish(products={sku_id: Choice.ALL}, plans=off)
    wish = repaired(wish, repair, location)
    return repaired(wish, Repair(act=Act.LOCATION), location) if location else wish


def _plans_at_fault(kind: FailureKind, state: UserState, sku: Sku, path: Path, catalog: Catalog) -> tuple[PlanId, ...]:
    """Return the plans that the rules hold responsible, as a refusal would name them; none where they know nothing."""
    given = sku.plan_ids - path.disabled
    plans = given | state.enabled_plans(catalog)
    if kind == FailureKind.EXCLUSIVE:
        return _first(clash.plans for clash in clashes(plans) if given.intersection(clash.plans))
    if kind == FailureKind.DEPENDENCY:
        return _first((gap.plan_id, *gap.needs) for gap in missing_dependencies(plans))
    if kind == FailureKind.LOCATION_FORBIDDEN:
        return forbidden(given, state.usage_location)
    return ()


def _first(found: Iterable[tuple[PlanId, ...]]) -> tuple[PlanId, ...]:
    return next(iter(found), ())
