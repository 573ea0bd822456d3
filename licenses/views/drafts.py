"""The change that an address names, as far as it is the person's own."""

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from customers.models import DirectoryUser
from licenses.models import LicenseChange
from licensing_portal.staff.guards import StaffRequest


def own_change(request: StaffRequest, tenant_id: str, change_id: str) -> LicenseChange:
    """Return the person's own change at this customer; anybody else's does not exist here."""
    try:
        found = LicenseChange.objects.filter(pk=change_id, staff=request.user, customer__tenant_id=tenant_id)
        change = found.select_related("customer", "staff").first()
    except (ValidationError, ValueError):
        change = None
    if change is None:
        raise Http404
    return change


def named_draft(request: StaffRequest, tenant_id: str) -> LicenseChange | None:
    """Return the draft that Review leads back with; one that has started is no draft any more."""
    if "change" not in request.GET:
        return None
    draft = own_change(request, tenant_id, request.GET["change"])
    if draft.status != LicenseChange.Status.DRAFT:
        raise Http404
    return draft


def review_address(change: LicenseChange) -> str:
    """Return where a draft is reviewed."""
    return reverse("licenses:review", args=[change.customer.tenant_id]) + f"?change={change.pk}"


def follow(change: LicenseChange) -> HttpResponse:
    """Lead to Review of a draft; to its own page what has started, or waits for the plan of many users."""
    if change.status != LicenseChange.Status.DRAFT:
        return redirect("licenses:change", change_id=change.pk)
    return redirect(review_address(change))


def person_of(change: LicenseChange) -> DirectoryUser | None:
    """Return the user on whose page a repair's draft was made; None for any other draft."""
    if change.kind != LicenseChange.Kind.REPAIR or change.parent_id is not None:
        return None
    return DirectoryUser.objects.filter(pk__in=change.planned_users[:1]).first()
