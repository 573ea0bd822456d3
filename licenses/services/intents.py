"""Turns a planned user into an outbox row, and an outbox row into what is sent and compared."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from customers.models import DirectoryUser
from licenses.core.catalog import SkuId
from licenses.core.diff import Kept, LicenseAdd, UserDiff
from licenses.core.failures import Failure
from licenses.core.foresight import Caution
from licenses.core.holdings import UserState
from licenses.core.planning import UserPlan
from licenses.models import LicenseChange, UserChange
from licenses.services.states import state_from_json, state_to_json


@dataclass(frozen=True, slots=True)
class Person:
    """What a row copies of a user, so that history survives the user's deletion."""

    pk: int
    object_id: str
    user_principal_name: str
    display_name: str
    sort_key: str


def people(pks: list[int]) -> dict[int, Person]:
    """Return the people of these row ids, in one query per 5,000."""
    fields = ("pk", "object_id", "user_principal_name", "display_name", "sort_key")
    found: dict[int, Person] = {}
    for start in range(0, len(pks), 5_000):
        rows = DirectoryUser.objects.filter(pk__in=pks[start : start + 5_000]).values_list(*fields)
        found.update((row[0], Person(*row)) for row in rows)
    return found


def build_row(change: LicenseChange, plan: UserPlan, person: Person, *, position: int, now: datetime) -> UserChange:
    """Return the outbox row of one planned user; one that needs no call is in its end state at once."""
    diff = plan.diff
    row = UserChange(
        change=change,
        user_id=person.pk,
        object_id=person.object_id,
        user_principal_name=person.user_principal_name,
        display_name=person.display_name,
        sort_key=person.sort_key,
        position=position,
        step=UserChange.Step.LOCATION if diff.location else UserChange.Step.LICENCES,
        add=_adds(diff.add),
        remove=list(diff.remove),
        location=diff.location or "",
        kept=_kept(diff.kept),
        cautions=_cautions(plan.cautions),
        before=state_to_json(plan.state_before),
    )
    if plan.refusal:
        row.state = UserChange.State.FAILED
        write_failure(row, plan.refusal)
    elif diff.is_empty:
        row.state = UserChange.State.UPDATED
    if row.state != UserChange.State.PENDING:
        row.finished_at = now
    row.outcome_key = _planned_key(diff.add, diff.remove, diff.location, diff.kept, plan.cautions, plan.refusal)
    return row


@lru_cache(maxsize=4_096)
def _planned_key(
    add: tuple[LicenseAdd, ...],
    remove: tuple[SkuId, ...],
    location: str | None,
    kept: tuple[Kept, ...],
    cautions: tuple[Caution, ...],
    refusal: Failure | None,
) -> str:
    """Return the digest of a planned outcome; of 50,000 users most share a few."""
    row = UserChange(
        add=_adds(add), remove=list(remove), location=location or "", kept=_kept(kept), cautions=_cautions(cautions)
    )
    if refusal:
        write_failure(row, refusal)
    return outcome_key(row)


def _adds(adds: tuple[LicenseAdd, ...]) -> list[dict[str, Any]]:
    return [{"skuId": add.sku_id, "disabledPlans": sorted(add.disabled)} for add in adds]


def _kept(kept: tuple[Kept, ...]) -> list[dict[str, Any]]:
    return [{"skuId": one.sku_id, "planId": one.plan_id, "groups": list(one.groups)} for one in kept]


def _cautions(cautions: tuple[Caution, ...]) -> list[dict[str, Any]]:
    return [_caution(one) for one in cautions]


def _caution(one: Caution) -> dict[str, object]:
    found: dict[str, object] = {"kind": one.kind.value, "plans": list(one.plans), "skus": list(one.skus)}
    return found | {"seen": one.seen, "words": one.words} if one.seen else found


def write_failure(row: UserChange, failure: Failure) -> None:
    """Copy why a user failed into the row: our kind, and Microsoft's own words."""
    row.failure_kind = failure.kind.value
    row.failure_skus = list(failure.skus)
    row.failure_plans = list(failure.plans)
    row.status = failure.status
    row.code = failure.code[:100]
    row.message = failure.message
    row.request_id = failure.request_id[:64]


def outcome_key(row: UserChange) -> str:
    """Return the digest that equal outcomes share; of users who are refused the reason alone, for nothing happens."""
    deeds = [] if row.failure_kind else [row.add, row.remove, row.location, row.kept, row.cautions]
    facts = [*deeds, row.failure_kind, row.failure_skus]
    return hashlib.md5(json.dumps(facts, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def diff_of(row: UserChange) -> UserDiff:
    """Return what the row wants, in the core's terms."""
    return UserDiff(
        user_id=row.object_id,
        add=tuple(LicenseAdd(sku_id=add["skuId"], disabled=frozenset(add["disabledPlans"])) for add in row.add),
        remove=tuple(row.remove),
        location=row.location or None,
        kept=(),
    )


def state_before(row: UserChange) -> UserState:
    """Return the user's state when the change was planned."""
    before: Mapping[str, object] = row.before or {}
    return state_from_json(row.object_id, before)


def newly_given(row: UserChange) -> set[SkuId]:
    """Return the products that the row gives the user, and that they hold by no path."""
    before = state_before(row)
    return {add["skuId"] for add in row.add if not before.holds(add["skuId"])}
