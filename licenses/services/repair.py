"""Repairs of a change that has ended: for each cause what may help, and the draft that a button makes of it.

A draft of the change's own wish with one thing different, for the users of that cause: Review shows it first.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from licenses.core.catalog import Catalog
from licenses.core.diff import Wish
from licenses.core.failures import FailureKind
from licenses.core.holdings import UserState
from licenses.core.repair import Act, Repair, repaired, repairs
from licenses.models import LicenseChange, UserChange
from licenses.services import again, report
from licenses.services.intents import diff_of, state_before
from licenses.services.naming import Names
from licenses.services.states import state_from_json
from licenses.services.wishes import wish_from_json
from licensing_portal.staff.models import StaffUser

Kind, State = LicenseChange.Kind, UserChange.State


_ABOUT_PLANS = (FailureKind.EXCLUSIVE, FailureKind.DEPENDENCY, FailureKind.LOCATION_FORBIDDEN)


@dataclass(frozen=True, slots=True)
class Offer:
    """A repair with the names that its button needs."""

    repair: Repair
    product: str = ""
    plan: str = ""


def offers(change: LicenseChange, cause: report.Cause, catalog: Catalog, names: Names) -> list[Offer]:
    """Return what may help the users of a cause; nothing for those whom there is nothing to be done for."""
    return [named(one, names) for one in _repairs(change, cause, catalog)]


def needs_catalog(row: UserChange) -> bool:
    """Tell whether the repairs of a user's failure are about products and plans."""
    return row.failure_kind in _ABOUT_PLANS


def _repairs(change: LicenseChange, cause: report.Cause, catalog: Catalog) -> Sequence[Repair]:
    first = cause.first
    if first.state == State.NOT_TRIED:
        return (Repair(act=Act.RETRY),)
    kind = FailureKind(first.failure_kind) if first.failure_kind in FailureKind else FailureKind.UNKNOWN
    found = repairs(kind, _plans(first), _present(first), diff_of(first), catalog, first.failure_skus)
    if change.kind == Kind.UNDO:
        # It was planned from what people had, not from a wish that could be another one.
        return tuple(one for one in found if one.act == Act.RETRY)
    return sensible(found, wish_from_json(change.wish))


def sensible(found: Iterable[Repair], wish: Wish) -> tuple[Repair, ...]:
    """Return the repairs that leave something of a wish that is worth trying: half of a swap is not."""
    return tuple(one for one in found if one.act != Act.WITHOUT or _leaves_something(repaired(wish, one)))


def _leaves_something(wish: Wish) -> bool:
    return not (wish.is_empty or wish.removes_products)


def _plans(row: UserChange) -> Sequence[str]:
    """Return the plans that Microsoft named, or else those that the rules foresaw."""
    foreseen = (caution["plans"] for caution in row.cautions if caution["kind"] == row.failure_kind)
    return tuple(row.failure_plans or next(foreseen, ()))


def _present(row: UserChange) -> UserState:
    """Return the user as read back, or as they were when the change was planned."""
    if row.after and row.after.get("exists", True):
        return state_from_json(row.object_id, row.after)
    return state_before(row)


def named(repair: Repair, names: Names) -> Offer:
    """Return a repair with the names of its product and plan."""
    return Offer(
        repair,
        product=names.product(repair.sku_id) if repair.sku_id else "",
        plan=names.plan(repair.plan_id) if repair.plan_id else "",
    )


def offered(change: LicenseChange, cause: report.Cause, code: str, catalog: Catalog) -> Repair | None:
    """Return the repair that a code names; None when the cause has no such one."""
    return next((one for one in _repairs(change, cause, catalog) if one.code == code), None)


def make(
    change: LicenseChange, staff: StaffUser, cause: report.Cause, repair: Repair, location: str, key: str
) -> LicenseChange:
    """Make the draft of a repair for the users of a cause. Raises NobodySelected, KeyReused."""
    users = report.users_of(change, cause)
    if repair.act == Act.RETRY:
        return again.retry(change, staff, key=key, users=users)
    wish = repaired(wish_from_json(change.wish), repair, location)
    content = hashlib.md5(f"{cause.id}:{repair.code}:{location}".encode(), usedforsecurity=False).hexdigest()
    return again.make_draft(change, staff, Kind.REPAIR, users, wish, change, key, content=content)
