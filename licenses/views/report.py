"""The work report of a change: a page made for paper."""

import uuid

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from licenses.services.work_report import work_report
from licenses.views.change import change_or_404
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right


@require_safe
@needs(Right.LICENSE_VIEW)
def work_report_page(request: StaffRequest, change_id: uuid.UUID) -> HttpResponse:
    """Show the report of an ended change; an open one has none yet."""
    change = change_or_404(request, change_id)
    if not change.is_finished:
        return redirect("licenses:change", change_id=change.pk)
    context = {
        "customer": change.customer,
        "nav": "changes",
        "change": change,
        "made_at": timezone.now(),
        "report": work_report(change),
    }
    return render(request, "licenses/report.html", context)
