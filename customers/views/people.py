"""Find a person: who somebody is and at which customer, when only the name or the address is known."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from customers import people
from customers.folding import one_line
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right


@require_safe
@needs(Right.LICENSE_VIEW)
def find_people(request: StaffRequest) -> HttpResponse:
    """Show the people found in the customers of the person's scope; 422 for a question that would find everybody."""
    q = one_line(request.GET.get("q", ""))[:200]
    is_too_short = bool(q) and people.is_too_short(q)
    found = people.find(request.user, q) if q and not is_too_short else None
    context = {"nav": "people", "q": q, "is_too_short": is_too_short, "found": found, "most": people.SHOWN}
    return render(request, "customers/people.html", context, status=422 if is_too_short else 200)
