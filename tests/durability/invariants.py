"""What must hold after every run, however it went (V1 to V5), judged by the sandbox's own state and notes."""

import re
from collections import Counter
from collections.abc import Iterable

from django.test import Client
from django.urls import reverse

from licenses.models import LicenseChange, UserChange
from licensing_portal.sandbox.model import User
from tests.durability.world import World

State = UserChange.State
_SIGN_IN_NAME = re.compile(r"<small>([^<@]+@[^<]+)</small>")


def violations(world: World, change: LicenseChange, *, unknown_allowed: bool = False) -> list[str]:
    """Return every broken promise of a change that should be finished; none is good."""
    change.refresh_from_db()
    rows = list(change.user_changes.all())
    sandbox = world.sandbox
    found = [] if change.is_finished else [f"V4: the change is {change.status}"]
    found += [fault for row in rows for fault in _of_row(row, sandbox.user(row.object_id), unknown_allowed)]
    found += [f"V1: {row.display_name} is {row.state}, but was changed" for row in _touched(world, rows)]
    found += [f"V2: {method} for {user} without an intent" for method, user in sandbox.unannounced]
    found += [f"V3: {method} for {user} repeated after it was done" for method, user in sandbox.repeated]
    twice = [write for write, times in Counter(sandbox.applied).items() if times > 1]
    found += [f"V3: {method} for {user} was done twice" for method, user in twice]
    found += [f"V5: more seats of {part} than owned" for part in sandbox.overdrawn]
    return found


def page_violations(world: World, change: LicenseChange) -> list[str]:
    """Return what the confirmation page says otherwise than Microsoft: its lists are read as a person reads them."""
    client = Client()
    client.force_login(world.staff)
    address = reverse("licenses:change", args=[change.pk])
    updated, rest = _names(client, f"{address}?show=updated"), _names(client, f"{address}?show=action")
    people = {row.user_principal_name: row for row in change.user_changes.all()}
    really = {name for name, row in people.items() if has_all(row, world.sandbox.user(row.object_id))}
    found = [f"V1: the page calls {name} updated, Microsoft does not" for name in sorted(updated - really)]
    found += [f"V1: the page does not call {name} updated" for name in sorted(really - updated)]
    found += [f"V4: the page lacks {name}" for name in sorted(people.keys() - updated - rest)]
    return found + [f"V4: the page has {name} twice" for name in sorted(updated & rest)]


def _names(client: Client, address: str) -> set[str]:
    """Return the sign-in names of all pages of a list."""
    names: set[str] = set()
    page = 0
    while True:
        page += 1
        answer = client.get(f"{address}&page={page}")
        assert answer.status_code == 200, f"{address}: {answer.status_code}"
        some = set(_SIGN_IN_NAME.findall(answer.content.decode()))
        if some <= names:
            return names
        names |= some


def has_all(row: UserChange, user: User | None) -> bool:
    """Tell whether a user has at Microsoft all that the row wants."""
    if user is None:
        return False
    added = all(
        add["skuId"] in user.direct and sorted(user.direct[add["skuId"]][0]) == add["disabledPlans"] for add in row.add
    )
    return added and not set(row.remove) & set(user.direct) and row.location in ("", user.location)


def _of_row(row: UserChange, user: User | None, unknown_allowed: bool) -> Iterable[str]:
    """Yield what one row says that is not so."""
    if row.state in UserChange.OPEN:
        yield f"V4: {row.display_name} is {row.state}"
        return
    if row.state == State.UPDATED and not has_all(row, user):
        yield f"V1: {row.display_name} is called updated and is not"
    if row.state == State.FAILED and has_all(row, user):
        yield f"V1: {row.display_name} is called failed ({row.failure_kind}) and is updated"
    if row.state == State.UNKNOWN and not unknown_allowed:
        yield f"V4: {row.display_name} is unknown"
    if row.lease_owner or row.lease_until:
        yield f"V4: {row.display_name} is still leased"
    if (shown := _after(row)) != (now := _at_microsoft(user)):
        yield f"V1: {row.display_name} is shown as {shown}, is {now}"


def _after(row: UserChange) -> object:
    """Return what was read back of a user, in the form of `_at_microsoft`."""
    after = row.after or {"exists": "not read"}
    if after.get("exists") is not True:
        return after.get("exists")
    paths = {path["skuId"]: path["disabledPlans"] for path in after["paths"] if path["via"] == "direct"}
    return after["usageLocation"], paths


def _at_microsoft(user: User | None) -> object:
    """Return location and direct products of a user; False for a deleted one."""
    if user is None:
        return False
    return user.location, {sku_id: sorted(disabled) for sku_id, (disabled, _) in user.direct.items()}


def _touched(world: World, rows: Iterable[UserChange]) -> Iterable[UserChange]:
    """Yield rows that say "not tried" of users whom we changed."""
    changed = {user for method, user in world.sandbox.applied if method == "POST"}
    return (row for row in rows if row.state == State.NOT_TRIED and row.object_id in changed)
