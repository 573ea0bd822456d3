"""Licences that groups hand out: which of a user's paths hold, and why the others do not (graph-api.md 2.7 and 6)."""

from licensing_portal.sandbox import rules
from licensing_portal.sandbox.http import Problem, bad_request
from licensing_portal.sandbox.licensing import (
    Wanted,
    check_plans,
    check_products,
    check_seats,
    no_seat,
    prohibited_message,
)
from licensing_portal.sandbox.model import Disabled, Group, Tenant, User

COUNT, EXCLUSIVE, DEPENDENCY, LOCATION, OTHER = (
    "CountViolation",
    "MutuallyExclusiveViolation",
    "DependencyViolation",
    "ProhibitedInUsageLocationViolation",
    "Other",
)

type Found = tuple[str, str, str]


def reprocess(tenant: Tenant, user: User) -> str | None:
    """Try every group of the user with a path in error anew; return the first message that is left, if one is."""
    failing = dict.fromkeys(group_id for _, group_id in user.errors)
    messages = [evaluate(tenant, user, tenant.groups[key]) for key in failing if key in tenant.groups]
    return next((message for message in messages if message is not None), None)


def evaluate(tenant: Tenant, user: User, group: Group) -> str | None:
    """Judge the products of a group that a user does not have yet, all of them or none; return what is refused.

    What the group gave before stays: nothing active is taken away because something new fails.
    """
    paths = [path for path in user.errors if path[1] == group.group_id and path[0] in group.licenses]
    before, held = dict(user.errors), tenant.held_skus(user)
    wanted = {sku_id: group.licenses[sku_id] for sku_id, _ in paths}
    found = _violation(tenant, user, held, wanted)
    after = {path: error for path, error in before.items() if path not in paths}
    if found is not None:
        after.update(_errors(paths, found))
    if after != before:
        tenant.before_change(user.user_id)
        user.errors = after
        for sku_id, group_id in paths:
            tenant.path_times[user.user_id, sku_id, group_id] = tenant.now()
        tenant.after_change(user.user_id, frozenset(held))
    return found[2] if found is not None else None


def _errors(paths: list[tuple[str, str]], found: Found) -> dict[tuple[str, str], str]:
    """Return the failing path's own error, and `Other` for those that fail with it."""
    failing, error, _ = found
    return {path: error if path[0] == failing else OTHER for path in paths}


def _violation(tenant: Tenant, user: User, held: dict[str, Disabled], wanted: dict[str, Disabled]) -> Found | None:
    """Return (SKU, error, message) of the first violation, or None when all of these products can be held too."""
    location = user.location or tenant.country
    for sku_id, disabled in wanted.items():
        sku = tenant.skus.get(sku_id)
        if sku is None:
            return sku_id, COUNT, no_seat(sku_id)
        if rules.prohibited(sku.plan_ids - disabled, location):
            return sku_id, LOCATION, prohibited_message(sku_id, location)
    both = dict(held)
    for sku_id, disabled in wanted.items():
        both[sku_id] = both[sku_id] & disabled if sku_id in both else disabled
    if wanted and (clash := _refusal(tenant, both)) is not None:
        return next(iter(wanted)), EXCLUSIVE if "mutually exclusive" in clash else DEPENDENCY, clash
    for sku_id in wanted:
        try:
            check_seats(tenant, frozenset({sku_id}) - held.keys())
        except Problem as problem:
            return sku_id, COUNT, problem.message
    return None


def _refusal(tenant: Tenant, held: dict[str, Disabled]) -> str | None:
    try:
        check_plans(tenant, held)
    except Problem as problem:
        return problem.message
    return None


def start(tenant: Tenant, group: Group, wanted: Wanted) -> None:
    """Give the group other licences; its members get them when the service comes round to it."""
    check_products(tenant, wanted)
    now = group.shown_licenses
    if missing := [sku_id for sku_id in wanted.remove if sku_id not in now]:
        raise bad_request(f"Group does not have a corresponding license {missing[0]}.")
    group.wanted = {**{key: off for key, off in now.items() if key not in wanted.remove}, **wanted.add}
    tenant.touched_groups.add(group.group_id)
    queue(tenant, group)


def queue(tenant: Tenant, group: Group) -> None:
    """Let the service come round to a group after its lag."""
    tenant.pending.append((tenant.now() + tenant.group_lag, lambda: _finish(tenant, group)))


def _finish(tenant: Tenant, group: Group) -> None:
    """Give the members what the group hands out by now, one after another, each by the seats that are left."""
    if group.wanted is None:
        return
    members = [tenant.users[key] for key in sorted(group.members) if key in tenant.users]
    held = {user.user_id: tenant.held_skus(user) for user in members}
    for user in members:
        tenant.before_change(user.user_id)
    # What is new holds nothing before the user was judged.
    fresh = [sku_id for sku_id in group.wanted if sku_id not in group.licenses]
    group.licenses, group.wanted = group.wanted, None
    for user in members:
        user.errors = {key: error for key, error in user.errors.items() if _is_given(key, group)}
        user.errors.update({(sku_id, group.group_id): OTHER for sku_id in fresh})
        tenant.after_change(user.user_id, frozenset(held[user.user_id]))
    for user in members:
        evaluate(tenant, user, group)
        if held[user.user_id] != tenant.held_skus(user):
            tenant.audit("Change user license", user, held[user.user_id])


def _is_given(path: tuple[str, str], group: Group) -> bool:
    """Tell whether a path is of another group, or of a product that this one still hands out."""
    return path[1] != group.group_id or path[0] in group.licenses
