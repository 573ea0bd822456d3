"""What Review's buttons do with a draft, saving apart: each plans it otherwise, or throws it away."""

from collections.abc import Callable, Mapping
from functools import partial

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from licenses.countries import CODES
from licenses.models import LicenseChange
from licenses.services import drafts, review_clashes
from licenses.services.last_seats import last_seats
from licenses.services.naming import Names
from licenses.views.drafts import follow, person_of, review_address
from licensing_portal.staff.guards import StaffRequest

type Act = Callable[[StaffRequest, LicenseChange], HttpResponse]


def _carry_over(request: StaffRequest, change: LicenseChange, *, is_kept: bool) -> HttpResponse:
    return follow(drafts.carry_over(change, is_kept=is_kept))


def _leave_out(request: StaffRequest, change: LicenseChange, *, why: str) -> HttpResponse:
    return follow(drafts.leave_out(change, why))


def _put_back(request: StaffRequest, change: LicenseChange) -> HttpResponse:
    return follow(drafts.put_back(change))


def _locate(request: StaffRequest, change: LicenseChange) -> HttpResponse:
    """Give the users without a usage location the one that was chosen."""
    location = request.POST.get("location", "").strip().upper()
    if location not in CODES:
        messages.error(request, _("This location is not known. Choose one of the list."))
        return redirect(review_address(change))
    return follow(drafts.locate(change, location))


def _mend(request: StaffRequest, change: LicenseChange) -> HttpResponse:
    """Put the repair of a foreseen clash into the draft."""
    repair = review_clashes.offered(change, request.POST.get("repair", ""))
    if repair is None:
        messages.error(request, _("This repair is not known. Choose one of the list."))
        return redirect(review_address(change))
    return follow(drafts.mend(change, repair))


def _choose(request: StaffRequest, change: LicenseChange) -> HttpResponse:
    """Take the choice of who gets the last seats of a product."""
    sku_id = request.POST.get("choose", "")
    seats = last_seats(change, sku_id)
    if seats is None:
        raise Http404
    ticked = frozenset(request.POST.getlist("user"))
    chosen, others = seats.chosen(ticked)
    if len(chosen) > seats.seats:
        text = ngettext(
            "%(n)d license is free and %(ticked)d users are ticked. Untick %(more)d.",
            "%(n)d licenses are free and %(ticked)d users are ticked. Untick %(more)d.",
            seats.seats,
        )
        figures = {"n": seats.seats, "ticked": len(chosen), "more": len(chosen) - seats.seats}
        return choose_page(request, change, sku_id, ticked=ticked, error=text % figures)
    return follow(drafts.go_without(change, sku_id, others))


def choose_page(
    request: StaffRequest, change: LicenseChange, sku_id: str, *, ticked: frozenset[str] | None = None, error: str = ""
) -> HttpResponse:
    """Show who needs a seat of a product, to tick those who get one."""
    seats = last_seats(change, sku_id)
    if seats is None:
        # The seats have come meanwhile, or everybody was put back.
        return redirect(review_address(change))
    if ticked is None:
        ticked = frozenset(one.object_id for one in seats.candidates if one.has_seat)
    context = {
        "customer": change.customer,
        "nav": "users",
        "change": change,
        "sku_id": sku_id,
        "product": Names(change.customer, [sku_id]).product(sku_id),
        "seats": seats,
        "ticked": ticked,
        "error": error,
        "back": review_address(change),
    }
    return render(request, "licenses/last_seats.html", context, status=422 if error else 200)


def _discard(request: StaffRequest, change: LicenseChange) -> HttpResponse:
    """Throw a draft away; nothing was changed, and the selection is as it was."""
    parent, person = change.parent_id, person_of(change)
    if not drafts.discard(change):
        # Another tab has saved it meanwhile.
        return redirect("licenses:change", change_id=change.pk)
    messages.success(request, _("The draft was discarded. Nothing was changed."))
    if parent:
        return redirect("licenses:change", change_id=parent)
    if person is not None:
        return redirect("customers:user", tenant_id=change.customer.tenant_id, object_id=person.object_id)
    return redirect("customers:users", tenant_id=change.customer.tenant_id)


# The values of Review's buttons.
ACTS: Mapping[str, Act] = {
    "switch-on": partial(_carry_over, is_kept=False),
    "keep-off": partial(_carry_over, is_kept=True),
    "leave-out-blocked": partial(_leave_out, why=drafts.BLOCKED),
    "leave-out-guests": partial(_leave_out, why=drafts.GUESTS),
    "put-back": _put_back,
    "location": _locate,
    "repair": _mend,
    "choose": _choose,
    "discard": _discard,
}
