"""One change: its progress while it runs, and afterwards the truth about each user."""

import uuid
from collections.abc import Callable
from functools import partial
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from customers import selection as selections
from customers.folding import fold
from customers.models import Customer, Source
from licenses.core.catalog import Catalog
from licenses.core.repair import Act
from licenses.countries import CODES, choices
from licenses.forms import one_time_key
from licenses.models import LicenseChange, UserChange
from licenses.services import again, check, keys, leaving, outcomes, repair, report, save, stopping
from licenses.services.progress import Phase, progress_of
from licenses.services.refresh import read_if_few
from licenses.services.result_rows import ResultRows
from licenses.services.states import load_catalog
from licenses.views import start
from licenses.views.drafts import follow, review_address
from licensing_portal.gateways.errors import GatewayError
from licensing_portal.paging import page_of
from licensing_portal.staff.guards import StaffRequest, needs, require
from licensing_portal.staff.roles import Right

_PAGE = 100
_FOLLOWERS = 20
_TABS = ("action", "updated")


_STOPPABLE = (Phase.PLANNING, Phase.WAITING, Phase.SAVING, Phase.PAUSED)
_DRAFTS = {"retry": again.retry, "undo": again.undo}


def change_or_404(request: StaffRequest, change_id: uuid.UUID) -> LicenseChange:
    """Return a change of a customer in the person's scope; drafts are for Review alone."""
    visible = Customer.objects.visible_to(request.user)
    found = LicenseChange.objects.filter(pk=change_id, customer__in=visible)
    change = found.select_related("customer", "staff", "parent").first()
    if change is None or (change.status == LicenseChange.Status.DRAFT and change.staff_id != request.user.pk):
        raise Http404
    return change


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.LICENSE_VIEW)
def change_page(request: StaffRequest, change_id: uuid.UUID) -> HttpResponse:
    """Show a change, or go on from it: select its users again, try again what failed, or undo it."""
    change = change_or_404(request, change_id)
    if change.status == LicenseChange.Status.DRAFT:
        return redirect(review_address(change))
    go = request.POST.get("go", "again")
    if request.method == "POST" and go == "again":
        return _select_again(request, change)
    if request.method == "POST" and go == "check":
        return _check_again(request, change)
    if request.method == "POST" and go in _DRAFTS:
        return _again(request, change, go)
    if change.is_open:
        context = {"customer": change.customer, "nav": "changes", "change": change}
        return render(request, "licenses/running.html", context | _progress(change))
    if request.method == "POST" and go == "repair":
        return _repair(request, change)
    if request.method == "POST" and go in ("leave", "take-up"):
        return _leave(request, change, go)
    is_known = request.GET.get("show", "") in ("", *_TABS)
    problem = "" if is_known else _("This part of the result is not known; the usual one is shown.")
    is_good = is_known and request.method != "POST"
    return _result_page(request, change, {"problem": problem}, status=200 if is_good else 422)


def _result_page(
    request: StaffRequest, change: LicenseChange, more: dict[str, object], status: int = 422
) -> HttpResponse:
    context = {"customer": change.customer, "nav": "changes", "change": change, "key": uuid.uuid4().hex}
    return render(request, "licenses/result.html", context | _result(request, change) | more, status=status)


def _again(request: StaffRequest, change: LicenseChange, go: str) -> HttpResponse:
    """Try again what failed, or undo what was done."""
    users = again.to_retry(change) if go == "retry" else again.to_undo(change)
    return _make_draft(request, change, users, go, lambda key: _DRAFTS[go](change, request.user, key=key))


