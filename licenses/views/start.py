"""What Manage licenses may start from: a user's licences or a template, by its address or a button; and keeping one.

Nothing is saved at Microsoft by any of it: boxes are filled, and Save or Review changes is still to be pressed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from customers import selection as selections
from customers.models import Customer, DirectoryUser, Selection
from customers.one_user import find_one
from customers.scope import customer_or_404
from licenses.forms import TemplateForm, WishForm
from licenses.models import LicenseTemplate
from licenses.services import start, templates
from licenses.services.refresh import refresh_users
from licensing_portal.gateways.errors import GatewayError
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right

# What is named on the way to the list is waited for as long as it takes to select users.
_REMEMBERED_SECONDS = 10 * 60
_KEY = "manage_start"
_FIELDS = ("from", "also_unassign", "template")


@dataclass(frozen=True, slots=True)
class Origin:
    """What an address names as the start: a user, a template, or both."""

    user: DirectoryUser | None = None
    template: LicenseTemplate | None = None
    also_unassign: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return self.user.display_name if self.user else str(self.template)


@dataclass(frozen=True, slots=True)
class Start:
    """The row of tools of the page: what was filled in, and who may have been meant by a text that means nobody.

    `is_calm`: nothing is wrong with the boxes, so that the plans of changed products stay folded.
    """

    notes: tuple[start.Note, ...] = ()
    candidates: Sequence[DirectoryUser] = ()
    is_calm: bool = False


def named(customer: Customer, data: Mapping[str, str]) -> Origin:
    """Return what an address names. Raises Http404 for a user or a template that is not this customer's."""
    user = template = None
    if "from" in data:
        user = customer.users.filter(object_id=data["from"].replace("\0", "").lower()).first()
        if user is None:
            raise Http404
    if "template" in data:
        template = _template(customer, data["template"])
    return Origin(user, template, data.get("also_unassign") == "1")


def _template(customer: Customer, asked: str) -> LicenseTemplate:
    try:
        found = LicenseTemplate.objects.usable_at(customer).filter(pk=asked).first()
    except (ValidationError, ValueError):
        found = None
    if found is None:
        raise Http404
    return found


def waits_for_users(origin: Origin, selection: Selection) -> bool:
    """Tell whether a start is named and nobody is selected for it, or an old selection waits for its answer."""
    if origin.user is None and origin.template is None:
        return False
    return not _has_others(selection, origin) or selections.is_stale(selection, timezone.now())


def _has_others(selection: Selection, origin: Origin) -> bool:
    """Tell whether anybody is selected but the user whose licences are to be copied."""
    users = selections.users(selection)
    return (users if origin.user is None else users.exclude(pk=origin.user.pk)).exists()


def remember(request: StaffRequest, customer: Customer, origin: Origin) -> None:
    """Keep what the address names until users are selected, and say so."""
    fields = {name: request.GET[name] for name in _FIELDS if name in request.GET}
    request.session[_KEY] = [customer.tenant_id, fields, timezone.now().timestamp()]
    if origin.user is not None:
        text = _("Select the users who are to get the licenses of %(name)s, then open Manage licenses.")
    else:
        text = _("Select the users for the template “%(name)s”, then open Manage licenses.")
    # The message has a button that posts there.
    place = reverse("licenses:manage-forget", args=[customer.tenant_id])
    messages.info(request, text % {"name": origin.name}, extra_tags=place)


def forget(request: StaffRequest, customer: Customer) -> None:
    """Drop what was kept for this customer: the selection is about to be another one, for another job."""
    if request.session.get(_KEY, [""])[0] == customer.tenant_id:
        del request.session[_KEY]


@require_POST
@needs(Right.LICENSE_PLAN)
def forget_start(request: StaffRequest, tenant_id: str) -> HttpResponse:
    """Drop what was kept, and show the list again."""
    customer = customer_or_404(request, tenant_id)
    forget(request, customer)
    messages.success(request, _("Manage licenses starts from nothing again."))
    return redirect("customers:users", tenant_id=customer.tenant_id)


