"""What needs attention at a customer: the reasons, and the same as conditions of queries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers.models import Customer

ACCESS_ENDS_WITHIN = timedelta(days=30)

type Condition = Callable[[datetime], Q]


def _has_ended(now: datetime) -> Q:
    return ~Q(relationship__in=Customer.REACHABLE) | Q(relationship_ends_at__lt=now)


def _is_ending(now: datetime) -> Q:
    soon = Q(relationship="expiring") | Q(relationship_ends_at__lt=now + ACCESS_ENDS_WITHIN)
    return ~_has_ended(now) & soon


# Not listed by Microsoft, or not asked for yet.
_UNLISTED = ("", "none")

# What the partner may do at a customer; every customer is in exactly one of them.
RELATIONSHIPS: Mapping[str, Condition] = {
    "active": lambda now: ~_has_ended(now) & ~_is_ending(now) & ~Q(relationship__in=_UNLISTED),
    "expiring": _is_ending,
    "ended": _has_ended,
    "unknown": lambda now: ~_has_ended(now) & ~_is_ending(now) & Q(relationship__in=_UNLISTED),
}
# A product whose licenses are all in use may be just as it should be: it can be filtered by, but needs no attention.
NEEDS: Mapping[str, Condition] = {
    "any": lambda now: (
        NEEDS["errors"](now) | NEEDS["over"](now) | NEEDS["access"](now) | Q(relationship="none") | ~Q(sync_error="")
    ),
    "errors": lambda now: Q(error_users__gt=0),
    "short": lambda now: Q(short_products__gt=0),
    "over": lambda now: Q(over_licenses__gt=0),
    "access": lambda now: _has_ended(now) | _is_ending(now),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing to look at: how bad it is (an icon's name) and the words."""

    kind: str
    text: str


def reasons(customer: Customer, now: datetime) -> list[Reason]:
    """Return what needs attention, the worst first."""
    found: list[Reason] = []
    ends_at = customer.relationship_ends_at
    if not customer.is_reachable or (ends_at and ends_at < now):
        found.append(Reason("bad", _("access has ended")))
    elif customer.relationship == "expiring" or (ends_at and ends_at < now + ACCESS_ENDS_WITHIN):
        found.append(Reason("warn", _("access ends soon")))
    elif customer.relationship == "none":
        found.append(Reason("warn", _("no admin relationship is listed")))
    if customer.sync_error:
        found.append(Reason("bad", _("could not be read")))
    if n := customer.error_users:
        found.append(Reason("bad", ngettext("%(n)d user with an error", "%(n)d users with errors", n) % {"n": n}))
    if n := customer.over_licenses:
        words = ngettext("%(n)d license over-assigned", "%(n)d licenses over-assigned", n)
        found.append(Reason("bad", words % {"n": n}))
    return found
