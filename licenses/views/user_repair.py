"""The buttons of one user's page that mend: a draft for this user alone, or the group's assignment judged anew."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from customers.models import DirectoryUser
from licenses.core.apps import App
from licenses.core.failures import Failure, FailureKind, Scope
from licenses.core.path_repair import is_broken
from licenses.core.repair import Act
from licenses.countries import CODES
from licenses.explanations import explanation
from licenses.forms import one_time_key
from licenses.services import app_check, save, user_reading, user_repair
from licenses.services.states import Licences
from licenses.views.drafts import follow
from licensing_portal.gateways.protocol import OutcomeKind
from licensing_portal.staff.guards import StaffRequest, require
from licensing_portal.staff.roles import Right

# The last press of "Reprocess": a page that is sent again asks Microsoft once.
_PRESSED = "reprocessed"
# What keeps us from the customer: Microsoft has not looked at the user.
_OF_THE_CUSTOMER = frozenset({Scope.CUSTOMER, Scope.PROGRAM})


class Refused(Exception):
    """A button that cannot be obeyed, with the sentence that says so; `form` names the form it stands at."""

    def __init__(self, text: str, form: str = "") -> None:
        super().__init__(text)
        self.text, self.form = text, form


def obey(request: StaffRequest, user: DirectoryUser, app: App | None) -> HttpResponse:
    """Do what a repair's button says. Raises Refused."""
    require(request.user, Right.LICENSE_PLAN)
    at, code = request.POST.get("at", ""), request.POST.get("repair", "")
    location = request.POST.get("location", "").strip().upper()
    key, button = one_time_key(request.POST) or uuid.uuid4().hex, f"{at}:{code}:{location}"
    if first := user_repair.made_before(user, request.user, key=key, button=button):
        return follow(first)
    if not user_reading.read_now(user, with_plans=False).is_fresh:
        messages.warning(request, _("Microsoft did not answer. The page shows what was read before."))
    licences = app_check.load_licences(user)
    form = user_repair.form_named(at, licences, app)
    repair = form.offered(code) if form is not None else None
    if form is None or repair is None:
        raise Refused(_("This repair is not offered any more: the user has changed. Look at the page again."))
    if repair.act == Act.REPROCESS:
        return _reprocess(request, user, licences, form, key)
    if form.needs_location and user_repair.needs_location(repair):
        if location not in CODES:
            raise Refused(_("This location is not known. Choose one of the list."), at)
    else:
        location = ""
    try:
        wish = form.wish(repair, location)
        return follow(user_repair.make(user, request.user, wish, key=key, button=button))
    except save.NobodySelected:
        messages.warning(request, _("There is nobody left for whom this could be done."))
        return redirect(request.get_full_path())


def _reprocess(
    request: StaffRequest,
    user: DirectoryUser,
    licences: Licences,
    form: user_repair.RepairForm,
    key: str,
) -> HttpResponse:
    """Ask Microsoft to judge what groups give anew, and say what came of it."""
    require(request.user, Right.LICENSE_ASSIGN)
    if request.session.get(_PRESSED) != key:
        request.session[_PRESSED] = key
        broken = [sku_id for sku_id, held in licences.state.held.items() if any(map(is_broken, held.paths))]
        group = form.path.via if form.path is not None else ""
        done = user_reading.reprocess(user, request.user, broken, sku_id=form.sku_id, group_id=group)
        _say(request, user, done)
    return redirect(request.get_full_path())


def _say(request: StaffRequest, user: DirectoryUser, done: user_reading.Reprocessed) -> None:
    if done.failure is not None:
        messages.warning(request, _not_done(done, done.failure))
    elif not done.is_fresh:
        messages.warning(request, _("Microsoft has taken it, but the user could not be read again. Refresh later."))
    elif _is_still_broken(user):
        text = _("Microsoft has taken it, and an assignment is still in error. Look again in a few minutes.")
        messages.warning(request, text)
    else:
        messages.success(request, _("Microsoft has processed what the groups give anew: it is in order now."))


def _not_done(done: user_reading.Reprocessed, failure: Failure) -> str:
    """Return why it was not done; only a refusal that concerns the user says that Microsoft has tried."""
    if done.kind == OutcomeKind.UNCLEAR:
        return _("Microsoft did not answer: whether it was done is not known. Refresh to see.")
    if done.kind == OutcomeKind.THROTTLED and done.was_sent:
        return _("Microsoft asked to wait: nothing was done. Try again later.")
    if done.kind == OutcomeKind.THROTTLED and failure.scope not in _OF_THE_CUSTOMER:
        return _("Microsoft could not be reached: nothing was done. Try again later.")
    words = explanation(failure.kind)
    reason = f"{words.title}. {words.text}"
    if failure.kind == FailureKind.UNKNOWN:
        reason = f"{reason} {failure.message}"
    if failure.scope in _OF_THE_CUSTOMER:
        return _("Microsoft has not done it: %(reason)s") % {"reason": reason}
    return _("Microsoft has tried it again: %(reason)s") % {"reason": reason}


def _is_still_broken(user: DirectoryUser) -> bool:
    held = app_check.load_licences(user).state.held.values()
    return any(is_broken(path) for one in held for path in one.paths)
