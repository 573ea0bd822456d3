"""Finds people in all the customers that a member of staff may see: by an address in full, or a part of a name."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Lower

from customers.folding import fold
from customers.models import Customer, DirectoryUser
from customers.pasted import read_lines
from licensing_portal.staff.models import StaffUser

SHOWN = 100
# One letter or digit is in nearly every name; one kanji may be a whole one.
_SHORTEST = 2


@dataclass(frozen=True, slots=True)
class People:
    """Those who were found, by name, each with `customer` and `licences` (a number); at most SHOWN of them."""

    rows: list[DirectoryUser]
    has_more: bool = False


def is_too_short(q: str) -> bool:
    """Tell whether a question would fit nearly everybody."""
    folded = fold(q)
    return folded.isascii() and len(folded) < _SHORTEST


def find(staff: StaffUser, q: str) -> People:
    """Return whom a sign-in name, mail address or object id in full belongs to, else who has it in name or address.

    In at most three queries, each of them within the person's scope.
    """
    here = DirectoryUser.objects.filter(customer__in=Customer.objects.visible_to(staff), deleted_at__isnull=True)
    ids = _by_name(_by_key(here, q)) or _by_name(here.filter(search__contains=fold(q)))
    return People(_rows(ids[:SHOWN]), has_more=len(ids) > SHOWN)


def _by_key(here: QuerySet[DirectoryUser], q: str) -> QuerySet[DirectoryUser]:
    """Return the users whose key it is; nobody when it is none. Indexes hold the keys."""
    key = next((line.key for line in read_lines(q)), "")
    if "@" not in key:
        return here.filter(object_id=key) if key else here.none()
    # By the database's own idea of small letters, which is that of its index. Addresses are ASCII but for rare mails;
    # a search of names finds these too.
    small = here.alias(sign_in_name=Lower("user_principal_name"), address=Lower("mail"))
    return small.filter(Q(sign_in_name=key) | Q(address=key))


def _by_name(found: QuerySet[DirectoryUser]) -> list[int]:
    """Return the row ids of the first by name, one more than are shown."""
    return list(found.order_by("sort_key", "pk").values_list("pk", flat=True)[: SHOWN + 1])


def _rows(ids: Iterable[int]) -> list[DirectoryUser]:
    ids = list(ids)
    # By the related name: this app knows nothing of licences.
    rows = DirectoryUser.objects.filter(pk__in=ids).select_related("customer").annotate(licences=Count("holdings"))
    return list(rows.defer("search").order_by("sort_key", "pk")) if ids else []
