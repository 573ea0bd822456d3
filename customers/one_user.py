"""Finds the one user whom a typed text means: a sign-in name, a mail address, an object id, or a name."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from customers.folding import fold, one_line
from customers.models import Customer, DirectoryUser
from customers.pasted import read_lines
from licensing_portal.lists import listed

_LONGEST = 400
# Users who are read to tell the one from those whose names hold the text too.
_MOST = 200
# Users who are offered to choose from, and those of them whom the sentence names.
_OFFERED, _NAMED = 10, 3


@dataclass(frozen=True, slots=True)
class Meant:
    """The user whom a text means; without one the reason, and users to choose from."""

    user: DirectoryUser | None = None
    reason: str = ""
    candidates: tuple[DirectoryUser, ...] = ()


def find_one(customer: Customer, typed: str) -> Meant:
    """Return the customer's user whom a text means, in one query."""
    text = one_line(typed)[:_LONGEST]
    if not text:
        return Meant(reason=_("Name a user."))
    lines = read_lines(text)
    key = lines[0].key if len(lines) == 1 else ""
    users = DirectoryUser.objects.of(customer)
    if key and "@" not in key:
        exact = found = list(users.filter(object_id=key))
    else:
        folded = fold(key or text)
        found = list(users.filter(search__contains=folded).order_by("sort_key", "id")[: _MOST + 1])
        exact = _exact(found, folded) or _by_part(found, folded)
    if len(exact) == 1:
        return Meant(exact[0])
    return Meant(reason=_reason(text[:100], found), candidates=tuple(found[:_OFFERED]))


def _exact(found: list[DirectoryUser], text: str) -> list[DirectoryUser]:
    """Return the users who are called so; a sign-in name or mail address counts before a name."""
    by_address = [user for user in found if text in (fold(user.user_principal_name), fold(user.mail))]
    return by_address or [user for user in found if "@" not in text and text == fold(user.display_name)]


def _by_part(found: list[DirectoryUser], text: str) -> list[DirectoryUser]:
    """Return the only user who is found if the text is a part of a name; none for an address.

    Of an address a part is another address. A department may have one user alone, and is nobody's name.
    """
    if "@" in text or len(found) != 1:
        return []
    user = found[0]
    return found if any(text in fold(name) for name in (user.display_name, user.user_principal_name, user.mail)) else []


def _reason(text: str, found: list[DirectoryUser]) -> str:
    if not found:
        return _("No user has the name, sign-in name, mail address or object ID “%(text)s”.") % {"text": text}
    if len(found) > _MOST:
        return _("More than %(n)d users match “%(text)s”. Type a whole sign-in name.") % {"n": _MOST, "text": text}
    names = listed(f"{user.display_name} ({user.user_principal_name})" for user in found[:_NAMED])
    if len(found) == 1:
        words = _("No user is called “%(text)s”. If you mean %(names)s, type that sign-in name.")
        return words % {"text": text, "names": names}
    words = _("%(n)d users match “%(text)s”. Type a whole sign-in name, for example of %(names)s.")
    return words % {"n": len(found), "text": text, "names": names}
