"""Templates: the list of those that a person may use, and the page of one, where it is renamed and deleted."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from customers.folding import fold
from licenses.forms import NameForm
from licenses.models import LicenseTemplate
from licenses.services import templates
from licenses.template_models import MAX_NAME
from licensing_portal.paging import page_of
from licensing_portal.staff.guards import RightMissing, StaffRequest, needs, require
from licensing_portal.staff.roles import Right

_PAGE = 50


@require_safe
@needs(Right.LICENSE_VIEW)
def template_list(request: StaffRequest) -> HttpResponse:
    """Show the templates of all customers and of those in the person's scope, by name."""
    q = request.GET.get("q", "").strip()[:200]
    found = LicenseTemplate.objects.visible_to(request.user).select_related("customer", "created_by")
    page = page_of(found.filter(name_key__contains=fold(q)).order_by("name_key", "pk"), _PAGE, request.GET.get("page"))
    words = templates.in_words(page)
    context = {
        "nav": "templates",
        "q": q,
        "page": page,
        "rows": [(template, words[template.pk]) for template in page],
    }
    return render(request, "licenses/templates.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.LICENSE_VIEW)
def template_page(request: StaffRequest, template_id: UUID) -> HttpResponse:
    """Show a template, rename it, or delete it."""
    found = LicenseTemplate.objects.visible_to(request.user).select_related("customer", "created_by")
    template = found.filter(pk=template_id).first()
    if template is None:
        raise Http404
    if request.method != "POST":
        return _page(request, template, {})
    require(request.user, Right.LICENSE_PLAN)
    if not templates.may_change(request.user, template):
        raise RightMissing(Right.SETTINGS_CHANGE)
    act = _ACTS.get(request.POST.get("go", ""))
    if act is None:
        return _page(request, template, {"": _("This button is not known. Use those of the page.")})
    return act(request, template)


def _page(request: StaffRequest, template: LicenseTemplate, errors: dict[str, str]) -> HttpResponse:
    context = {
        "nav": "templates",
        "template": template,
        "contents": templates.in_words([template])[template.pk],
        "may_change": templates.may_change(request.user, template),
        "typed": request.POST.get("template_name", template.name),
        "max_name": MAX_NAME,
        "errors": errors,
    }
    return render(request, "licenses/template.html", context, status=422 if errors else 200)


def _rename(request: StaffRequest, template: LicenseTemplate) -> HttpResponse:
    form, before = NameForm(request.POST), template.name
    if not form.errors:
        try:
            templates.rename(template, form.name)
        except templates.NameTaken:
            template.name = before
            form.say_taken()
    if form.errors:
        return _page(request, template, form.errors)
    messages.success(request, _("The template is now called “%(name)s”.") % {"name": template.name})
    return redirect("licenses:template", template_id=template.pk)


def _delete(request: StaffRequest, template: LicenseTemplate) -> HttpResponse:
    template.delete()
    text = _("The template “%(name)s” was deleted. Licenses stay as they are.")
    messages.success(request, text % {"name": template.name})
    return redirect("licenses:templates")


_ACTS: dict[str, Callable[[StaffRequest, LicenseTemplate], HttpResponse]] = {"rename": _rename, "delete": _delete}
