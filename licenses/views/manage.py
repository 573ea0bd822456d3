"""Manage licenses: the boxes of the selected users, the live summary, and the way to Review or to the save."""

import uuid
from enum import StrEnum
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from customers import selection as selections
from customers.models import Customer, Selection
from customers.scope import customer_or_404
from licenses import doorbell
from licenses.core.catalog import Catalog
from licenses.core.diff import Wish
from licenses.countries import choices, country_name
from licenses.forms import MAX_REFERENCE, WishForm, content_of, one_time_key
from licenses.models import LicenseChange
from licenses.services import keys, save, templates
from licenses.services import manage as boxes
from licenses.services.refresh import read_if_few
from licenses.services.states import load_catalog
from licenses.services.wishes import wish_from_json
from licenses.template_models import MAX_NAME
from licenses.views import start
from licenses.views.drafts import follow, named_draft
from licensing_portal.gateways.errors import GatewayError
from licensing_portal.staff.guards import StaffRequest, needs, require
from licensing_portal.staff.roles import Right

CHIPS = 50
_NAMED = 10


class Read(StrEnum):
    """Whether the selected users were read again, or will be."""

    NOW = "now"
    LATER = "later"


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.LICENSE_PLAN)
def manage(request: StaffRequest, tenant_id: str) -> HttpResponse:
    """Show the boxes, or take what was chosen."""
    customer = customer_or_404(request, tenant_id)
    selection = selections.get(request.user, customer)
    if request.method == "POST":
        return _post(request, customer, selection)
    draft, origin = named_draft(request, tenant_id), start.named(customer, request.GET)
    if start.waits_for_users(origin, selection):
        start.remember(request, customer, origin)
        return _to_the_list(customer)
    if (away := _not_ready(request, customer, selection)) is not None:
        return away
    if query := start.recalled(request, customer, selection):
        return redirect(f"{request.path}?{query}")
    if not (read := _read_again(customer, selection)):
        messages.warning(request, _("Microsoft did not answer. The page shows what was read before."))
    form = _first_form(load_catalog(customer), draft)
    form, started = start.fill(request, selection, form, origin, is_answering=read is not None)
    return _page(request, customer, selection, form, started=started, is_reading=read == Read.LATER)


def _first_form(catalog: Catalog, draft: LicenseChange | None) -> WishForm:
    """Return the form as it opens: empty, or with what a draft wishes."""
    if draft is None:
        return WishForm(QueryDict(), catalog)
    return WishForm.of_wish(wish_from_json(draft.wish), draft.reference, catalog)


def _not_ready(request: StaffRequest, customer: Customer, selection: Selection) -> HttpResponse | None:
    """Send back to the list while nobody is selected, or an old selection waits for its answer."""
    if not selections.users(selection).exists():
        return _nobody(request, customer)
    if selections.is_stale(selection, timezone.now()):
        return _to_the_list(customer)
    return None


def _nobody(request: StaffRequest, customer: Customer) -> HttpResponse:
    messages.warning(request, _("Nobody is selected. Tick the users whose licenses you want to manage."))
    return _to_the_list(customer)


def _to_the_list(customer: Customer) -> HttpResponse:
    """Answer "see other": the address itself has not moved."""
    answer = redirect("customers:users", tenant_id=customer.tenant_id)
    answer.status_code = HTTPStatus.SEE_OTHER
    return answer


def _read_again(customer: Customer, selection: Selection) -> Read | None:
    """Read the selected users and the products again, now or (many users) in the background; None for no answer."""
    try:
        # In no order: sorting thousands would cost more than finding that they are many.
        if not read_if_few(customer, selections.users(selection).order_by()):
            doorbell.refresh_selected.enqueue(selection.pk)
            return Read.LATER
    except GatewayError:
        return None
    finally:
        # Users who turned out to be deleted have left the selection.
        selection.refresh_from_db(fields=["counter"])
    return Read.NOW


