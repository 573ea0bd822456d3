"""What the tour's and the drawer's buttons do. Everything is posted, and leads back to a page."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from customers.scope import customer_or_404
from licenses.models import LicenseChange
from licensing_portal.demo import drawer, stages, tour
from licensing_portal.demo.context import NEEDED
from licensing_portal.demo.control import Refused, StandInAway
from licensing_portal.demo.story import STORY_TENANT_ID
from licensing_portal.gateways.errors import GatewayError
from licensing_portal.site_views import safe_next
from licensing_portal.staff.guards import StaffRequest, require

type View = Callable[..., HttpResponse]


def in_demo(view: View) -> View:
    """Decorate a view that exists in the demo alone."""

    @wraps(view)
    def guarded(request: StaffRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.DEMO:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@in_demo
@require_POST
def take_step(request: StaffRequest, name: str) -> HttpResponse:
    """Set the scene of a step and lead to the page where it is seen."""
    customer = customer_or_404(request, STORY_TENANT_ID)
    if name not in tour.NAMES:
        raise Http404
    for right in NEEDED:
        require(request.user, right)
    try:
        change = stages.set_up(request.user, customer, name, _("Tour"))
    except stages.ChangeRunning as running:
        text = _("A change of %(name)s is still running. Wait for its end, or stop it.")
        messages.warning(request, text % {"name": customer.name})
        return redirect("licenses:change", change_id=running.change.pk)
    except stages.StoryLost:
        messages.warning(
            request,
            _("Somebody of this step is not there any more. “Start over” in the demo's drawer brings all back."),
        )
        return _back(request)
    except (StandInAway, GatewayError):
        _say_away(request)
        return _back(request)
    progress = tour.Progress.of(request.session)
    progress.take(name)
    progress.keep(request.session)
    if change is not None and change.status != LicenseChange.Status.DRAFT:
        return redirect("licenses:change", change_id=change.pk)
    place = reverse("licenses:manage", args=[customer.tenant_id])
    return redirect(place if change is None else f"{place}?change={change.pk}")


@in_demo
@require_POST
def show_or_hide(request: StaffRequest) -> HttpResponse:
    """Hide the tour from this person, or bring it back."""
    go = request.POST.get("go", "")
    if go not in ("show", "hide"):
        return _unknown(request)
    progress = tour.Progress.of(request.session)
    progress.is_hidden = go == "hide"
    # Who ends it is not led on by a hint when it comes back.
    progress.at = "" if progress.is_hidden else progress.at
    progress.keep(request.session)
    if go == "show":
        return redirect("customers:list")
    return _back(request)


@in_demo
@require_POST
def drawer_act(request: StaffRequest) -> HttpResponse:
    """Change the mood of the stand-in, or start over."""
    act = _ACTS.get(request.POST.get("act", ""))
    if act is None:
        return _unknown(request)
    try:
        return act(request)
    except stages.ChangeRunning:
        messages.warning(request, _("A change is still running. Wait for its end, or stop it; then start over."))
    except (StandInAway, Refused, GatewayError):
        _say_away(request)
    return _back(request)


def _slow(request: StaffRequest) -> HttpResponse:
    drawer.make_slow()
    text = _(
        "Microsoft is slow now: each of the next calls takes %(s)d seconds longer. Save a change: the page does not"
        " wait, and shows how far it is."
    )
    messages.success(request, text % {"s": drawer.SLOW_SECONDS})
    return _back(request)


def _throttling(request: StaffRequest) -> HttpResponse:
    drawer.throttle()
    text = _(
        "Microsoft throttles now: it refuses the next %(n)d writes and asks to wait %(s)d seconds. Save a change for"
        " several users: it waits and goes on, and nobody fails."
    )
    messages.success(request, text % {"n": drawer.THROTTLED_WRITES, "s": drawer.WAIT_SECONDS})
    return _back(request)


def _seats(request: StaffRequest) -> HttpResponse:
    customer = customer_or_404(request, request.POST.get("tenant", "").lower())
    draft = parse_qs(urlsplit(request.POST.get("next", "")).query).get("change", [""])[0]
    try:
        name, taken = drawer.take_last_seats(request.user, customer, draft)
    except drawer.NothingFree:
        messages.warning(request, _("No product of this customer has few free licenses that somebody could take."))
        return _back(request)
    text = ngettext(
        "A colleague has taken the last %(n)d license of %(product)s. Give it to somebody, or save what you have open:"
        " the result says who got none, and why.",
        "A colleague has taken the last %(n)d licenses of %(product)s. Give it to somebody, or save what you have open:"
        " the result says who got none, and why.",
        taken,
    )
    messages.success(request, text % {"n": taken, "product": name})
    return _back(request)


def _normal(request: StaffRequest) -> HttpResponse:
    drawer.back_to_normal()
    messages.success(request, _("Microsoft answers as usual again."))
    return _back(request)


def _over(request: StaffRequest) -> HttpResponse:
    try:
        number = drawer.start_over()
    except drawer.AlreadyStarting:
        messages.warning(request, _("The demo is being put back already. Wait a moment, then reload."))
        return _back(request)
    tour.Progress().keep(request.session)
    text = ngettext(
        "The demo is as it was at the start; %(n)d customer was read anew.",
        "The demo is as it was at the start; %(n)d customers were read anew.",
        number,
    )
    messages.success(request, text % {"n": number})
    return redirect("customers:list")


_ACTS: dict[str, Callable[[StaffRequest], HttpResponse]] = {
    "slow": _slow,
    "throttling": _throttling,
    "seats": _seats,
    "normal": _normal,
    "over": _over,
}


def _say_away(request: StaffRequest) -> None:
    text = _("The stand-in for Microsoft does not answer. If it has ended, start the demo again.")
    messages.error(request, text)


def _back(request: StaffRequest) -> HttpResponse:
    return redirect(safe_next(request, request.POST.get("next"), otherwise="/customers/"))


def _unknown(request: StaffRequest) -> HttpResponse:
    """Answer a button that no page has."""
    return render(request, "demo/unknown.html", status=HTTPStatus.UNPROCESSABLE_ENTITY)
