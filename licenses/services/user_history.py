"""The history of one user in words: what changed by which path, what was tried and failed, and whose doing it was."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from licenses.core.holdings import DIRECT, PathState
from licenses.explanations import explanation
from licenses.models import LicenseChange, LicenseEvent, Reprocess, UserChange
from licenses.services.naming import Names
from licenses.services.outcomes import Line, outcome_of
from licensing_portal.gateways.protocol import OutcomeKind
from licensing_portal.staff.models import StaffUser

_PLANS_NAMED = 3
# Words for the state of a path (Graph's licenseAssignmentState.state).
STATES = {
    "Active": gettext_lazy("Active"),
    "ActiveWithError": gettext_lazy("Active, with an error"),
    "Disabled": gettext_lazy("Disabled"),
    "Error": gettext_lazy("Error"),
}


@dataclass(frozen=True, slots=True)
class Path:
    """One path of a stored state."""

    disabled: frozenset[str]
    holds: bool
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """What happened to a user at one moment; `change` or `staff` are ours, without both it was only seen by a sync.

    Of what did not succeed: `state` of the user's row, what it means, what was wanted, and Microsoft's own words.
    """

    at: datetime
    change: LicenseChange | None
    sentences: tuple[str, ...]
    # Who had licenses by group reprocessed: that is no change.
    staff: StaffUser | None = None
    state: str = ""
    meaning: str = ""
    wanted: tuple[Line, ...] = ()
    message: str = ""
    request_id: str = ""

    @property
    def who(self) -> str:
        """Whose doing it was, in words."""
        if self.change is not None:
            return ", ".join(filter(None, [self.change.staff.display_name, self.change.reference]))
        if self.staff is not None:
            return _("%(name)s, reprocessed") % {"name": self.staff.display_name}
        return _("outside this portal, seen by sync")


def plans_in(events: Iterable[LicenseEvent]) -> set[str]:
    """Return the ids of the service plans that events may name."""
    return {
        plan
        for event in events
        for state in (event.before, event.after)
        for path in ((state or {}).get("paths") or {}).values()
        for plan in path["disabled"]
    }


def lines_of(
    events: Sequence[LicenseEvent], tried: Sequence[UserChange], names: Names, asked: Iterable[Reprocess] = ()
) -> list[HistoryLine]:
    """Return the lines of a history, newest first; what one change or one reading did at once is one line."""
    lines = [_tried_line(row, names) for row in tried] + [_asked_line(row, names) for row in asked]
    for (at, *_who), some in groupby(events, key=lambda event: (event.seen_at, event.change_id, event.staff_id)):
        together = sorted(some, key=_gains_first)
        texts = tuple(text for event in together for text in _sentences(event, names))
        first = together[0]
        lines.append(HistoryLine(at=at, change=first.change, staff=first.staff, sentences=texts))
    return sorted(lines, key=lambda line: line.at, reverse=True)


def _gains_first(event: LicenseEvent) -> tuple[bool, bool, str]:
    return event.after is None, event.before is not None, event.product.display_name if event.product else ""


def _tried_line(row: UserChange, names: Names) -> HistoryLine:
    """Return the line of something that did not succeed."""
    about = [names.product(sku_id) for sku_id in row.failure_skus]
    about += [names.plan(plan_id) for plan_id in row.failure_plans]
    if row.state == UserChange.State.NOT_TRIED:
        title, meaning = _("The change was stopped before this user."), ""
    else:
        words = explanation(row.failure_kind)
        title, meaning = str(words.title), str(words.text)
    if row.left_at is not None:
        who = row.left_by.display_name if row.left_by else "–"
        meaning = " ".join(filter(None, (meaning, _("Left as it is by %(who)s.") % {"who": who})))
    assert row.finished_at is not None
    return HistoryLine(
        at=row.finished_at,
        change=row.change,
        sentences=(f"{title}: {', '.join(about)}" if about else title,),
        state=row.state,
        meaning=meaning,
        wanted=outcome_of(row, names).changes,
        message=row.message,
        request_id=row.request_id,
    )


def _asked_line(row: Reprocess, names: Names) -> HistoryLine:
    """Return the line of a request to judge anew what groups give, with what came of it."""
    state, result, meaning = "failed", "", ""
    if row.outcome == OutcomeKind.DONE:
        state, result = "", _("Microsoft has taken it")
    elif row.outcome == OutcomeKind.UNCLEAR:
        state, result = "unknown", _("whether it was done is not known")
    elif row.outcome == OutcomeKind.THROTTLED:
        result = _("Microsoft asked to wait") if row.was_sent else _("Microsoft could not be reached")
    else:
        words = explanation(row.failure_kind)
        result, meaning = str(words.title), str(words.text)
    words_of = {"name": names.product(row.sku_id), "group": names.groups([row.group_id]), "result": result}
    return HistoryLine(
        at=row.asked_at,
        change=None,
        staff=row.staff,
        sentences=(_("Asked Microsoft to reprocess %(name)s of group %(group)s: %(result)s") % words_of,),
        state=state,
        meaning=meaning,
        # Where nobody refused it the words are the portal's own.
        message=row.message if row.outcome == OutcomeKind.REFUSED else "",
        request_id=row.request_id if state else "",
    )


def _sentences(event: LicenseEvent, names: Names) -> list[str]:
    """Return what an event changed: the usage location, or one product by each of its paths."""
    if event.product is None:
        before, after = (state.get("usageLocation") or "–" for state in (event.before or {}, event.after or {}))
        return [_("Usage location: %(before)s → %(after)s") % {"before": before, "after": after}]
    name = event.product.display_name
    was, now = _paths(event.before), _paths(event.after)
    found: list[str] = []
    for via in sorted(was.keys() | now.keys(), key=lambda via: (via != DIRECT, via)):
        group = "" if via == DIRECT else names.groups([via])
        found += _path_sentences(name, group, was.get(via), now.get(via), names)
    return found or [_("%(name)s: changed") % {"name": name}]


def _path_sentences(name: str, group: str, was: Path | None, now: Path | None, names: Names) -> Iterator[str]:
    """Yield what became of one path of a product."""
    words = {"name": name, "group": group}
    if was is None and now is not None:
        yield _assigned(words, now, names)
    elif was is not None and now is None:
        text = _("%(name)s no longer assigned by group %(group)s") if group else _("%(name)s unassigned")
        yield text % words
    elif was is not None and now is not None:
        place = _("%(name)s (group %(group)s)") % words if group else name
        if off := now.disabled - was.disabled:
            yield _("%(plans)s switched off in %(name)s") % {"plans": _plans(off, names), "name": place}
        if on := was.disabled - now.disabled:
            yield _("%(plans)s switched on in %(name)s") % {"plans": _plans(on, names), "name": place}
        if was.holds and not now.holds:
            yield _("%(name)s went into an error and holds nothing") % {"name": place}
        elif now.holds and not was.holds:
            yield _("%(name)s is active again") % {"name": place}
        elif was.state != now.state:
            yield _("%(name)s: state is now %(state)s") % {"name": place, "state": STATES.get(now.state, now.state)}


def _assigned(words: Mapping[str, str], now: Path, names: Names) -> str:
    """Return the sentence of a new path, with the plans that are off in it."""
    by_group = bool(words["group"])
    if not now.holds:
        text = _("%(name)s could not be assigned by group %(group)s") if by_group else _("%(name)s not assigned: error")
    elif now.disabled:
        text = _("%(name)s assigned by group %(group)s without %(plans)s") if by_group else ""
        text = text or _("%(name)s assigned without %(plans)s")
    else:
        text = _("%(name)s assigned by group %(group)s") if by_group else _("%(name)s assigned")
    return text % {**words, "plans": _plans(now.disabled, names)}


def _plans(ids: Iterable[str], names: Names) -> str:
    """Return the names of a few plans, or the number of many."""
    found = sorted(names.plan(plan_id) for plan_id in ids)
    return ", ".join(found) if len(found) <= _PLANS_NAMED else _("%(n)d service plans") % {"n": len(found)}


def _paths(state: Mapping[str, Any] | None) -> dict[str, Path]:
    """Return the paths of a stored state by group id or "direct"."""
    return {
        via: Path(frozenset(path["disabled"]), PathState.parse(path["state"]).holds, path["state"])
        for via, path in ((state or {}).get("paths") or {}).items()
    }
