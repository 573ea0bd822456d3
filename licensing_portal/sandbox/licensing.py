"""assignLicense: the order of checks, all or nothing (graph-api.md, sections 2.6, 5.2 and 7)."""

import time
from dataclasses import dataclass

from licensing_portal.sandbox import rules
from licensing_portal.sandbox.http import Json, bad_request
from licensing_portal.sandbox.model import DIRECT, Disabled, Tenant, User

_NO_LOCATION = "License assignment cannot be done for user with invalid usage location."
_INHERITED = "User license is inherited from a group membership and it cannot be removed directly from the user."


@dataclass(slots=True)
class Wanted:
    """A decoded request: SKU → plans that are off, and SKUs to take away."""

    add: dict[str, Disabled]
    remove: tuple[str, ...]


def parse(body: Json) -> Wanted:
    """Read the request's body; raises Problem for anything that Graph would not understand."""
    if not isinstance(body, dict):
        raise bad_request("Empty Payload. JSON content expected.", "BadRequest")
    adds, removes = _collection(body, "addLicenses"), _collection(body, "removeLicenses")
    add: dict[str, Disabled] = {}
    for entry in adds:
        sku_id = _guid(entry.get("skuId") if isinstance(entry, dict) else None)
        disabled = entry.get("disabledPlans") or []
        if not isinstance(disabled, list):
            raise bad_request("Cannot convert the literal of 'disabledPlans' to the expected type.", "BadRequest")
        if sku_id in add:
            raise bad_request(f"Duplicate license {sku_id} in addLicenses.")
        add[sku_id] = frozenset(_guid(plan) for plan in disabled)
    remove = tuple(dict.fromkeys(_guid(value) for value in removes))
    if both := set(add) & set(remove):
        raise bad_request(f"License {min(both)} is in both addLicenses and removeLicenses.")
    return Wanted(add, remove)


def _collection(body: dict[str, Json], name: str) -> list[Json]:
    value = body.get(name)
    if not isinstance(value, list):
        raise bad_request(f"The parameter '{name}' is required and must be a collection.", "BadRequest")
    return value


def _guid(value: Json) -> str:
    text = value.lower() if isinstance(value, str) else ""
    if len(text) != 36 or text.count("-") != 4:
        raise bad_request(f"Cannot convert the literal '{value}' to the expected type 'Edm.Guid'.", "BadRequest")
    return text


def assign(tenant: Tenant, user: User, wanted: Wanted) -> None:
    """Check everything, then change the user; a refusal changes nothing. The tenant's lock is held."""
    if not wanted.add and not wanted.remove:
        raise bad_request("No license changes provided.")
    check_products(tenant, wanted)
    _check_removals(tenant, user, wanted)
    direct = {sku: value for sku, value in user.direct.items() if sku not in wanted.remove}
    now = time.time()
    direct.update({sku: (disabled, now) for sku, disabled in wanted.add.items()})
    before = frozenset(tenant.held_skus(user))
    if wanted.add:
        _check_location(tenant, user, wanted)
    # What is assigned again or taken away is no longer in error.
    anew = {(sku, DIRECT) for sku in (*wanted.add, *wanted.remove)}
    errors = {path: error for path, error in user.errors.items() if path not in anew}
    after = _held_with(tenant, user, direct, errors)
    check_plans(tenant, after)
    check_seats(tenant, frozenset(after) - before)
    tenant.before_change(user.user_id)
    user.direct, user.errors = direct, errors
    tenant.after_change(user.user_id, before)


def check_products(tenant: Tenant, wanted: Wanted) -> None:
    """Refuse products that the tenant does not own or that nobody can hold, and plans of other products."""
    for sku_id in (*wanted.add, *wanted.remove):
        if sku_id not in tenant.skus:
            raise bad_request(f"License {sku_id} does not correspond to a valid company License.")
    for sku_id, disabled in wanted.add.items():
        sku = tenant.skus[sku_id]
        if sku.applies_to != "User":
            raise bad_request(f"License {sku_id} cannot be assigned to a user.")
        if foreign := disabled - sku.plan_ids:
            raise bad_request(f"Service plan {min(foreign)} does not belong to the subscription with SKU {sku_id}.")


def _check_removals(tenant: Tenant, user: User, wanted: Wanted) -> None:
    for sku_id in wanted.remove:
        if sku_id in user.direct:
            continue
        if sku_id in tenant.held_skus(user):
            raise bad_request(_INHERITED)
        raise bad_request("User does not have a corresponding license.")


def _check_location(tenant: Tenant, user: User, wanted: Wanted) -> None:
    if not user.location:
        raise bad_request(_NO_LOCATION)
    for sku_id, disabled in wanted.add.items():
        if rules.prohibited(tenant.skus[sku_id].plan_ids - disabled, user.location):
            raise bad_request(prohibited_message(sku_id, user.location))


def prohibited_message(sku_id: str, location: str) -> str:
    """Return the refusal of a product that is not sold in a country."""
    return (
        f"License assignment failed because service plan of SKU {sku_id} is prohibited in the usage location"
        f" {location}. ProhibitedInUsageLocationViolation"
    )


def _held_with(
    tenant: Tenant, user: User, direct: dict[str, tuple[Disabled, float]], errors: dict[tuple[str, str], str]
) -> dict[str, Disabled]:
    """Return what the user would hold with these direct assignments and paths in error."""
    kept = user.direct, user.errors
    user.direct, user.errors = direct, errors
    try:
        return tenant.held_skus(user)
    finally:
        user.direct, user.errors = kept


def check_plans(tenant: Tenant, held: dict[str, Disabled]) -> None:
    """Refuse a set of products whose plans clash or lack what they need."""
    on: set[str] = set()
    for sku_id, disabled in held.items():
        if sku_id in tenant.skus:
            on |= tenant.skus[sku_id].plan_ids - disabled
    plans = frozenset(on)
    if pair := rules.exclusive_pair(plans) or _exclusive_products(tenant, held):
        raise bad_request(f"License assignment failed because service plans {','.join(pair)} are mutually exclusive")
    if gap := rules.missing_need(plans, strict=tenant.strict_dependencies):
        needs = ", ".join(gap[1])
        raise bad_request(
            f"License assignment failed because service plan {gap[0]} depends on the service plan(s) {needs}"
        )


def _exclusive_products(tenant: Tenant, held: dict[str, Disabled]) -> tuple[str, ...] | None:
    """Return a plan of each of two products that may not be held together."""
    pair = rules.exclusive_products(frozenset(held))
    if pair is None:
        return None
    first, second = (tenant.skus[sku_id].plan_ids for sku_id in pair)
    return min(first - second), min(second - first)


def check_seats(tenant: Tenant, newly: frozenset[str]) -> None:
    """Refuse products of which one more user finds no seat."""
    for sku_id in sorted(newly):
        sku = tenant.skus.get(sku_id)
        if sku is not None and (sku.free < 1 or sku.capability_status not in ("Enabled", "Warning")):
            raise bad_request(no_seat(sku_id))


def no_seat(sku_id: str) -> str:
    """Return the refusal of a product without a free seat."""
    return f"Subscription with SKU {sku_id} does not have any available licenses."
