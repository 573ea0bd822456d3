"""Finds people in all the customers that a member of staff may see: by an address in full, or a part of a name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from unicodedata import category, name

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Lower

from customers.folding import fold
from customers.models import Customer, DirectoryUser
from customers.pasted import read_lines
from licensing_portal.staff.models import StaffUser

SHOWN = 100
# Two letters or digits are in nearly every address, and one kana in many names; one kanji may be a whole name.
_SHORTEST, _SHORTEST_IN_KANA = 3, 2
# Customers of one statement; SQLite takes at most 500 parts.
_CUSTOMERS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class People:
    """Those who were found, by name, each with `customer` and `licences` (a number); at most SHOWN of them."""

    rows: list[DirectoryUser]
    has_more: bool = False


def is_too_short(q: str) -> bool:
    """Tell whether a question would fit nearly everybody."""
    folded = fold(q)
    if folded.isascii():
        return len(folded) < _SHORTEST
    is_word = (
        len(folded) == 1 and category(folded) == "Lo" and not name(folded, "").startswith(("HIRAGANA", "KATAKANA"))
    )
    return not is_word and len(folded) < _SHORTEST_IN_KANA


def find(staff: StaffUser, q: str) -> People:
    """Return whom a sign-in name, mail address or object id in full belongs to, else who has it in name or address.

    In at most four queries (more with hundreds of customers), each of them within the person's scope.
    """
    customers = Customer.objects.visible_to(staff)
    here = DirectoryUser.objects.filter(customer__in=customers, deleted_at__isnull=True)
    ids = _by_name(_by_key(here, q)) or _by_part(list(customers.values_list("pk", flat=True)), fold(q))
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


def _by_part(customers: Sequence[int], text: str) -> list[int]:
    """Return the row ids of the first by name who have a text in name, address or department, one more than are shown.

    Each customer's users are walked along their names no further than to as many: sorting all who have it takes long.
    """
    found: list[tuple[str, int]] = []
    for start in range(0, len(customers), _CUSTOMERS_AT_ONCE):
        parts = [_first_of(customer, text) for customer in customers[start : start + _CUSTOMERS_AT_ONCE]]
        some = parts[0].union(*parts[1:], all=True).order_by("sort_key", "pk")
        found += some[: SHOWN + 1]
    return [pk for _name, pk in sorted(found)[: SHOWN + 1]]


def _first_of(customer: int, text: str) -> QuerySet[DirectoryUser, tuple[str, int]]:
    having = DirectoryUser.objects.filter(customer=customer, deleted_at__isnull=True, search__contains=text)
    # SQLite takes no limit in a part of a union, but within it.
    first = having.order_by("sort_key", "pk").values("pk")[: SHOWN + 1]
    return DirectoryUser.objects.filter(pk__in=first).order_by().values_list("sort_key", "pk")


def _by_name(found: QuerySet[DirectoryUser]) -> list[int]:
    """Return the row ids of the first by name, one more than are shown."""
    return list(found.order_by("sort_key", "pk").values_list("pk", flat=True)[: SHOWN + 1])


def _rows(ids: Iterable[int]) -> list[DirectoryUser]:
    ids = list(ids)
    # By the related name: this app knows nothing of licences.
    rows = DirectoryUser.objects.filter(pk__in=ids).select_related("customer").annotate(licences=Count("holdings"))
    return list(rows.defer("search").order_by("sort_key", "pk")) if ids else []
