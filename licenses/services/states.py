"""Loads what the pure core needs from the tables, in few queries, and its stored form in outbox rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from customers.models import Customer, DirectoryUser
from licenses.core.catalog import AppliesTo, Catalog, Plan, Sku
from licenses.core.families import family_of
from licenses.core.holdings import Held, Path, PathState, UserState
from licenses.models import Assignment, Entitlement, EntitlementPlan, PlanSet
from licensing_portal.gateways.protocol import UserRecord

# SQLite takes at most 32,766 parameters in a statement, PostgreSQL 65,535.
_IDS_AT_ONCE = 10_000


def load_catalog(customer: Customer) -> Catalog:
    """Return what the customer owns, in two queries."""
    plans: dict[int, list[Plan]] = {}
    rows = (
        EntitlementPlan.objects.filter(entitlement__customer=customer)
        .order_by("entitlement_id", "position")
        .values_list(
            "entitlement_id", "plan__plan_id", "plan__name", "plan__display_name", "applies_to", "provisioning_status"
        )
    )
    for entitlement_id, plan_id, name, display_name, applies_to, status in rows:
        plans.setdefault(entitlement_id, []).append(
            Plan(
                plan_id=plan_id,
                name=name,
                display_name=display_name,
                applies_to=AppliesTo.COMPANY if applies_to == "Company" else AppliesTo.USER,
                family=family_of(name),
                provisioning_status=status,
            )
        )
    entitlements = Entitlement.objects.filter(customer=customer).select_related("product")
    return Catalog.of(_sku(entitlement, plans.get(entitlement.pk, [])) for entitlement in entitlements)


def _sku(entitlement: Entitlement, plans: Iterable[Plan]) -> Sku:
    return Sku(
        sku_id=entitlement.product.sku_id,
        part_number=entitlement.product.part_number,
        display_name=entitlement.product.display_name,
        applies_to=AppliesTo.COMPANY if entitlement.applies_to == "Company" else AppliesTo.USER,
        capability_status=entitlement.capability_status,
        seats=entitlement.seats,
        plans=tuple(plans),
    )


def load_states(customer: Customer, user_pks: Sequence[int]) -> dict[int, UserState]:
    """Return the states of these users of the customer by row id; deleted ones do not exist any more."""
    states: dict[int, UserState] = {}
    for start in range(0, len(user_pks), _IDS_AT_ONCE):
        states.update(_load_some(customer, user_pks[start : start + _IDS_AT_ONCE]))
    return states


def _load_some(customer: Customer, user_pks: Sequence[int]) -> dict[int, UserState]:
    """Load up to 10,000 users in three queries."""
    users = DirectoryUser.objects.filter(customer=customer, pk__in=user_pks).values_list(
        "pk", "object_id", "usage_location", "enabled", "is_guest", "deleted_at"
    )
    assignments = Assignment.objects.filter(customer=customer, user_id__in=user_pks).values_list(
        "user_id", "product__sku_id", "via", "plan_set_id", "state", "error"
    )
    paths: dict[int, dict[str, tuple[_Row, ...]]] = {}
    rows = list(assignments)
    held = _HeldByRows(load_plan_sets({row[3] for row in rows}))
    for user_pk, sku_id, via, plan_set, state, error in rows:
        of_user = paths.setdefault(user_pk, {})
        of_user[sku_id] = (*of_user.get(sku_id, ()), (via, plan_set, state, error))
    return {
        pk: UserState(
            user_id=object_id,
            usage_location=location or None,
            held={sku_id: held[found] for sku_id, found in paths.get(pk, {}).items()},
            enabled=enabled,
            guest=guest,
            exists=deleted_at is None,
        )
        for pk, object_id, location, enabled, guest, deleted_at in users
    }


@dataclass(frozen=True, slots=True)
class Licences:
    """A user's state and what the customer owns."""

    state: UserState
    catalog: Catalog