def _repair(request: StaffRequest, change: LicenseChange) -> HttpResponse:
    """Make the draft that a repair's button asks for, for the users of its cause."""
    code, location = request.POST.get("repair", ""), request.POST.get("location", "").strip().upper()
    cause = report.cause_named(change, request.POST.get("cause", ""))
    if cause is not None and cause.left_at is not None:
        # The button stands in a tab that was opened before.
        text = _("These users were left as they are. Press “Take up again” first.")
        return _result_page(request, change, {"problem": text})
    catalog = load_catalog(change.customer)
    found = repair.offered(change, cause, code, catalog) if cause is not None else None
    if cause is None or found is None:
        return _result_page(request, change, {"problem": _("This repair is not known. Choose one of the list.")})
    if found.act == Act.LOCATION and location not in CODES:
        return _result_page(request, change, {"problem": _("This location is not known. Choose one of the list.")})
    make = partial(repair.make, change, request.user, cause, found, location)
    return _make_draft(request, change, report.users_of(change, cause), f"{cause.id}:{code}:{location}", make)


def _leave(request: StaffRequest, change: LicenseChange, go: str) -> HttpResponse:
    """Leave the users of a cause as they are, or let them need action again."""
    require(request.user, Right.LICENSE_PLAN)
    cause = report.cause_named(change, request.POST.get("cause", ""))
    if cause is None:
        return _result_page(request, change, {"problem": _("This cause is not known. Choose one of the list.")})
    if go == "leave":
        number = leaving.leave(change, cause, request.user)
        text = ngettext("%(n)d user is left as it is.", "%(n)d users are left as they are.", number)
    else:
        number = leaving.take_up(change, cause)
        text = ngettext("%(n)d user needs action again.", "%(n)d users need action again.", number)
    if number:
        messages.success(request, text % {"n": number})
    return redirect(f"{reverse('licenses:change', args=[change.pk])}?show=action")


def _make_draft(
    request: StaffRequest,
    change: LicenseChange,
    users: QuerySet[UserChange],
    button: str,
    make: Callable[[str], LicenseChange],
) -> HttpResponse:
    """Make the draft that a button asks for, from what Microsoft says now, and show it in Review."""
    require(request.user, Right.LICENSE_PLAN)
    if change.is_open:
        messages.warning(request, _("This change is still running. Wait for its end, or stop it."))
        return redirect("licenses:change", change_id=change.pk)
    try:
        # Many are read by the worker that plans them.
        read_if_few(change.customer, users)
    except GatewayError:
        messages.warning(request, _("Microsoft did not answer. The page shows what was read before."))
    # Each button has a key of its own: whoever comes back may press the other one.
    key = uuid.uuid5(change.pk, f"{button}:{one_time_key(request.POST) or uuid.uuid4()}").hex
    try:
        draft = make(key)
    except save.NobodySelected:
        messages.warning(request, _("There is nobody left for whom this could be done."))
        return redirect("licenses:change", change_id=change.pk)
    except save.TooManyUsers as error:
        messages.warning(request, _("One change holds at most %(n)d users. Select fewer.") % {"n": error.limit})
        return redirect("licenses:change", change_id=change.pk)
    except keys.KeyReused as reused:
        first = {"customer": change.customer, "first": reused.change}
        return render(request, "licenses/key_reused.html", first, status=409)
    return follow(draft)


def _check_again(request: StaffRequest, change: LicenseChange) -> HttpResponse:
    """Read those whose result is unknown once more, and say how many of them are settled."""
    if change.is_open:
        messages.warning(request, _("This change is still running. Wait for its end, or stop it."))
        return redirect("licenses:change", change_id=change.pk)
    unknown = report.counts(change).unknown
    try:
        left = check.check_again(change)
    except GatewayError:
        left = report.counts(change).unknown
        messages.warning(request, _("Microsoft did not answer. Check again later."))
    if settled := unknown - left:
        text = ngettext("%(n)d user was settled.", "%(n)d users were settled.", settled)
        messages.success(request, text % {"n": settled})
    return redirect("licenses:change", change_id=change.pk)


