"""One user: facts, app check, products by path, errors with their repairs, and history."""

import uuid

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from customers import selection as selections
from customers.models import DirectoryUser, Source
from customers.scope import customer_or_404
from customers.user_list import as_of as known_as_of
from customers.views.gone import say_gone
from customers.views.set_aside import tell_set_aside
from licenses.app_lines import AppPage, app_page
from licenses.app_words import APPS
from licenses.core.apps import App
from licenses.countries import choices, named_code
from licenses.services import app_check, user_repair
from licenses.services.user_page import read_page
from licenses.services.user_reading import Reading, read_now
from licenses.ticket_text import ticket_text
from licenses.views import start
from licenses.views.user_repair import Refused, obey
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.LICENSE_VIEW)
def user_page(request: StaffRequest, tenant_id: str, object_id: str) -> HttpResponse:
    """Show a user, check an app for them, mend something, or select this user alone and manage their licences."""
    customer = customer_or_404(request, tenant_id)
    user = DirectoryUser.objects.filter(customer=customer, object_id=object_id).first()
    if user is None:
        raise Http404
    user.customer = customer
    name = request.GET.get("app", "")
    app = App(name) if name in App else None
    refused = Refused(_("This app is not known. Choose one of the list.")) if name and app is None else None
    if request.method == "POST":
        try:
            return _post(request, user, app)
        except Refused as error:
            refused = error
    return _show(request, user, app, refused)


def _post(request: StaffRequest, user: DirectoryUser, app: App | None) -> HttpResponse:
    """Do what a button says. Raises Refused."""
    go = request.POST.get("go", "manage")
    if go == "repair":
        return obey(request, user, app)
    if go != "manage":
        raise Refused(_("This button is not known."))
    if user.deleted_at is not None:
        say_gone(request, [user.display_name])
        return redirect("customers:user", tenant_id=user.customer.tenant_id, object_id=user.object_id)
    selection = selections.get(request.user, user.customer)
    start.forget(request, user.customer)
    tell_set_aside(request, user.customer, selections.replace(selection, [user.pk], Source.PAGE))
    return redirect("licenses:manage", tenant_id=user.customer.tenant_id)


def _show(request: StaffRequest, user: DirectoryUser, app: App | None, refused: Refused | None) -> HttpResponse:
    """Render the page; with an app the user is read again first, so that the check speaks of now."""
    reading = read_now(user) if app is not None else Reading(is_fresh=False)
    customer, language = user.customer, get_language() or "en"
    found = read_page(user)
    as_of = known_as_of(user, customer)
    check: AppPage | None = None
    paths: dict[str, user_repair.RepairForm] = {}
    if app is not None or found.broken:
        licences = found.licences or app_check.load_licences(user)
        paths = user_repair.path_forms(licences)
        if app is not None:
            report = app_check.run(user, app, licences, reading)
            forms = user_repair.check_forms(report.checks, licences)
            check = app_page(user, report, paths, forms, as_of=as_of)
    in_check = {form.id for line in check.lines for form in line.forms} if check else set()
    context = {
        "customer": customer,
        "nav": "users",
        "person": user,
        "as_of": as_of,
        "location": named_code(user.usage_location, language),
        "paths": found.paths,
        # What the check offers is not offered twice.
        "errors": [(path, None if path.key in in_check else paths.get(path.key)) for path in found.broken],
        "lines": found.lines,
        "is_cut": found.is_cut,
        "shown": len(found.lines),
        "ticket": ticket_text(user, found, as_of),
        "apps": [(one.value, APPS[one]) for one in App],
        "check": check,
        "is_fresh": reading.is_fresh,
        "may_plan": request.user.may(Right.LICENSE_PLAN),
        "key": uuid.uuid4().hex,
        "countries": choices(language) if check or paths else (),
        "chosen_location": request.POST.get("location") or customer.country,
        "problem": refused.text if refused else "",
        "refused_at": refused.form if refused else "",
    }
    return render(request, "customers/user.html", context, status=422 if refused else 200)
