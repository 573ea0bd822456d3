"""The clashes that a draft would run into, by their number of users, each with the repairs that would avoid it."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Min

from licenses.core.catalog import Catalog
from licenses.core.failures import FailureKind
from licenses.core.repair import Act, Repair, repairs
from licenses.models import LicenseChange, UserChange
from licenses.services.intents import diff_of, state_before
from licenses.services.naming import Names
from licenses.services.outcomes import mentioned, warning
from licenses.services.repair import Offer, named, sensible
from licenses.services.states import load_catalog
from licenses.services.wishes import wish_from_json

# So many different outcomes are looked at.
_OUTCOMES = 200

# A row's caution as it is stored.
type _Caution = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewClash:
    """A clash that is foreseen for so many users, and what would avoid it for all users of the draft."""

    text: str
    users: int
    offers: tuple[Offer, ...]


def review_clashes(change: LicenseChange) -> list[ReviewClash]:
    """Return the foreseen clashes of a draft, the most users first."""
    counted, firsts = _counted(change)
    if not counted:
        return []
    catalog = load_catalog(change.customer)
    names = Names(change.customer, *mentioned(firsts.values()))
    names.learn(catalog.names)
    # An undo has no wish: it is planned from what people had.
    wish = None if change.kind == LicenseChange.Kind.UNDO else wish_from_json(change.wish)
    found = []
    for key, users in counted.most_common():
        caution = json.loads(key)
        mending = sensible(_repairs(caution, firsts[key], catalog), wish) if wish is not None else ()
        offers = tuple(named(repair, names) for repair in mending)
        found.append(ReviewClash(text=warning(caution, names), users=users, offers=offers))
    return found


def offered(change: LicenseChange, code: str) -> Repair | None:
    """Return the repair that a code names, as far as Review offers it for this draft."""
    found = [offer.repair for clash in review_clashes(change) for offer in clash.offers]
    found += filter(None, (without(change, line["skuId"]) for line in change.seats if line["short"]))
    return next((repair for repair in found if repair.code == code), None)


def without(change: LicenseChange, sku_id: str) -> Repair | None:
    """Return the repair that leaves one product out, which is short; None when nothing sensible would be left."""
    if change.kind == LicenseChange.Kind.UNDO:
        return None
    return next(iter(sensible([Repair(act=Act.WITHOUT, sku_id=sku_id)], wish_from_json(change.wish))), None)


def _counted(change: LicenseChange) -> tuple[Counter[str], dict[str, UserChange]]:
    """Return the users per caution (as text), and one of them each, by looking at one user per outcome."""
    outcomes = change.user_changes.filter(state=UserChange.State.PENDING).exclude(cautions=[]).order_by()
    groups = outcomes.values("outcome_key").annotate(number=Count("pk"), first=Min("pk")).order_by("-number")
    numbers = {group["first"]: group["number"] for group in groups[:_OUTCOMES]}
    counted: Counter[str] = Counter()
    firsts: dict[str, UserChange] = {}
    for pk, row in UserChange.objects.in_bulk(list(numbers)).items():
        for caution in row.cautions:
            key = json.dumps(caution, sort_keys=True)
            counted[key] += numbers[pk]
            firsts.setdefault(key, row)
    return counted, firsts


def _repairs(caution: _Caution, row: UserChange, catalog: Catalog) -> tuple[Repair, ...]:
    kind = FailureKind(caution["kind"])
    found = repairs(kind, caution["plans"], state_before(row), diff_of(row), catalog, caution["skus"])
    return tuple(repair for repair in found if repair.act != Act.RETRY)
