"""Finds the clashes that are foreseen in a user's state after a save: by the rules, and by what was refused before."""

from collections.abc import Sequence
from dataclasses import dataclass

from licenses.core.catalog import Catalog, PlanId, SkuId
from licenses.core.diff import LicenseAdd, UserDiff
from licenses.core.enabled import EnabledPlans
from licenses.core.failures import FailureKind
from licenses.core.holdings import UserState
from licenses.core.remembered import Refused
from licenses.core.rules import REFUSING_LOCATIONS, RULED_PLANS, clashes, forbidden, missing_dependencies


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """A clash that is foreseen; it is sent all the same.

    `seen` is empty for a rule's, else when Microsoft last refused the same (ISO 8601), and `words` what it said.
    """

    kind: FailureKind
    plans: tuple[PlanId, ...] = ()
    skus: tuple[SkuId, ...] = ()
    seen: str = ""
    words: str = ""


type _Call = tuple[frozenset[PlanId], tuple[LicenseAdd, ...], str | None]


class Foresight:
    """Finds what stands in the way of users, once for those who have the same plans on."""

    def __init__(self, catalog: Catalog, refused: Sequence[Refused] = ()) -> None:
        told = RULED_PLANS.union(*(one.on | one.lacking for one in refused))
        self._told = EnabledPlans(catalog, lambda plans: plans & told)
        self._about_plans = tuple(one for one in refused if one.is_about_plans)
        self._about_calls = tuple(one for one in refused if not one.is_about_plans)
        self._known: dict[frozenset[PlanId], tuple[Caution, ...]] = {}
        self._known_calls: dict[_Call, tuple[Caution, ...]] = {}

    def __call__(self, after: UserState, diff: UserDiff) -> tuple[Caution, ...]:
        """Return the cautions for one user whose licences change."""
        if not (diff.add or diff.remove):
            return ()
        plans = self._told.over(after.held)
        found = self._known.get(plans)
        if found is None:
            by_rules = _clashes(plans)
            found = self._known[plans] = by_rules + _again(self._about_plans, by_rules, plans, diff, None)
        if after.usage_location in REFUSING_LOCATIONS:
            added = frozenset().union(*(self._told.of(add.sku_id, add.disabled) for add in diff.add))
            if closed := forbidden(added, after.usage_location):
                found = (*found, Caution(kind=FailureKind.LOCATION_FORBIDDEN, plans=closed))
        return found + self._of_call(plans, diff, after.usage_location, found) if self._about_calls else found

    def _of_call(
        self, plans: frozenset[PlanId], diff: UserDiff, location: str | None, others: tuple[Caution, ...]
    ) -> tuple[Caution, ...]:
        """Return the warnings that depend on what is sent; thousands of users are sent the same."""
        call = (plans, diff.add, location)
        found = self._known_calls.get(call)
        if found is None:
            found = self._known_calls[call] = _again(self._about_calls, others, plans, diff, location)
        return found


def _again(
    refused: Sequence[Refused],
    others: Sequence[Caution],
    plans: frozenset[PlanId],
    diff: UserDiff,
    location: str | None,
) -> tuple[Caution, ...]:
    """Return the warnings of what was refused before, where no rule warns of the same."""
    return tuple(
        Caution(kind=one.kind, plans=one.plans, skus=one.skus, seen=one.seen, words=one.words)
        for one in refused
        if one.fits(plans, diff, location) and not any(_says_the_same(caution, one) for caution in others)
    )


def _says_the_same(caution: Caution, one: Refused) -> bool:
    if caution.kind != one.kind:
        return False
    return not one.plans or not caution.plans or bool(set(one.plans).intersection(caution.plans))


def _clashes(plans: frozenset[PlanId]) -> tuple[Caution, ...]:
    """Return what this set of enabled plans breaks, wherever the user is."""
    exclusive = (Caution(kind=FailureKind.EXCLUSIVE, plans=clash.plans) for clash in clashes(plans))
    missing = (
        Caution(kind=FailureKind.DEPENDENCY, plans=(gap.plan_id, *gap.needs)) for gap in missing_dependencies(plans)
    )
    return (*exclusive, *missing)