def state_of_assignments(user: DirectoryUser, assignments: Iterable[Assignment]) -> UserState:
    """Return the state of a user whose assignments, with product and plan set, are at hand."""
    return UserState(
        user_id=user.object_id,
        usage_location=user.usage_location or None,
        held=_held((one.product.sku_id, _path_of(one)) for one in assignments),
        enabled=user.enabled,
        guest=user.is_guest,
        exists=user.deleted_at is None,
    )


def _path_of(one: Assignment) -> Path:
    disabled = frozenset(one.plan_set.disabled)
    return Path(via=one.via, disabled=disabled, state=PathState.parse(one.state), error=one.error or None)


def _held(paths: Iterable[tuple[str, Path]]) -> dict[str, Held]:
    """Return what is held by SKU of paths, each with its SKU."""
    found: dict[str, list[Path]] = {}
    for sku_id, path in paths:
        found.setdefault(sku_id, []).append(path)
    return {sku_id: _shared(tuple(some)) for sku_id, some in found.items()}


# A path as it is stored: via, plan set, state, error.
type _Row = tuple[str, int, str, str]


class _HeldByRows(dict[tuple[_Row, ...], Held]):
    """One object for equal stored paths: of 50,000 users most have the same few, and only those are made."""

    def __init__(self, plan_sets: Mapping[int, frozenset[str]]) -> None:
        super().__init__()
        self._plan_sets = plan_sets

    def __missing__(self, rows: tuple[_Row, ...]) -> Held:
        self[rows] = held = _shared(tuple(self._path(*row) for row in rows))
        return held

    def _path(self, via: str, plan_set: int, state: str, error: str) -> Path:
        return Path(via=via, disabled=self._plan_sets[plan_set], state=PathState.parse(state), error=error or None)


def load_plan_sets(pks: Iterable[int]) -> dict[int, frozenset[str]]:
    """Return the switched-off plans of these sets; tenants have few of them."""
    found = PlanSet.objects.filter(pk__in=list(pks)).values_list("pk", "disabled")
    return {pk: frozenset(disabled) for pk, disabled in found}


def state_of(record: UserRecord) -> UserState:
    """Return a user as Microsoft shows them, in the core's terms."""
    paths = (
        (one.sku_id, Path(via=one.via, disabled=one.disabled, state=PathState.parse(one.state), error=one.error))
        for one in record.paths
    )
    return UserState(
        user_id=record.object_id,
        usage_location=record.usage_location,
        held=_held(paths),
        enabled=record.enabled,
        guest=record.user_type == "Guest",
    )


def state_to_json(state: UserState) -> dict[str, Any]:
    """Return the stored form of a state (UserChange.before and .after)."""
    return {
        "exists": state.exists,
        "usageLocation": state.usage_location,
        "paths": [
            {
                "skuId": sku_id,
                "via": path.via,
                "disabledPlans": sorted(path.disabled),
                "state": path.state.value,
                "error": path.error,
            }
            for sku_id, held in sorted(state.held.items())
            for path in held.paths
        ],
    }


@lru_cache(maxsize=4_096)
def _shared(paths: tuple[Path, ...]) -> Held:
    """Return one object for equal paths: of 50,000 users most have the same few."""
    return Held(paths)


def state_from_json(user_id: str, data: Mapping[str, Any]) -> UserState:
    """Return the state that `state_to_json` stored."""
    return UserState(
        user_id=user_id,
        usage_location=data.get("usageLocation"),
        held=_held((entry["skuId"], _path_from_json(entry)) for entry in data.get("paths", ())),
        exists=data.get("exists", True),
    )


def _path_from_json(entry: Mapping[str, Any]) -> Path:
    return Path(
        via=entry["via"],
        disabled=frozenset(entry["disabledPlans"]),
        state=PathState.parse(entry.get("state", "Active")),
        error=entry.get("error"),
    )
