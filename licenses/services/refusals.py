"""Remembers per customer what Microsoft refused and no rule foresaw, and forgets it when the same succeeds.

Written once per change, when all its users have been read back: a refusal that hits one user while another one gets the
same is about that user, and no property of the combination.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from customers.models import Customer
from licenses.core.enabled import EnabledPlans
from licenses.core.failures import FailureKind
from licenses.core.remembered import REMEMBERED, Refused, combination, was_foreseen
from licenses.models import LicenseChange, RefusalSeen, UserChange
from licenses.services.intents import diff_of
from licenses.services.states import load_catalog, state_from_json

State = UserChange.State

# Planning looks at each of them: more than these nobody could read either.
_KEPT = 200
_WORDS = 300
_PARTS = ("on", "lacking", "given", "off")


@dataclass(slots=True)
class _Sighting:
    """A combination that a change has run into, how often, and a row that says in which words."""

    refused: Refused
    row: UserChange
    number: int = 0


def known_of(customer: Customer) -> tuple[Refused, ...]:
    """Return what is remembered of a customer, the latest first, in one query."""
    rows = RefusalSeen.objects.filter(customer=customer).order_by("-last_seen", "pk")[:_KEPT]
    # Another version may have known other kinds.
    return tuple(_refused(row) for row in rows if row.kind in FailureKind)


def note(change: LicenseChange) -> None:
    """Remember what nobody foresaw of a change that has ended, and forget what it has refuted."""
    known = {_key(one): one for one in known_of(change.customer)}
    seen = _seen(change)
    if not known and not seen:
        return
    refuted = _refuted(change, known | {key: one.refused for key, one in seen.items()})
    now = timezone.now()
    with transaction.atomic():
        if gone := refuted & known.keys():
            RefusalSeen.objects.filter(customer=change.customer, key__in=gone).delete()
        for key, one in seen.items():
            if key not in refuted:
                _remember(change.customer, key, one, now)
        # What planning does not look at could never be refuted either.
        rows = RefusalSeen.objects.filter(customer=change.customer).order_by("-last_seen", "pk")
        RefusalSeen.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[_KEPT:])).delete()


def _seen(change: LicenseChange) -> dict[str, _Sighting]:
    """Return the combinations that a change was refused for and that no rule had warned of."""
    rows = change.user_changes.filter(
        state=State.FAILED, attempts__gt=0, status=400, failure_kind__in=[kind.value for kind in REMEMBERED]
    )
    found: dict[str, _Sighting] = {}
    for row in rows.iterator(2_000):
        kind = FailureKind(row.failure_kind)
        if was_foreseen(kind, row.failure_plans, row.cautions):
            continue
        location = row.location or (row.before or {}).get("usageLocation")
        refused = combination(kind, row.failure_skus, row.failure_plans, diff_of(row), location)
        if refused is not None:
            found.setdefault(_key(refused), _Sighting(refused, row)).number += 1
    return found


def _refuted(change: LicenseChange, asked: Mapping[str, Refused]) -> set[str]:
    """Return those combinations with which a user of this change was updated."""
    told = frozenset[str]().union(*(one.on | one.lacking for one in asked.values()))
    enabled = EnabledPlans(load_catalog(change.customer), lambda plans: plans & told)
    open_ones = dict(asked)
    rows = change.user_changes.filter(state=State.UPDATED, attempts__gt=0, after__isnull=False).exclude(
        add=[], remove=[]
    )
    for row in rows.only("object_id", "add", "remove", "location", "after").iterator(2_000):
        if not open_ones:
            break
        now, diff = state_from_json(row.object_id, row.after or {}), diff_of(row)
        plans = enabled.over(now.held)
        for key in [key for key, one in open_ones.items() if one.fits(plans, diff, now.usage_location)]:
            del open_ones[key]
    return asked.keys() - open_ones.keys()


def _remember(customer: Customer, key: str, one: _Sighting, now: datetime) -> None:
    refused, row = one.refused, one.row
    parts = {name: sorted(getattr(refused, name)) for name in _PARTS}
    latest = {"last_seen": now, "code": row.code, "message": row.message}
    stored, is_new = RefusalSeen.objects.select_for_update().get_or_create(
        customer=customer,
        key=key,
        defaults=latest
        | {
            "kind": refused.kind.value,
            "combination": parts | {"location": refused.location},
            "skus": list(refused.skus),
            "plans": list(refused.plans),
            "first_seen": now,
            "number": one.number,
        },
    )
    if not is_new:
        RefusalSeen.objects.filter(pk=stored.pk).update(number=stored.number + one.number, **latest)


def _refused(row: RefusalSeen) -> Refused:
    parts: dict[str, Any] = {name: frozenset(row.combination.get(name, ())) for name in _PARTS}
    return Refused(
        kind=FailureKind(row.kind),
        location=row.combination.get("location", ""),
        skus=tuple(row.skus),
        plans=tuple(row.plans),
        seen=row.last_seen.isoformat(),
        words=row.message[:_WORDS] if row.kind == FailureKind.UNKNOWN else "",
        **parts,
    )


def _key(refused: Refused) -> str:
    """Return the digest of a kind and its combination; of what nobody understands it is one whatever the words."""
    parts: list[Iterable[str]] = [sorted(getattr(refused, name)) for name in _PARTS]
    facts = json.dumps([refused.kind.value, parts, refused.location])
    return hashlib.md5(facts.encode(), usedforsecurity=False).hexdigest()
