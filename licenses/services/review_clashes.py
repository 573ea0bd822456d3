"""The clashes that a draft would run into, by their number of users, each with the repairs that would avoid it."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count, Min

from licenses.core.catalog import Catalog
from licenses.core.repair import Act, repairs
from licenses.core.triage import FailureKind
from licenses.messages import explanation
from licenses.models import LicenseChange, UserChange
from licenses.services.intents import diff_of, state_before
from licenses.services.naming import Names
from licenses.services.repair import Offer, named
from licensing_portal.lists import listed

# So many different outcomes are looked at.
_OUTCOMES = 200

type _Key = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewClash:
    """A clash that the rules foresee for so many users, and what would avoid it for all users of the draft."""

    title: str
    plans: str
    users: int
    offers: tuple[Offer, ...]


def review_clashes(change: LicenseChange, catalog: Catalog) -> list[ReviewClash]:
    """Return the foreseen clashes of a draft, the most users first."""
    counted, firsts = _counted(change)
    may_mend = change.kind != LicenseChange.Kind.UNDO
    names = Names(change.customer, (), {plan for _kind, plans in counted for plan in plans})
    names.learn(catalog.names)
    return [
        ReviewClash(
            title=str(explanation(kind).title),
            plans=listed(names.plan(plan) for plan in plans),
            users=users,
            offers=_offers((kind, plans), firsts[kind, plans], catalog, names) if may_mend else (),
        )
        for (kind, plans), users in counted.most_common()
    ]


def offered(change: LicenseChange, code: str, catalog: Catalog) -> Offer | None:
    """Return the repair that a code names, as far as Review offers it for this draft."""
    offers = (offer for clash in review_clashes(change, catalog) for offer in clash.offers)
    return next((offer for offer in offers if offer.repair.code == code), None)


def _counted(change: LicenseChange) -> tuple[Counter[_Key], dict[_Key, UserChange]]:
    """Return the users per clash, and one of them each, by looking at one user per outcome."""
    outcomes = change.user_changes.filter(state=UserChange.State.PENDING).exclude(cautions=[]).order_by()
    groups = outcomes.values("outcome_key").annotate(number=Count("pk"), first=Min("pk")).order_by("-number")
    numbers = {group["first"]: group["number"] for group in groups[:_OUTCOMES]}
    counted: Counter[_Key] = Counter()
    firsts: dict[_Key, UserChange] = {}
    for pk, row in UserChange.objects.in_bulk(list(numbers)).items():
        for caution in row.cautions:
            key = caution["kind"], tuple(caution["plans"])
            counted[key] += numbers[pk]
            firsts.setdefault(key, row)
    return counted, firsts


def _offers(key: _Key, row: UserChange, catalog: Catalog, names: Names) -> tuple[Offer, ...]:
    kind, plans = key
    found = repairs(FailureKind(kind), plans, state_before(row), diff_of(row), catalog)
    return tuple(named(repair, names) for repair in found if repair.act != Act.RETRY)
