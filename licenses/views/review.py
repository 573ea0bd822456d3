"""Review: what a save will do, before it does it."""

import uuid

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from customers.scope import customer_or_404
from licenses.core.diff import Choice
from licenses.core.estimate import estimate
from licenses.forms import one_time_key
from licenses.messages import CAUSES, family_name, loss
from licenses.models import LicenseChange, UserChange
from licenses.services import drafts, review_groups, save
from licenses.services.naming import Names
from licenses.services.progress import writes_left
from licenses.views.drafts import own_change, review_address
from licensing_portal.staff.guards import StaffRequest, needs, require
from licensing_portal.staff.roles import Right

# Buttons for what people had switched off in a product that goes.
_CARRY_OVER = {"switch-on": False, "keep-off": True}


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.LICENSE_PLAN)
def review(request: StaffRequest, tenant_id: str) -> HttpResponse:
    """Show one's own draft, or start it."""
    customer = customer_or_404(request, tenant_id)
    data = request.POST if request.method == "POST" else request.GET
    change = own_change(request, tenant_id, data.get("change", ""))
    if change.status != LicenseChange.Status.DRAFT:
        return redirect("licenses:change", change_id=change.pk)
    go = request.POST.get("go", "save")
    if request.method == "POST" and go in _CARRY_OVER:
        return _carry_over(change, go)
    if request.method == "POST" and go == "discard":
        return _discard(request, change)
    if request.method == "POST" and go == "save":
        return _start(request, change)
    kept = change.kept_off
    names = Names(
        customer,
        [line["skuId"] for line in (*change.seats, *kept)],
        [line["planId"] for line in kept if line["planId"]],
    )
    calls = change.user_changes.filter(state=UserChange.State.PENDING).count()
    context = {
        "customer": customer,
        "nav": "users",
        "change": change,
        "key": uuid.uuid4().hex,
        "causes": [CAUSES[cause] for cause in change.causes if cause in CAUSES],
        "seats": [{**line, "name": names.product(line["skuId"])} for line in change.seats],
        "is_short": any(line["short"] for line in change.seats),
        "losses": [words for family, number in change.losses if (words := loss(family, number))],
        "groups": review_groups.review_groups(change),
        "kept_off": [
            {
                "name": family_name(line["family"]) or names.plan(line["planId"]),
                "product": names.product(line["skuId"]),
                "users": line["users"],
            }
            for line in kept
        ],
        "is_all_on": not change.wish.get("carryOver", True) and _is_swap(change),
        "calls": calls,
        "estimate": estimate(writes_left(change), rate=settings.WRITES_PER_SECOND, burst=settings.WRITE_BURST),
    }
    # A button that the page does not have starts nothing.
    return render(request, "licenses/review.html", context, status=200 if request.method != "POST" else 422)


def _discard(request: StaffRequest, change: LicenseChange) -> HttpResponse:
    """Throw a draft away; nothing was changed, and the selection is as it was."""
    parent = change.parent_id
    if not drafts.discard(change):
        # Another tab has saved it meanwhile.
        return redirect("licenses:change", change_id=change.pk)
    messages.success(request, _("The draft was discarded. Nothing was changed."))
    if parent:
        return redirect("licenses:change", change_id=parent)
    return redirect("customers:users", tenant_id=change.customer.tenant_id)


def _is_swap(change: LicenseChange) -> bool:
    """Tell whether one product goes and another one comes."""
    return {Choice.ALL.value, Choice.NONE.value} <= set(change.wish.get("products", {}).values())


def _carry_over(change: LicenseChange, go: str) -> HttpResponse:
    """Plan the draft again with what was off kept off, or switched on."""
    change = drafts.carry_over(change, is_on=_CARRY_OVER[go])
    if change.status != LicenseChange.Status.DRAFT:
        return redirect("licenses:change", change_id=change.pk)
    return redirect(review_address(change))


def _start(request: StaffRequest, change: LicenseChange) -> HttpResponse:
    """Start a draft; when users changed meanwhile, show Review again with the new picture."""
    removes = Choice.NONE.value in (*change.wish["products"].values(), *change.wish["plans"].values())
    require(request.user, Right.LICENSE_REVOKE if removes else Right.LICENSE_ASSIGN)
    started = save.start(change, key=one_time_key(request.POST))
    if started.status == LicenseChange.Status.DRAFT:
        messages.warning(request, _("Licenses of these users have changed meanwhile. This is the new picture."))
        return redirect(review_address(change))
    return redirect("licenses:change", change_id=started.pk)