def _page(
    request: StaffRequest,
    customer: Customer,
    selection: Selection,
    form: WishForm,
    status: int = 200,
    *,
    started: start.Start | None = None,
    is_reading: bool = False,
    posted: WishForm | None = None,
) -> HttpResponse:
    """Render the page with what the form already holds and what it started from.

    `is_reading`: the users are being read again meanwhile. `posted`: the form that was filled in further, which was
    rendered earlier: what has changed since is still to be asked about.
    """
    users = selections.users(selection)
    chosen = boxes.chosen_users(users, CHIPS)
    unset = users.filter(usage_location="").values_list("display_name", flat=True)
    rows = boxes.product_rows(
        customer, selection, form.catalog, form.wish, total=chosen.total, errors=form.product_errors
    )
    language = get_language() or "en"
    context = {
        "customer": customer,
        "nav": "users",
        "selection": selection,
        "chips": chosen.chips,
        "total": chosen.total,
        "more": max(0, chosen.total - CHIPS),
        "as_of": chosen.as_of,
        "is_reading": is_reading,
        "rows": [row for row in rows if not row.is_folded],
        "folded": [row for row in rows if row.is_folded],
        "form": form,
        "reference": form.data.get("reference", ""),
        "max_reference": MAX_REFERENCE,
        "key": uuid.uuid4().hex,
        "counter": selection.counter if posted is None else posted.counter,
        "seen": ((posted and posted.seen) or timezone.now()).isoformat(),
        "unset": list(unset[:_NAMED]) if chosen.unset else [],
        "unset_total": chosen.unset,
        "proposed": (customer.country, country_name(customer.country, language)) if customer.country else None,
        "countries": choices(language),
        "may_buy": request.user.may(Right.PRODUCT_BUY),
        "start": started,
        "templates": templates.offered(customer),
        "max_name": MAX_NAME,
    }
    return render(request, "licenses/manage.html", context, status=status)


def _start(request: StaffRequest, customer: Customer, selection: Selection, go: str) -> HttpResponse:
    """Fill boxes, or keep a template, and show the page again; nothing of it is a save."""
    if (away := _not_ready(request, customer, selection)) is not None:
        return away
    posted, started = WishForm(request.POST, load_catalog(customer)), None
    form = posted
    if not form.errors:
        form, started = start.press(request, selection, form, go)
    status = 422 if form.errors else 200
    return _page(request, customer, selection, form, status=status, started=started, posted=posted)


def _post(request: StaffRequest, customer: Customer, selection: Selection) -> HttpResponse:
    """Take what was chosen; a form posted again leads where it led before, whatever the customer owns by now."""
    if go := start.button(request.POST):
        return _start(request, customer, selection, go)
    key, content = one_time_key(request.POST), keys.content_digest(customer, content_of(request.POST))
    try:
        first = keys.same_key(request.user, customer, key, content) if key else None
        if first is None:
            answer = _take(request, customer, selection, content)
            # The same form, posted at the same time, may have taken the users meanwhile.
            first = keys.same_key(request.user, customer, key, content) if answer is None and key else None
            if first is None:
                return answer or _nobody(request, customer)
    except keys.KeyReused as reused:
        return render(request, "licenses/key_reused.html", {"customer": customer, "first": reused.change}, status=409)
    _require(request, wish_from_json(first.wish))
    return _follow(first)


def _require(request: StaffRequest, wish: Wish) -> None:
    require(request.user, Right.LICENSE_REVOKE if wish.removes else Right.LICENSE_ASSIGN)


def _take(request: StaffRequest, customer: Customer, selection: Selection, content: str) -> HttpResponse | None:
    """Store a draft of what was chosen, and start it or show Review; None when nobody is selected."""
    form = WishForm(request.POST, load_catalog(customer))
    _require(request, form.wish)
    if not selections.users(selection).exists():
        return None
    if (refusal := _refusal(request, customer, selection, form)) is not None:
        return refusal
    try:
        draft = save.make_draft(
            staff=request.user,
            customer=customer,
            wish=form.wish,
            key=form.key,
            content=content,
            reference=form.reference,
            selection=selection,
            counter=form.counter,
            seen=form.seen,
            starts_itself=form.starts,
        )
    except save.NobodySelected:
        return None
    except save.TooManyUsers as error:
        form.errors[""] = _("One change holds at most %(n)d users. Select fewer.") % {"n": error.limit}
        return _page(request, customer, selection, form, status=422)
    return _follow(draft)


def _refusal(request: StaffRequest, customer: Customer, selection: Selection, form: WishForm) -> HttpResponse | None:
    """Answer a form that cannot be stored, or an old selection that waits for its answer; None when it can."""
    if selections.is_stale(selection, timezone.now()):
        return _to_the_list(customer)
    if not form.errors and form.wish.is_empty:
        form.errors[""] = _("Choose a product, a service plan or a location.")
    if not form.key:
        form.errors[""] = _("This form is too old. Check your choices and save again.")
    if form.errors:
        return _page(request, customer, selection, form, status=422)
    return None


def _follow(draft: LicenseChange) -> HttpResponse:
    """Go where the draft leads: to its own page once it runs or is planned, else to Review."""
    if draft.starts_itself and draft.status == LicenseChange.Status.DRAFT and not draft.causes:
        draft = save.start(draft, unattended=True)
    return follow(draft)
