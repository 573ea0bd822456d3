"""What Microsoft refused to combine and no rule foresaw: kept per tenant, and foreseen from then on.

A refusal is remembered as the combination that it speaks of, not as the user whom it hit (design, section 5, rule 5).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from licenses.core.catalog import PlanId, SkuId
from licenses.core.diff import UserDiff
from licenses.core.failures import FailureKind

# Kinds that are a property of the combination. The others concern this user, this moment or our access.
REMEMBERED = frozenset(
    {
        FailureKind.EXCLUSIVE,
        FailureKind.DEPENDENCY,
        FailureKind.LOCATION_FORBIDDEN,
        FailureKind.BAD_PLAN,
        FailureKind.NOT_USER_SKU,
        FailureKind.UNKNOWN,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A combination that was refused: all its parts at once; an empty part asks for nothing.

    `on` plans are on and none of `lacking` is, `given` products are sent, with the plans `off`, at a usage location.
    `skus` and `plans` are what Microsoft named; `seen` is when it last happened (ISO 8601), `words` are Microsoft's.
    """

    kind: FailureKind
    on: frozenset[PlanId] = frozenset()
    lacking: frozenset[PlanId] = frozenset()
    given: frozenset[SkuId] = frozenset()
    off: frozenset[PlanId] = frozenset()
    location: str = ""
    skus: tuple[SkuId, ...] = ()
    plans: tuple[PlanId, ...] = ()
    seen: str = ""
    words: str = ""

    @property
    def is_about_plans(self) -> bool:
        """Whether the plans that a user has on say everything: by which call they came does not matter."""
        return not (self.given or self.off or self.location)

    def fits(self, plans_on: frozenset[PlanId], diff: UserDiff, location: str | None) -> bool:
        """Tell whether a call that ends with these plans on is of this combination."""
        if not self.on <= plans_on or self.lacking & plans_on or (self.location and self.location != location):
            return False
        if self.given and not self.given <= {add.sku_id for add in diff.add}:
            return False
        return not self.off or self.off <= frozenset().union(*(add.disabled for add in diff.add))


def combination(
    kind: FailureKind, skus: Sequence[SkuId], plans: Sequence[PlanId], diff: UserDiff, location: str | None
) -> Refused | None:
    """Return the combination that a refusal speaks of; None when it says nothing that could come again.

    Where Microsoft names no plans, the products that were given stand for them.
    """
    if kind not in REMEMBERED:
        return None
    given = frozenset(add.sku_id for add in diff.add)
    named = given.intersection(skus) or given
    found = Refused(kind=kind, skus=tuple(skus) or (() if plans else tuple(sorted(named))), plans=tuple(plans))
    if kind == FailureKind.EXCLUSIVE and len(plans) > 1:
        return replace(found, on=frozenset(plans))
    if kind == FailureKind.DEPENDENCY and len(plans) > 1:
        return replace(found, on=frozenset(plans[:1]), lacking=frozenset(plans[1:]))
    if not given:
        return None
    if kind == FailureKind.LOCATION_FORBIDDEN:
        return replace(found, given=named, on=frozenset(plans), location=location or "")
    if kind == FailureKind.BAD_PLAN:
        return replace(found, given=named, off=frozenset(plans))
    if kind == FailureKind.DEPENDENCY:
        return replace(found, given=named, on=frozenset(plans))
    # A refusal that nobody understands is about everything that was sent.
    return replace(found, given=given if kind == FailureKind.UNKNOWN else named)


def was_foreseen(kind: FailureKind, plans: Sequence[PlanId], cautions: Sequence[Mapping[str, object]]) -> bool:
    """Tell whether a rule has warned of this refusal; `cautions` are those of the stored row.

    A warning out of this memory is none: it would never be brought up to date.
    """
    return any(
        caution["kind"] == kind and not caution.get("seen") and _overlap(plans, caution["plans"])
        for caution in cautions
    )


def _overlap(plans: Sequence[PlanId], others: object) -> bool:
    """Tell whether two refusals of one kind may be about the same plans."""
    known = set(others) if isinstance(others, list | tuple) else set()
    return not plans or not known or bool(known.intersection(plans))