def _select_again(request: StaffRequest, change: LicenseChange) -> HttpResponse:
    """Make the change's users the selection, those who still exist."""
    selection = selections.get(request.user, change.customer)
    rows = change.user_changes.filter(user__isnull=False, user__deleted_at__isnull=True).order_by("position")
    pks = list(rows.values_list("user_id", flat=True))
    start.forget(request, change.customer)
    # The page it leads to offers the set that was selected before.
    selections.replace(selection, pks, Source.CHANGE, dict.fromkeys(pks, str(change.pk)))
    return redirect("customers:selected", tenant_id=change.customer.tenant_id)


def _progress(change: LicenseChange) -> dict[str, Any]:
    """Return the figures of a running change."""
    progress = progress_of(change)
    may_stop = progress.phase in _STOPPABLE and change.cancel_requested_at is None
    return {"progress": progress, "may_stop": may_stop, "causes": report.causes(change)}


def _result(request: StaffRequest, change: LicenseChange) -> dict[str, object]:
    """Return one tab of a finished change."""
    counts = report.counts(change)
    tab = request.GET.get("show", "")
    if tab not in _TABS:
        tab = "action" if counts.action else "updated"
    q = request.GET.get("q", "").strip()[:200]
    found = ResultRows(change, counts, is_action=tab == "action", folded=fold(q))
    page = page_of(found, _PAGE, request.GET.get("page"))
    return {
        "counts": counts,
        # Who was deleted since is found out by whoever presses the button.
        "may_retry": counts.action > 0,
        "may_undo": counts.changed + counts.located > 0,
        "children": list(_followers(change)),
        "sent": counts.sent,
        "tab": tab,
        "q": q,
        "page": page,
        "groups": _by_cause(change, list(page), tab),
        "countries": choices(get_language() or "en") if tab == "action" else (),
        "may_plan": request.user.may(Right.LICENSE_PLAN),
        "seconds": (change.finished_at - change.started_at).total_seconds()
        if change.finished_at and change.started_at
        else None,
    }


def _followers(change: LicenseChange) -> "QuerySet[LicenseChange]":
    """Return the changes that were made from this one, drafts apart."""
    made = change.children.exclude(status=LicenseChange.Status.DRAFT)
    return made.select_related("staff").order_by("created_at")[:_FOLLOWERS]


type Groups = list[tuple[report.Cause | None, list[repair.Offer], list[outcomes.ResultRow]]]


def _by_cause(change: LicenseChange, rows: list[UserChange], tab: str) -> Groups:
    """Return the page's users in groups: of one cause each with its repairs, or all updated ones together."""
    names = outcomes.names_for(change, rows)
    catalog = Catalog({})
    if any(repair.needs_catalog(row) for row in rows):
        catalog = load_catalog(change.customer)
        names.learn(catalog.names)
    shown = outcomes.result_rows(rows, names)
    if tab != "action" or not shown:
        return [(None, [], shown)] if shown else []
    causes = report.causes_of(change, rows, names)
    groups: Groups = []
    for key, group in groupby(shown, key=lambda one: report.cause_key(one.row)):
        groups.append((causes[key], repair.offers(change, causes[key], catalog, names), list(group)))
    return groups


@require_safe
@needs(Right.LICENSE_VIEW)
def progress(request: StaffRequest, change_id: uuid.UUID) -> HttpResponse:
    """Answer the progress fragment; opened alone it is the page. The end leads to the result by a whole page."""
    change = change_or_404(request, change_id)
    address = reverse("licenses:change", args=[change.pk])
    if not request.htmx:
        return redirect(address)
    if not change.is_open:
        return HttpResponseClientRedirect(address)
    state = _progress(change)
    announces = request.GET.get("said") != state["progress"].milestone
    context = {"customer": change.customer, "change": change, "announces": announces} | state
    return render(request, "licenses/running.html#answer", context)


@require_POST
@needs(Right.LICENSE_PLAN)
def stop(request: StaffRequest, change_id: uuid.UUID) -> HttpResponse:
    """Ask a running change to stop."""
    change = change_or_404(request, change_id)
    stopping.request_stop(change)
    return redirect("licenses:change", change_id=change.pk)
