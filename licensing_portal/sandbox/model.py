"""State of one tenant: users, groups, products; every change goes through `Tenant` so that lags and deltas are kept."""

import copy
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

type Disabled = frozenset[str]


def iso(moment: float) -> str:
    """Return a time as Graph prints it."""
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


@dataclass(slots=True)
class User:
    """A user; `direct` maps a SKU to its switched-off plans and the time of the assignment."""

    user_id: str
    upn: str
    name: str
    given_name: str = ""
    surname: str = ""
    mail: str | None = None
    enabled: bool = True
    user_type: str = "Member"
    location: str | None = None
    on_premises: bool | None = None
    department: str | None = None
    job_title: str | None = None
    direct: dict[str, tuple[Disabled, float]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    # (SKU, group) → error of that path.
    errors: dict[tuple[str, str], str] = field(default_factory=dict)
    version: int = 0


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
    # Apply the dependencies that no source confirms, too.
    strict_dependencies: bool = False
    users: dict[str, User] = field(default_factory=dict)
    by_upn: dict[str, str] = field(default_factory=dict)
    # Every user ever, in order; a next link is a place in it.
    order: list[str] = field(default_factory=list)
    deleted: dict[str, int] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    skus: dict[str, Sku] = field(default_factory=dict)
    relationship: str = "active"
    version: int = 1
    epoch: int = 1
    touched: set[str] = field(default_factory=set)
    touched_skus: set[str] = field(default_factory=set)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _old: dict[str, tuple[float, User | None]] = field(default_factory=dict)
    _unseen: list[tuple[float, str, int]] = field(default_factory=list)

    def add_user(self, user: User) -> None:
        """Put a user in; only for new ids."""
        self.users[user.user_id] = user
        self.by_upn[user.upn.casefold()] = user.user_id
        self.order.append(user.user_id)

    def find(self, key: str) -> User | None:
        """Return a user by object id or sign-in name, in any letter case."""
        folded = key.casefold()
        return self.users.get(folded) or self.users.get(self.by_upn.get(folded, ""))

    def held_skus(self, user: User) -> dict[str, Disabled]:
        """Return what counts: SKU → plans that are off in every active path."""
        held: dict[str, Disabled] = {sku_id: disabled for sku_id, (disabled, _) in user.direct.items()}
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

    def after_change(self, user_id: str, held_before: frozenset[str]) -> None:
        """Book a user's change: version, consumed units, index."""
        self.version += 1
        self.touched.add(user_id)
        user = self.users.get(user_id)
        if user is not None:
            user.version = self.version
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
        """Soft-delete: the user leaves every list, the seats are free at once."""
        self.before_change(user.user_id)
        held = frozenset(self.held_skus(user))
        del self.users[user.user_id]
        self.by_upn.pop(user.upn.casefold(), None)
        for group_id in user.groups:
            self.groups[group_id].members.discard(user.user_id)
        self.after_change(user.user_id, held)
        self.deleted[user.user_id] = self.version

    def indexed_users(self) -> Iterator[User]:
        """Yield the users as the lagging index shows them."""
        since = time.time() - self.index_lag
        self._old = {user_id: entry for user_id, entry in self._old.items() if entry[0] >= since}
        for user_id in self.order:
            if user_id in self._old:
                old = self._old[user_id][1]
                if old is not None:
                    yield old
            elif user_id in self.users:
                yield self.users[user_id]


def _copy(user: User) -> User:
    """Return a copy that later changes do not reach."""
    other = copy.copy(user)
    other.direct, other.errors = dict(user.direct), dict(user.errors)
    return other
