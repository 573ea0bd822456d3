"""The state file: what has changed since the seed, written at most once a second and at the end."""

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from licensing_portal.sandbox.model import Group, Tenant, User
from licensing_portal.sandbox.processing import queue

if TYPE_CHECKING:
    from licensing_portal.sandbox.app import Sandbox

_USER = (
    "upn",
    "name",
    "given_name",
    "surname",
    "mail",
    "other_addresses",
    "enabled",
    "user_type",
    "location",
    "on_premises",
    "department",
    "job_title",
    "created",
)
_SKU = ("enabled", "warning", "suspended", "locked_out", "capability_status")


class Store:
    """Reads and writes one file; without a file name it does nothing."""

    def __init__(self, file_name: str | None) -> None:
        self._file = Path(file_name) if file_name else None
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def changed(self, sandbox: "Sandbox") -> None:
        """Write within a second; further changes until then go with it."""
        if self._file is None:
            return
        with self._lock:
            if self._timer is None:
                self._timer = threading.Timer(1.0, self.save, [sandbox])
                self._timer.daemon = True
                self._timer.start()

    def save(self, sandbox: "Sandbox") -> None:
        """Write now: to a new file first, so that a crash never leaves half a file."""
        if self._file is None:
            return
        with self._lock:
            self._timer = None
            data = {tenant.tenant_id: _dump(tenant) for tenant in sandbox.built}
            self._file.parent.mkdir(parents=True, exist_ok=True)
            new = self._file.with_name(f"{self._file.name}.new")
            new.write_text(json.dumps({"seed": sandbox.options.seed, "tenants": data}), encoding="utf-8")
            new.replace(self._file)

    def load(self, sandbox: "Sandbox") -> None:
        """Bring back what the file says; a file of another seed is passed over."""
        if self._file is None or not self._file.exists():
            return
        data = json.loads(self._file.read_text(encoding="utf-8"))
        if data.get("seed") != sandbox.options.seed:
            return
        for tenant_id, changes in data["tenants"].items():
            if (
                any(changes.get(name) for name in ("users", "deleted", "skus", "groups"))
                or changes["relationship"] != "active"
            ):
                tenant = sandbox.tenant(tenant_id)
                if tenant is not None:
                    _restore(tenant, changes)


def _dump(tenant: Tenant) -> dict[str, Any]:
    with tenant.lock:
        return {
            "relationship": tenant.relationship,
            "deleted": sorted(tenant.touched - tenant.users.keys()),
            "users": {key: _dump_user(tenant.users[key]) for key in sorted(tenant.touched & tenant.users.keys())},
            "skus": {
                key: {name: getattr(tenant.skus[key], name) for name in _SKU} for key in sorted(tenant.touched_skus)
            },
            "groups": {key: _dump_group(tenant.groups[key]) for key in sorted(tenant.touched_groups)},
        }


def _dump_group(group: Group) -> dict[str, Any]:
    """Return what a group hands out, and what it is going to."""
    return {
        "licenses": {sku_id: sorted(disabled) for sku_id, disabled in group.licenses.items()},
        "wanted": None
        if group.wanted is None
        else {sku_id: sorted(disabled) for sku_id, disabled in group.wanted.items()},
    }


def _dump_user(user: User) -> dict[str, Any]:
    return {
        **{name: getattr(user, name) for name in _USER},
        "direct": {sku_id: [sorted(disabled), since] for sku_id, (disabled, since) in user.direct.items()},
        "errors": [[*key, error] for key, error in user.errors.items()],
        "provisioning": user.provisioning,
    }


def _restore(tenant: Tenant, changes: dict[str, Any]) -> None:
    tenant.relationship = changes["relationship"]
    for key, values in changes["skus"].items():
        for name, value in values.items():
            setattr(tenant.skus[key], name, value)
        tenant.touched_skus.add(key)
    _restore_groups(tenant, changes.get("groups", {}))
    for key in changes["deleted"]:
        if key in tenant.users:
            tenant.delete_user(tenant.users[key])
    for key, values in changes["users"].items():
        _restore_user(tenant, key, values)
    tenant.forget_lags()


def _restore_groups(tenant: Tenant, groups: dict[str, Any]) -> None:
    """Bring back what groups hand out; the members' own errors follow with the members."""
    for key, values in groups.items():
        group = tenant.groups[key]
        members = [tenant.users[user_id] for user_id in group.members if user_id in tenant.users]
        held = {user.user_id: frozenset(tenant.held_skus(user)) for user in members}
        group.licenses = {sku_id: frozenset(disabled) for sku_id, disabled in values["licenses"].items()}
        for user in members:
            tenant.after_change(user.user_id, held[user.user_id])
        tenant.touched_groups.add(key)
        if values["wanted"] is not None:
            group.wanted = {sku_id: frozenset(disabled) for sku_id, disabled in values["wanted"].items()}
            queue(tenant, group)


def _restore_user(tenant: Tenant, key: str, values: dict[str, Any]) -> None:
    user = tenant.users.get(key)
    if user is None:
        user = User(key, values["upn"], values["name"])
        tenant.add_user(user)
    held = frozenset(tenant.held_skus(user))
    tenant.by_upn.pop(user.upn.casefold(), None)
    for name in _USER:
        setattr(user, name, values.get(name, getattr(user, name)))
    tenant.by_upn[user.upn.casefold()] = key
    user.direct = {sku_id: (frozenset(disabled), since) for sku_id, (disabled, since) in values["direct"].items()}
    user.errors = {(sku_id, group_id): error for sku_id, group_id, error in values["errors"]}
    user.provisioning = values.get("provisioning", {})
    tenant.after_change(key, held)
