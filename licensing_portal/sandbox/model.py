"""State of one tenant: users, groups, products; every change goes through `Tenant` so that lags and deltas are kept."""

import copy
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

type Disabled = frozenset[str]

# What a change of licences changes in Graph's user.
LICENSES = ("assignedLicenses", "licenseAssignmentStates", "assignedPlans")
# In place of a group's id.
DIRECT = "direct"
# Stands for all properties: the user is new, or back from the deleted ones.
EVERYTHING = ("",)
_AUDITS_KEPT = 20_000
# No two lives of a tenant's data share a number: a delta link of an earlier life is answered with 410.
_lives = itertools.count(time.time_ns() // 1_000_000)


@lru_cache(maxsize=4096)
def iso(moment: float) -> str:
    """Return a time as Graph prints it; most of what is listed has a date of the seed."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class Plan:
    """A service plan inside a product."""

    plan_id: str
    name: str
    applies_to: str = "User"
    status: str = "Success"


@dataclass(slots=True)
class Sku:
    """A subscribed SKU; `consumed` is the truth, what is shown lags behind."""

    sku_id: str
    part_number: str
    plans: tuple[Plan, ...]
    enabled: int = 0
    warning: int = 0
    suspended: int = 0
    locked_out: int = 0
    consumed: int = 0
    applies_to: str = "User"
    capability_status: str = "Enabled"
    subscription_id: str = ""

    @property
    def plan_ids(self) -> frozenset[str]:
        return frozenset(plan.plan_id for plan in self.plans)

    @property
    def free(self) -> int:
        """Seats that can still be assigned; units in their grace period count."""
        return self.enabled + self.warning - self.consumed


@dataclass(slots=True)
class Group:
    """A group; it hands out licences when `licenses` is not empty."""

    group_id: str
    name: str
    licenses: dict[str, Disabled] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    # What the group is to hand out, until the service has come round to its members.
    wanted: dict[str, Disabled] | None = None

    @property
    def shown_licenses(self) -> dict[str, Disabled]:
        """What Graph shows of the group: its members may still wait."""
        return self.licenses if self.wanted is None else self.wanted


@dataclass(slots=True)
class User:
    """A user; `direct` maps a SKU to its switched-off plans and the time of the assignment."""

    user_id: str
    upn: str
    name: str
    given_name: str = ""
    surname: str = ""
    mail: str | None = None
    # As `proxyAddresses` lists them beside the mail address: smtp:…, sip:…
    other_addresses: tuple[str, ...] = ()
    enabled: bool = True
    user_type: str = "Member"
    location: str | None = None
    on_premises: bool | None = None
    department: str | None = None
    job_title: str | None = None
    direct: dict[str, tuple[Disabled, float]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    # (SKU, group) → error of that path; with DIRECT for a group that of the direct one.
    errors: dict[tuple[str, str], str] = field(default_factory=dict)
    # Plan → its provisioning status for this user, where that is not the tenant's.
    provisioning: dict[str, str] = field(default_factory=dict)
    # 0: since the seed.
    created: float = 0.0


@dataclass(frozen=True, slots=True)
class Audit:
    """One line of the directory's audit log; what it says of licences is printed when it is read."""

    number: int
    at: float
    activity: str
    user_id: str
    upn: str
    before: dict[str, Disabled]
    after: dict[str, Disabled]


@dataclass
class Tenant:
    """One customer tenant. All methods expect the caller to hold `lock`."""

    tenant_id: str
    name: str
    domain: str
    country: str
    born: float
    consumed_lag: float = 5.0
    index_lag: float = 10.0
    group_lag: float = 3.0
    # Apply the dependencies that no source confirms, too.
    strict_dependencies: bool = False
    users: dict[str, User] = field(default_factory=dict)
    by_upn: dict[str, str] = field(default_factory=dict)
    # Every user ever, in order; a next link is a place in it.
    order: list[str] = field(default_factory=list)
    deleted: dict[str, int] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    skus: dict[str, Sku] = field(default_factory=dict)
    # Soft-deleted users with the time of their deletion; they can come back.
    bin: dict[str, tuple[User, float]] = field(default_factory=dict)
    purged: dict[str, int] = field(default_factory=dict)
    relationship: str = "active"
    version: int = 1
    epoch: int = field(default_factory=lambda: next(_lives))
    # User → property → version of its last change; only of users who have changed at all.
    changes: dict[str, dict[str, int]] = field(default_factory=dict)
    # (user, SKU, group) → since when the path is as it is; left out: since the seed.
    path_times: dict[tuple[str, str, str], float] = field(default_factory=dict)
    # Work that is due at a time: licences of groups are given out later.
    pending: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    audits: deque[Audit] = field(default_factory=lambda: deque(maxlen=_AUDITS_KEPT))
    touched: set[str] = field(default_factory=set)
    touched_skus: set[str] = field(default_factory=set)
    touched_groups: set[str] = field(default_factory=set)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _old: dict[str, tuple[float, User | None]] = field(default_factory=dict)
    _unseen: list[tuple[float, str, int]] = field(default_factory=list)

    def add_user(self, user: User) -> None:
        """Put a user in; only for new ids."""
        self.users[user.user_id] = user
        self.by_upn[user.upn.casefold()] = user.user_id
        self.bin.pop(user.user_id, None)
        # One who was here before still has a place.
        if not (self.deleted.pop(user.user_id, None) or self.purged.pop(user.user_id, None)):
            self.order.append(user.user_id)

    def find(self, key: str) -> User | None:
        """Return a user by object id or sign-in name, in any letter case."""
        folded = key.casefold()
        return self.users.get(folded) or self.users.get(self.by_upn.get(folded, ""))

    def held_skus(self, user: User) -> dict[str, Disabled]:
        """Return what counts: SKU → plans that are off in every active path."""
        held: dict[str, Disabled] = {
            sku_id: disabled for sku_id, (disabled, _) in user.direct.items() if (sku_id, DIRECT) not in user.errors
        }
        for group_id in user.groups:
            for sku_id, disabled in self.groups[group_id].licenses.items():
                if (sku_id, group_id) not in user.errors:
                    held[sku_id] = held[sku_id] & disabled if sku_id in held else disabled
        return held

    def before_change(self, user_id: str) -> None:
        """Keep what the index still shows of a user that is about to change."""
        user = self.users.get(user_id)
        if user_id not in self._old or self._old[user_id][0] < time.time() - self.index_lag:
            self._old[user_id] = (time.time(), _copy(user) if user else None)

    def after_change(self, user_id: str, held_before: frozenset[str], names: Iterable[str] = LICENSES) -> None:
        """Book a change of these properties of a user: version, consumed units, index."""
        self.version += 1
        self.touched.add(user_id)
        self.changes.setdefault(user_id, {}).update(dict.fromkeys(names, self.version))
        user = self.users.get(user_id)
        held = frozenset(self.held_skus(user)) if user is not None else frozenset()
        for sku_id in held - held_before:
            self._consume(sku_id, 1)
        for sku_id in held_before - held:
            self._consume(sku_id, -1)

    def _consume(self, sku_id: str, units: int) -> None:
        sku = self.skus.get(sku_id)
        if sku is not None:
            sku.consumed += units
            if self.consumed_lag:
                self._unseen.append((time.time() + self.consumed_lag, sku_id, units))

    def group_ids(self, user: User) -> list[str]:
        """Return the groups that a user is a member of."""
        return [key for key, group in self.groups.items() if user.user_id in group.members]

    def audit(self, activity: str, user: User, before: dict[str, Disabled]) -> None:
        """Write a line of the audit log; `before` is what the user held until now."""
        number = self.audits[-1].number + 1 if self.audits else 1
        self.audits.append(Audit(number, time.time(), activity, user.user_id, user.upn, before, self.held_skus(user)))

    @staticmethod
    def now() -> float:
        """Return the present time."""
        return time.time()

    def forget_lags(self) -> None:
        """Let index and counts show everything at once, as after a restart."""
        self._old.clear()
        self._unseen.clear()

    def shown_consumed(self, sku: Sku) -> int:
        """Return the count that subscribedSkus shows: changes of the last seconds are missing."""
        now = time.time()
        self._unseen = [entry for entry in self._unseen if entry[0] > now]
        return sku.consumed - sum(units for _, sku_id, units in self._unseen if sku_id == sku.sku_id)

    def delete_user(self, user: User) -> None:
        """Soft-delete: the user leaves every list for the bin, the seats are free at once."""
        self.before_change(user.user_id)
        held = frozenset(self.held_skus(user))
        del self.users[user.user_id]
        self.by_upn.pop(user.upn.casefold(), None)
        for group_id in user.groups:
            self.groups[group_id].members.discard(user.user_id)
        self.after_change(user.user_id, held)
        self.deleted[user.user_id] = self.version
        self.bin[user.user_id] = (user, time.time())

    def purge_user(self, user_id: str) -> None:
        """Delete for good: a user in the bin can never come back."""
        del self.bin[user_id]
        self.version += 1
        self.deleted.pop(user_id, None)
        self.purged[user_id] = self.version

    def restore_user(self, user_id: str) -> User:
        """Bring a user back from the bin with groups and direct licences."""
        user, _ = self.bin.pop(user_id)
        self.before_change(user_id)
        self.deleted.pop(user_id, None)
        self.users[user_id] = user
        self.by_upn[user.upn.casefold()] = user_id
        for group_id in user.groups:
            self.groups[group_id].members.add(user_id)
        self.after_change(user_id, frozenset(), EVERYTHING)
        return user

    def settle(self) -> None:
        """Do the work whose time has come."""
        if self.pending:
            now = time.time()
            due = [work for at, work in self.pending if at <= now]
            self.pending = [entry for entry in self.pending if entry[0] > now]
            for work in due:
                work()

    def users_from(self, place: int, *, indexed: bool) -> Iterator[tuple[int, User]]:
        """Yield the users from a place in `order` on, each with its own; `indexed`: as the lagging index shows them."""
        if indexed:
            since = time.time() - self.index_lag
            self._old = {user_id: entry for user_id, entry in self._old.items() if entry[0] >= since}
        old = self._old if indexed else {}
        users = self.users
        for at, user_id in enumerate(itertools.islice(self.order, place, None), place):
            shown = old[user_id][1] if user_id in old else users.get(user_id)
            if shown is not None:
                yield at, shown


def _copy(user: User) -> User:
    """Return a copy that later changes do not reach."""
    other = copy.copy(user)
    other.direct, other.errors = dict(user.direct), dict(user.errors)
    return other
