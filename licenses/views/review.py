"""Review: what a save will do, before it does it."""

import unicodedata
import uuid
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from customers.folding import fold, one_line
from customers.models import Customer, DirectoryUser
from customers.scope import customer_or_404
from licenses.cause_words import cause_words
from licenses.core.diff import Choice
from licenses.core.estimate import estimate
from licenses.core.planning import Cause
from licenses.countries import choices
from licenses.forms import MAX_REFERENCE, one_time_key
from licenses.messages import family_name, loss
from licenses.models import LicenseChange, UserChange
from licenses.services import drafts, drift_lines, last_seats, review_clashes, review_groups, save, written_plans
from licenses.services.naming import Names
from licenses.services.progress import writes_left
from licenses.views.drafts import own_change, person_of, review_address
from licenses.views.review_acts import ACTS, choose_page
from licensing_portal.staff.guards import StaffRequest, needs, require
from licensing_portal.staff.roles import Right

# Who takes licenses from more users than this types their number.
TYPED_ABOVE = 50
# Of those left out more than these are only counted.
_NAMED = 20


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.LICENSE_PLAN)
def review(request: StaffRequest, tenant_id: str) -> HttpResponse:
    """Show one's own draft, plan it otherwise, or start it."""
    customer_or_404(request, tenant_id)
    data = request.POST if request.method == "POST" else request.GET
    change = own_change(request, tenant_id, data.get("change", ""))
    if change.status != LicenseChange.Status.DRAFT:
        return redirect("licenses:change", change_id=change.pk)
    if request.method == "POST":
        go = request.POST.get("go", "save")
        if go == "save":
            return _start(request, change)
        if go in ACTS:
            return ACTS[go](request, change)
        # A button that the page does not have starts nothing.
        return _page(request, change, status=422)
    if sku_id := request.GET.get("choose"):
        return choose_page(request, change, sku_id)
    return _page(request, change)


def _page(request: StaffRequest, change: LicenseChange, *, status: int = 200, **errors: str) -> HttpResponse:
    """Render Review; `errors` stand at the fields they concern: `confirm`, `reference`."""
    q = request.GET.get("q", "").strip()[:200]
    groups = review_groups.review_groups(change, fold(q))
    calls = change.user_changes.filter(state=UserChange.State.PENDING).count()
    context = {
        "customer": change.customer,
        "nav": "users",
        "change": change,
        "person": person_of(change),
        "key": uuid.uuid4().hex,
        "drift": drift_lines.drift_of(change, written_plans.concerned(change)),
        "causes": [(cause, cause_words(cause, change.figures.get(cause, 0))) for cause in change.causes],
        "countries": choices(get_language() or "en") if Cause.NO_LOCATION in change.causes else (),
        "is_short": any(line["short"] for line in change.seats),
        "losses": [words for family, number in change.losses if (words := loss(family, number))],
        "clashes": review_clashes.review_clashes(change),
        "q": q,
        "groups": groups,
        "unshown": review_groups.unshown(change, fold(q), groups),
        "is_all_on": not change.wish.get("carryOver", True) and _is_swap(change),
        "calls": calls,
        "confirm": request.POST.get("confirm", ""),
        "reference": request.POST.get("reference", change.reference),
        "max_reference": MAX_REFERENCE,
        "must_type": _must_type(change),
        "may_buy": request.user.may(Right.PRODUCT_BUY),
        "errors": errors,
        "estimate": estimate(writes_left(change), rate=settings.WRITES_PER_SECOND, burst=settings.WRITE_BURST),
    }
    return render(request, "licenses/review.html", context | _named(change.customer, change), status=status)


def _named(customer: Customer, change: LicenseChange) -> dict[str, Any]:
    """Return what Review lists by product: seats, what a swap keeps off, and who goes without."""
    kept, absent = change.kept_off, change.left_out
    without = {sku_id: len(pks) for sku_id, pks in absent.items() if sku_id not in (drafts.BLOCKED, drafts.GUESTS)}
    names = Names(
        customer,
        [*(line["skuId"] for line in (*change.seats, *kept)), *without],
        [line["planId"] for line in kept if line["planId"]],
    )
    return {
        "seats": [
            {
                **line,
                "name": names.product(line["skuId"]),
                "may_leave_out": line["short"] and review_clashes.without(change, line["skuId"]) is not None,
                "may_choose": last_seats.is_offered(change, line, without.get(line["skuId"], 0)),
            }
            for line in change.seats
        ],
        "kept_off": [
            {
                "name": family_name(line["family"]) or names.plan(line["planId"]),
                "product": names.product(line["skuId"]),
                "users": line["users"],
            }
            for line in kept
        ],
        "blocked_out": _people(absent.get(drafts.BLOCKED, ())),
        "guests_out": _people(absent.get(drafts.GUESTS, ())),
        "without": [(names.product(sku_id), _people(absent[sku_id])) for sku_id in without],
    }


def _people(pks: Sequence[int]) -> tuple[int, list[str]]:
    """Return how many these users are, and the names of a few."""
    if not 0 < len(pks) <= _NAMED:
        return len(pks), []
    rows = DirectoryUser.objects.filter(pk__in=pks).order_by("sort_key", "pk")
    return len(pks), list(rows.values_list("display_name", flat=True))


def _is_swap(change: LicenseChange) -> bool:
    """Tell whether one product goes and another one comes."""
    return {Choice.ALL.value, Choice.NONE.value} <= set(change.wish.get("products", {}).values())


def _must_type(change: LicenseChange) -> int:
    """Return how many users lose licenses when they are so many that the number is to be typed; else 0."""
    number = int(change.figures.get(Cause.REMOVES_PRODUCT, 0))
    return number if number > TYPED_ABOVE else 0


def _start(request: StaffRequest, change: LicenseChange) -> HttpResponse:
    """Start a draft; when users changed meanwhile, show Review again with the new picture."""
    removes = Choice.NONE.value in (*change.wish["products"].values(), *change.wish["plans"].values())
    require(request.user, Right.LICENSE_REVOKE if removes else Right.LICENSE_ASSIGN)
    reference = one_line(request.POST.get("reference", change.reference))
    if len(reference) > MAX_REFERENCE:
        error = _("At most %(n)d characters, please.") % {"n": MAX_REFERENCE}
        return _page(request, change, status=422, reference=error)
    number = _must_type(change)
    if number and _typed(request.POST.get("confirm", "")) != str(number):
        error = _("Type %(n)s: so many users lose licenses.") % {"n": intcomma(number)}
        return _page(request, change, status=422, confirm=error)
    try:
        key, plan = one_time_key(request.POST), _seen_plan(request, change)
        started = save.start(change, key=key, plan=plan, reference=reference)
    except save.OtherPlan:
        messages.warning(request, _("This draft was changed in another tab. This is the new picture."))
        return redirect(review_address(change))
    if started.status == LicenseChange.Status.DRAFT:
        messages.warning(request, _("Licenses of these users have changed meanwhile. This is the new picture."))
        return redirect(review_address(change))
    return redirect("licenses:change", change_id=started.pk)


def _seen_plan(request: StaffRequest, change: LicenseChange) -> int:
    """Return the number of the plan that the page showed; without one, of the plan that was just judged."""
    posted = request.POST.get("plan", "")
    return int(posted) if posted.isascii() and posted.isdigit() and len(posted) < 6 else change.plan_number


def _typed(text: str) -> str:
    """Return the digits of a typed number: full-width ones and separators are welcome."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(char for char in plain if not char.isspace() and char not in ",.'’")
