"""What needs attention at a customer: the reasons, and the same as conditions of queries."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

from customers.models import Customer

ACCESS_ENDS_WITHIN = timedelta(days=30)


def _access(now: Any) -> Q:
    return (
        ~Q(relationship__in=Customer.REACHABLE)
        | Q(relationship="expiring")
        | Q(relationship_ends_at__lt=now + ACCESS_ENDS_WITHIN)
    )


NEEDS: dict[str, Callable[[Any], Q]] = {
    "errors": lambda now: Q(error_users__gt=0),
    "short": lambda now: Q(short_products__gt=0),
    "over": lambda now: Q(over_licenses__gt=0),
    "access": _access,
    "any": lambda now: (
        Q(error_users__gt=0)
        | Q(short_products__gt=0)
        | Q(over_licenses__gt=0)
        | _access(now)
        | Q(relationship="none")
        | ~Q(sync_error="")
    ),
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
    counts = (
        ("bad", customer.error_users, ngettext_lazy("%(n)d user with an error", "%(n)d users with errors", "n")),
        (
            "bad",
            customer.over_licenses,
            ngettext_lazy("%(n)d license over-assigned", "%(n)d licenses over-assigned", "n"),
        ),
        (
            "warn",
            customer.short_products,
            ngettext_lazy("%(n)d product without free licenses", "%(n)d products without free licenses", "n"),
        ),
    )
    found += [Reason(kind, words % {"n": number}) for kind, number, words in counts if number]
    return found
