"""What happened to one user of a change, or will: lines, notes and present licences, from the stored row."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from licenses.explanations import explanation, refused_before
from licenses.models import LicenseChange, UserChange
from licenses.services.naming import Names
from licensing_portal.lists import listed

# More service plans than these are counted.
_PLANS_NAMED = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an outcome: an icon's name with its meaning, and what it is about."""

    icon: str
    word: str
    text: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A licence that a user has now."""

    name: str
    by_group: bool
    is_new: bool
    # The names of a few plans that are off, or how many they are; empty for none.
    off: str = ""

    @property
    def words(self) -> str:
        """The licence with what is off in it, as a text."""
        return f"{self.name} ({_('off: %(names)s') % {'names': self.off}})" if self.off else self.name


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happens or happened to one user or a group of equal ones."""

    changes: tuple[Line, ...]
    notes: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One user on the page of a change."""

    row: UserChange
    # What did change: everything for an updated user, else at most the usage location.
    changed: tuple[Line, ...]
    kept: tuple[Line, ...]
    now: tuple[Tag, ...] | None
    exists: bool = True


def names_for(change: LicenseChange, rows: Iterable[UserChange]) -> Names:
    """Return the names of everything that these rows mention."""
    skus, plans = mentioned(rows)
    return Names(change.customer, skus | set(change.wish.get("products", {})), plans)


def mentioned(rows: Iterable[UserChange]) -> tuple[set[str], set[str]]:
    """Return the ids of the products and service plans that these rows mention."""
    skus: set[str] = set()
    plans: set[str] = set()
    for row in rows:
        skus.update(add["skuId"] for add in row.add)
        skus.update(row.remove)
        skus.update(kept["skuId"] for kept in row.kept)
        skus.update(row.failure_skus)
        skus.update(sku_id for caution in row.cautions for sku_id in caution["skus"])
        plans.update(plan for caution in row.cautions for plan in caution["plans"])
        plans.update(row.failure_plans)
        plans.update(kept["planId"] for kept in row.kept if kept["planId"])
        for state in (row.before, row.after):
            for path in (state or {}).get("paths", ()):
                skus.add(path["skuId"])
                plans.update(path["disabledPlans"])
        plans.update(plan for add in row.add for plan in add["disabledPlans"])
    return skus, plans


def outcome_of(row: UserChange, names: Names, *, planned: bool = False) -> Outcome:
    """Return what a row changes or (`planned`) will change, and what is kept, foreseen or refused."""
    changes = [Line("location", _("Usage location"), row.location)] if row.location else []
    before = _direct(row.before)
    held = {path["skuId"] for path in (row.before or {}).get("paths", ()) if _holds(path)}
    for add in row.add:
        if add["skuId"] not in held:
            changes.append(Line("plus", _("Assign") if planned else _("Assigned"), names.product(add["skuId"])))
        changes += _switched(add, before.get(add["skuId"], frozenset()), names, planned)
    gone = _("Unassign") if planned else _("Unassigned")
    changes += [Line("minus", gone, names.product(sku_id)) for sku_id in row.remove]
    return Outcome(tuple(changes), tuple(_notes(row, names)))


def planned_outcome(row: UserChange, names: Names) -> Outcome:
    """Return what Review says of a row of a draft."""
    outcome = outcome_of(row, names, planned=True)
    if not row.failure_kind:
        return outcome
    # Neither what was wished nor what a group would keep: the reason alone.
    return Outcome((), tuple(note for note in outcome.notes if note.icon == "bad"))


def _switched(add: Mapping[str, Any], before: frozenset[str], names: Names, planned: bool) -> list[Line]:
    """Return the plans that an assignment switches off or on."""
    now = frozenset(add["disabledPlans"])
    off = listed(sorted(names.plan(plan) for plan in now - before))
    on = listed(sorted(names.plan(plan) for plan in before - now))
    word_off = _("Switch off") if planned else _("Switched off")
    word_on = _("Switch on") if planned else _("Switched on")
    lines = [Line("switch", word_off, _("%(plans)s off") % {"plans": off})] if off else []
    return lines + ([Line("switch", word_on, _("%(plans)s on") % {"plans": on})] if on else [])


def _notes(row: UserChange, names: Names) -> list[Line]:
    """Return what groups keep, what the rules foresee, and why a user is left out."""
    notes = []
    for kept in row.kept:
        groups = names.groups(kept["groups"])
        if kept["planId"]:
            text = _("%(name)s: stays as set by group %(group)s") % {
                "name": names.plan(kept["planId"]),
                "group": groups,
            }
        else:
            text = _("%(name)s: kept by group %(group)s") % {"name": names.product(kept["skuId"]), "group": groups}
        notes.append(Line("lock", _("Kept"), text))
    for caution in row.cautions:
        notes.append(Line("warn", _("Warning"), warning(caution, names)))
    if row.failure_kind:
        about = listed(names.product(sku_id) for sku_id in row.failure_skus)
        title = str(explanation(row.failure_kind).title)
        notes.append(Line("bad", _("Not possible"), f"{title}: {about}" if about else title))
    return notes


def warning(caution: Mapping[str, Any], names: Names) -> str:
    """Return what is foreseen, and when Microsoft refused the same where that is how it is known."""
    about = [names.product(sku_id) for sku_id in caution["skus"]] + [names.plan(plan) for plan in caution["plans"]]
    text = f"{explanation(caution['kind']).title}: {listed(about)}"
    if not (before := refused_before(caution.get("seen", ""))):
        return text
    words = caution.get("words", "")
    return f"{text} – {before}: {words}" if words else f"{text} – {before}"


def _direct(state: Mapping[str, Any] | None) -> dict[str, frozenset[str]]:
    return {
        path["skuId"]: frozenset(path["disabledPlans"])
        for path in (state or {}).get("paths", ())
        if path["via"] == "direct"
    }


def _holds(path: Mapping[str, Any]) -> bool:
    return path.get("state", "Active") in ("Active", "ActiveWithError")


def now_has(row: UserChange, names: Names) -> tuple[Tag, ...] | None:
    """Return all licences that were read back; None while that has not happened."""
    if row.after is None:
        return None
    had = {path["skuId"] for path in (row.before or {}).get("paths", ()) if _holds(path)}
    direct: dict[str, bool] = {}
    off: dict[str, set[str]] = {}
    for path in row.after.get("paths", ()):
        if _holds(path):
            sku_id, disabled = path["skuId"], set(path["disabledPlans"])
            direct[sku_id] = direct.get(sku_id, False) or path["via"] == "direct"
            # What one path gives is on.
            off[sku_id] = off.get(sku_id, disabled) & disabled
    tags = [
        Tag(names.product(sku_id), not is_direct, sku_id not in had, _named_off(off[sku_id], names))
        for sku_id, is_direct in direct.items()
    ]
    return tuple(sorted(tags, key=lambda tag: tag.name))


def _named_off(plans: set[str], names: Names) -> str:
    if len(plans) > _PLANS_NAMED:
        return _("%(n)d service plans") % {"n": len(plans)}
    return listed(sorted(names.plan(plan) for plan in plans))


def result_rows(rows: list[UserChange], names: Names) -> list[ResultRow]:
    """Return rows as the page of a change shows them."""
    return [_result_row(row, outcome_of(row, names), names) for row in rows]


def _result_row(row: UserChange, outcome: Outcome, names: Names) -> ResultRow:
    changed = outcome.changes
    if row.state != UserChange.State.UPDATED:
        changed = tuple(line for line in changed if line.icon == "location" and row.is_located)
    return ResultRow(
        row=row,
        changed=changed,
        kept=tuple(line for line in outcome.notes if line.icon == "lock"),
        now=now_has(row, names),
        exists=row.after is None or row.after.get("exists", True),
    )
