"""Who holds what, by which path: directly or assigned by group (graph-api.md 2.2 and 6.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from licenses.core.catalog import Catalog, GroupId, PlanId, SkuId, UserId

DIRECT: Final = "direct"


class PathState(StrEnum):
    """State of one path, in Graph's words."""

    ACTIVE = "Active"
    ACTIVE_WITH_ERROR = "ActiveWithError"
    DISABLED = "Disabled"
    ERROR = "Error"

    # Whether a path in this state gives the user the product. Kept on the member: it is asked millions of times.
    holds: bool

    def __init__(self, word: str) -> None:
        self.holds = word in ("Active", "ActiveWithError")

    @classmethod
    def parse(cls, text: str) -> "PathState":
        """Return the state of any letter case; an unknown word counts as Active, for the service lists it."""
        return _STATES.get(text) or _STATES.get(text.casefold(), cls.ACTIVE)


_STATES = {word: state for state in PathState for word in (state.value, state.value.casefold())}


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One way in which a user was given a SKU; `via` is a group's object id or DIRECT."""

    via: str
    disabled: frozenset[PlanId] = frozenset()
    state: PathState = PathState.ACTIVE
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """All paths of one SKU for one user."""

    paths: tuple[Path, ...]

    @property
    def active(self) -> tuple[Path, ...]:
        """Paths that give the product."""
        return tuple(path for path in self.paths if path.state.holds)

    @property
    def holds(self) -> bool:
        """Whether the user has the product by any path."""
        if len(self.paths) == 1:
            return self.paths[0].state.holds
        return any(path.state.holds for path in self.paths)

    @property
    def direct(self) -> Path | None:
        """The active direct path."""
        for path in self.paths:
            if path.via == DIRECT and path.state.holds:
                return path
        return None

    @property
    def any_direct(self) -> Path | None:
        """The direct path, even one in error that gives nothing."""
        return next((path for path in self.paths if path.via == DIRECT), None)

    @property
    def by_group(self) -> tuple[Path, ...]:
        """Paths by group that give the product."""
        return tuple(path for path in self.paths if path.via != DIRECT and path.state.holds)

    @property
    def groups(self) -> tuple[GroupId, ...]:
        """Groups that give the product, sorted."""
        return tuple(sorted(path.via for path in self.by_group))

    @property
    def disabled(self) -> frozenset[PlanId]:
        """Plans that are off: off in every active path, for the plans of all paths add up."""
        if len(self.paths) == 1:
            return self.paths[0].disabled if self.paths[0].state.holds else frozenset()
        active = self.active
        if not active:
            return frozenset()
        return frozenset.intersection(*(path.disabled for path in active))


@dataclass(frozen=True, slots=True, kw_only=True)
class UserState:
    """One user as far as licensing is concerned."""

    user_id: UserId
    usage_location: str | None = None
    held: Mapping[SkuId, Held]
    enabled: bool = True
    guest: bool = False
    exists: bool = True

    def holds(self, sku_id: SkuId) -> bool:
        """Tell whether the user has a product by any path."""
        held = self.held.get(sku_id)
        return held is not None and held.holds

    def enabled_plans(self, catalog: Catalog) -> frozenset[PlanId]:
        """Return the plans that are on over everything the user holds."""
        plans: set[PlanId] = set()
        for sku_id, held in self.held.items():
            sku = catalog.get(sku_id)
            if sku is not None and held.holds:
                plans |= sku.plan_ids - held.disabled
        return frozenset(plans)