def recalled(request: StaffRequest, customer: Customer, selection: Selection) -> str:
    """Return the query of the address that was kept for this customer, once; empty when there is none."""
    kept = request.session.get(_KEY)
    if not kept or kept[0] != customer.tenant_id or any(name in request.GET for name in (*_FIELDS, "change")):
        return ""
    del request.session[_KEY]
    if timezone.now().timestamp() - kept[2] > _REMEMBERED_SECONDS:
        return ""
    try:
        # Who has selected the user alone wants to manage this user's licences.
        return urlencode(kept[1]) if _has_others(selection, named(customer, kept[1])) else ""
    except Http404:
        return ""


def fill(
    request: StaffRequest, selection: Selection, form: WishForm, origin: Origin, *, is_answering: bool = True
) -> tuple[WishForm, Start]:
    """Return the form with the origin's choices in it; `is_answering`: Microsoft can be asked about the user."""
    notes: list[start.Note] = []
    wish, user = form.wish, origin.user
    if user is not None:
        if is_answering:
            _read_again(request, selection.customer, user)
        if user.deleted_at is not None:
            text = _("%(name)s no longer exists. Nothing was filled in.")
            messages.warning(request, text % {"name": user.display_name})
        else:
            note = start.from_user(user, wish, selection, form.catalog, also_unassign=origin.also_unassign)
            notes.append(note)
            wish = note.filled.wish
    if origin.template is not None:
        note = start.from_template(origin.template, wish, selection, form.catalog)
        notes.append(note)
        wish = note.filled.wish
    return WishForm.of_wish(wish, form.reference, form.catalog), Start(tuple(notes), is_calm=bool(notes))


def _read_again(request: StaffRequest, customer: Customer, user: DirectoryUser) -> None:
    """Read the user at Microsoft, so that what is copied is what they have now."""
    try:
        refresh_users(customer, [user.object_id])
    except GatewayError:
        messages.warning(request, _("Microsoft did not answer. The page shows what was read before."))
    user.refresh_from_db()


def button(data: QueryDict) -> str:
    """Return which of this module's buttons a posted form was sent by; Enter in a field is its button's."""
    go = data.get("go", "")
    if go == "enter":
        fields = {"from": "copy", "template_name": "save-template"}
        go = next((act for name, act in fields.items() if data.get(name, "").strip()), "")
    return go if go in _BUTTONS else ""


def press(request: StaffRequest, selection: Selection, form: WishForm, go: str) -> tuple[WishForm, Start]:
    """Do what a button says: return the form with the choices, or with what is wrong in its errors."""
    return _BUTTONS[go](request, selection, form)


def _copy(request: StaffRequest, selection: Selection, form: WishForm) -> tuple[WishForm, Start]:
    meant = find_one(selection.customer, request.POST.get("from", ""))
    if meant.user is None:
        form.errors["from"] = meant.reason
        return form, Start(candidates=meant.candidates)
    return fill(request, selection, form, Origin(meant.user, also_unassign=request.POST.get("also_unassign") == "1"))


def _apply(request: StaffRequest, selection: Selection, form: WishForm) -> tuple[WishForm, Start]:
    asked = request.POST.get("template", "")
    if not asked:
        form.errors["template"] = _("Choose a template.")
        return form, Start()
    return fill(request, selection, form, Origin(template=_template(selection.customer, asked)))


def _save(request: StaffRequest, selection: Selection, form: WishForm) -> tuple[WishForm, Start]:
    """Keep the products that are to be assigned as a template."""
    template = TemplateForm(request.POST, wish=form.wish)
    if not template.errors:
        customer = None if template.is_for_all else selection.customer
        try:
            templates.create(
                request.user, template.name, template.lines, customer=customer, location=form.location or ""
            )
        except templates.NameTaken:
            template.say_taken()
    if template.errors:
        form.errors |= template.errors
        return form, Start()
    text = _("The template “%(name)s” was saved. No license was changed.")
    messages.success(request, text % {"name": template.name})
    return WishForm.of_wish(form.wish, form.reference, form.catalog), Start(is_calm=True)


_BUTTONS = {"copy": _copy, "template": _apply, "save-template": _save}
