"""Finds the users whom pasted lines name: who is found, and what is wrong with the other lines."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers.models import Customer, DirectoryUser
from customers.pasted import Line, fold_address

# Users named by a line that fits several.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that selects nobody, and why; `is_unknown`: it names somebody whom we do not know."""

    line: Line
    reason: str
    is_unknown: bool = False


@dataclass(slots=True)
class Found:
    """Who was found: the line by the user's row id, in the order of the lines."""

    lines: dict[int, Line] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def unknown(self) -> list[str]:
        """What the lines name of which no user is known, each once, in their order."""
        return list(dict.fromkeys(problem.line.key for problem in self.problems if problem.is_unknown))


@dataclass(frozen=True, slots=True)
class AtMicrosoft:
    """What Microsoft was asked for: the keys of lines, and those that fit a user, by the user's object id.

    A user may have other addresses than the two that we keep.
    """

    asked: Collection[str] = frozenset()
    keys: Mapping[str, Collection[str]] = field(default_factory=dict)


def find_users(customer: Customer, lines: Sequence[Line], answers: AtMicrosoft | None = None) -> Found:
    """Look up the lines among the customer's users, in two queries however many lines there are."""
    answers = answers or AtMicrosoft()
    owners = _owners(customer, {line.key for line in lines if line.key}, answers.keys)
    names = _names(pk for pks in owners.values() if len(pks) > 1 for pk in pks)
    found = Found()
    for line in lines:
        pks = owners.get(line.key, [])
        if len(pks) == 1 and pks[0] not in found.lines:
            found.lines[pks[0]] = line
        else:
            reason = _reason(line, pks, found, names, answers.asked)
            found.problems.append(Problem(line, reason, is_unknown=bool(line.key) and not pks))
    return found


def _owners(customer: Customer, keys: set[str], also: Mapping[str, Collection[str]]) -> dict[str, list[int]]:
    """Return the row ids of the users that each key fits by object id, sign-in name or mail, or `also` by their id."""
    users = DirectoryUser.objects.of(customer).order_by("sort_key", "id")
    rows = users.values_list("pk", "object_id", "user_principal_name", "mail")
    owners: dict[str, list[int]] = {}
    # Folded here: neither database compares full-width letters and all alphabets without case.
    for pk, object_id, sign_in_name, mail in rows.iterator(chunk_size=5_000):
        for key in {object_id, fold_address(sign_in_name), fold_address(mail), *also.get(object_id, ())} & keys:
            owners.setdefault(key, []).append(pk)
    return owners


def _names(pks: Iterable[int]) -> dict[int, str]:
    """Return what tells users apart who fit the same line."""
    rows = DirectoryUser.objects.filter(pk__in=set(pks)).values_list("pk", "display_name", "user_principal_name")
    return {pk: f"{name} ({sign_in_name})" for pk, name, sign_in_name in rows}


def _reason(line: Line, pks: list[int], found: Found, names: dict[int, str], asked: Collection[str]) -> str:
    """Return why a line selects nobody."""
    if not line.key:
        return _("no sign-in name, mail address or object ID in this line")
    if not pks and line.key in asked:
        return _("no user has “%(key)s”, not at Microsoft either") % {"key": line.key[:100]}
    if not pks:
        return _("no user has the sign-in name, mail address or object ID “%(key)s”") % {"key": line.key[:100]}
    if len(pks) == 1:
        return _same_as(found.lines[pks[0]])
    named = ", ".join(names[pk] for pk in pks[:_NAMED]) + (", …" if len(pks) > _NAMED else "")
    return ngettext(
        "%(n)d user has “%(key)s” as sign-in name or mail: %(names)s",
        "%(n)d users have “%(key)s” as sign-in name or mail: %(names)s",
        len(pks),
    ) % {"n": len(pks), "key": line.key, "names": named}


def _same_as(line: Line) -> str:
    if line.in_file:
        return _("the same user as row %(n)d of the file") % {"n": line.number}
    return _("the same user as line %(n)d") % {"n": line.number}
