"""An app check in words: its lines for the page, what it comes to, and the same as plain text for a ticket."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from customers.models import DirectoryUser
from licenses.app_words import (
    ADVICE,
    APPS,
    IN_SENTENCES,
    NO_PRODUCT_FITS,
    OUTCOMES,
    STEPS,
    TITLES,
    next_places,
    status_name,
)
from licenses.core.app_check import cause
from licenses.core.app_findings import Check, Finding, Item, Outcome, Step
from licenses.core.holdings import DIRECT
from licenses.countries import named_code
from licenses.explanations import path_error
from licenses.product_names import in_words
from licenses.services.app_check import AppReport
from licenses.services.user_history import HistoryLine
from licenses.services.user_page import path_key
from licenses.services.user_repair import RepairForm
from licenses.ticket_text import event_text, fact_lines
from licensing_portal.lists import listed
from licensing_portal.templatetags.ui import day, moment_text

_NOTES = frozenset({Outcome.WARN, Outcome.UNKNOWN})
_LACKS_PRODUCT = frozenset({Step.PRODUCT, Step.SUBSCRIPTION})
_IN_ERROR = frozenset({Finding.IN_ERROR, Finding.ERROR_BESIDE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One check in words; `forms` repair it, `events` are what changed in the last day."""

    outcome: Outcome
    title: str
    details: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    forms: tuple[RepairForm, ...] = ()
    events: tuple[HistoryLine, ...] = ()

    @property
    def outcome_name(self) -> str:
        """Pass, fail, …"""
        return str(OUTCOMES[self.outcome])


@dataclass(frozen=True, slots=True, kw_only=True)
class AppPage:
    """What the page shows of a check; `text` is for a ticket, `places` are where to look when nothing fails."""

    app: str
    name: str
    verdict: str
    lines: tuple[Line, ...]
    failing: int
    has_notes: bool
    places: tuple[str, ...]
    text: str


def app_page(
    user: DirectoryUser,
    report: AppReport,
    paths: Mapping[str, RepairForm],
    checks: Mapping[Step, RepairForm],
    *,
    as_of: datetime,
) -> AppPage:
    """Return a check in the reader's language with the forms of its repairs."""
    lines = tuple(_line(user, report, check, paths, checks) for check in report.checks)
    failing = sum(line.outcome == Outcome.FAIL for line in lines)
    verdict = _verdict(report, lines, failing)
    places = () if failing else tuple(map(str, next_places(report.app)))
    return AppPage(
        app=report.app.value,
        name=str(APPS[report.app]),
        verdict=verdict,
        lines=lines,
        failing=failing,
        has_notes=any(check.outcome in _NOTES for check in report.checks),
        places=places,
        text=_text(user, report, verdict, lines, places, as_of),
    )


def _verdict(report: AppReport, lines: tuple[Line, ...], failing: int) -> str:
    """Return what the check comes to: the first cause, or that licensing is in order."""
    first = cause(report.checks)
    if first is not None:
        title = lines[report.checks.index(first)].title
        return ngettext("%(n)d check fails: %(cause)s.", "%(n)d checks fail. The first: %(cause)s.", failing) % {
            "n": failing,
            "cause": title,
        }
    if any(check.outcome in _NOTES for check in report.checks):
        return _("No check fails; there are notes.")
    return _("All checks pass: the licenses are in order.")


def _line(
    user: DirectoryUser,
    report: AppReport,
    check: Check,
    paths: Mapping[str, RepairForm],
    checks: Mapping[Step, RepairForm],
) -> Line:
    forms = [checks[check.step]] if check.step in checks else []
    forms += [
        form
        for item in check.items
        if item.repairs and (form := paths.get(path_key(item.sku_id, item.via))) is not None
    ]
    return Line(
        outcome=check.outcome,
        title=_title(report, check),
        details=tuple(in_words(text) for text in _details(user, report, check)),
        advice=tuple(_advice(check, may_sign_in=report.checks[0].outcome == Outcome.PASS)),
        forms=tuple(forms),
        events=tuple(report.recent) if check.step == Step.CHANGES else (),
    )


def _title(report: AppReport, check: Check) -> str:
    if check.finding == Finding.NOT_CHECKED:
        return str(STEPS[check.step])
    words = {"app": IN_SENTENCES[report.app], "word": _word(check)}
    return str(TITLES[check.finding] % words)


def _word(check: Check) -> str:
    word = check.items[0].word if check.items else ""
    return path_error(word).title if check.finding in _IN_ERROR else status_name(word)


def _details(user: DirectoryUser, report: AppReport, check: Check) -> list[str]:
    """Return what a check is about, one line for each product."""
    if check.finding == Finding.DELETED:
        return [moment_text(user.deleted_at)] if user.deleted_at else []
    if check.finding == Finding.LOCATED:
        return [named_code(user.usage_location, get_language() or "en")]
    return list(dict.fromkeys(_item(report, check, item) for item in check.items))


def _item(report: AppReport, check: Check, item: Item) -> str:
    name = report.names.product(item.sku_id)
    if item.via and item.via != DIRECT:
        name = _("%(name)s (group %(group)s)") % {"name": name, "group": report.names.groups([item.via])}
    about = [listed(report.names.plan(plan_id) for plan_id in item.plans)] if item.plans else []
    if check.step == Step.SUBSCRIPTION and item.sku_id in report.ends:
        about.append(_("next date: %(date)s") % {"date": day(report.ends[item.sku_id])})
    elif check.step == Step.CHANGES:
        about.append(_("since %(t)s") % {"t": moment_text(report.since[item.sku_id, item.via])})
    elif check.finding in _IN_ERROR:
        about.append(path_error(item.word).title)
    elif check.step == Step.PROVISIONING and item.word:
        about.append(status_name(item.word))
    return ": ".join([name, listed(about)]) if about else name


def _advice(check: Check, *, may_sign_in: bool) -> list[str]:
    """Return what the finding means and what can be done."""
    found: list[Any] = [ADVICE[check.finding]] if check.finding in ADVICE else []
    if check.finding in _IN_ERROR:
        found += filter(None, dict.fromkeys(path_error(item.word).text for item in check.items))
    if check.step in _LACKS_PRODUCT and check.outcome == Outcome.FAIL and may_sign_in and not check.repairs:
        found.append(NO_PRODUCT_FITS)
    return [str(text) for text in found]


def _text(
    user: DirectoryUser,
    report: AppReport,
    verdict: str,
    lines: tuple[Line, ...],
    places: tuple[str, ...],
    as_of: datetime,
) -> str:
    """Return the check as plain text; every time has its zone."""
    title = _("App check: %(app)s") % {"app": APPS[report.app]}
    parts = [[user.display_name, *fact_lines(user, as_of)], [title, verdict]]
    for number, line in enumerate(lines, start=1):
        parts[1].append(f"{number}. [{line.outcome_name}] {line.title}")
        parts[1] += [f"   - {detail}" for detail in line.details]
        parts[1] += [f"   - {event_text(event)}" for event in line.events]
        if line.outcome == Outcome.FAIL:
            parts[1] += [f"   {advice}" for advice in line.advice]
    if places:
        parts.append([_("Look here next"), *(f"- {place}" for place in places)])
    return in_words("\n\n".join("\n".join(part) for part in parts))
