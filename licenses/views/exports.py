"""Files to download: the lists and results of the pages, whole, as CSV or as a workbook (`?format=xlsx`)."""

import uuid
from collections.abc import Collection

from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from customers import selection as selections
from customers.customer_query import CustomerQuery, in_order, matching
from customers.models import Customer, DirectoryUser
from customers.scope import customer_or_404
from customers.user_list import in_order as users_in_order
from customers.user_query import LABELS, Facets, read_query, unknown_fields
from licenses.models import LicenseChange
from licenses.services.change_list import FIELDS, ChangeList
from licenses.services.exports.changes import change_sheet
from licenses.services.exports.products import customer_sheet, product_sheet
from licenses.services.exports.result import result_sheet
from licenses.services.exports.review import review_sheet
from licenses.services.exports.users import user_sheet
from licenses.views.change import change_or_404
from licenses.views.drafts import own_change
from licensing_portal.errors import refused
from licensing_portal.sheet_answers import file_name, sheet_answer
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right

_CUSTOMER_FIELDS = {
    "need": gettext_lazy("What needs attention"),
    "relationship": gettext_lazy("Access"),
    "sort": gettext_lazy("Order"),
}


def _unknown(request: StaffRequest, names: Collection[object]) -> HttpResponse:
    """Refuse an address with a value that the list does not know: a file of everybody would be taken for an answer."""
    fields = '", "'.join(str(name) for name in names)
    return refused(request, _('The value of "%(field)s" is not known.') % {"field": fields})


@require_safe
@needs(Right.LICENSE_VIEW)
def users(request: StaffRequest, tenant_id: str) -> HttpResponseBase:
    """Answer all users whom the list's filters match, in its order."""
    customer = customer_or_404(request, tenant_id)
    query = read_query(request.GET)
    if unknown := unknown_fields(query, Facets(customer)):
        return _unknown(request, [LABELS[field] for field in dict.fromkeys(unknown)])
    return _users(request, customer, users_in_order(customer, query), _("Users and licenses"))


@require_safe
@needs(Right.LICENSE_VIEW)
def selected_users(request: StaffRequest, tenant_id: str) -> HttpResponseBase:
    """Answer the person's selected users, in list order."""
    customer = customer_or_404(request, tenant_id)
    chosen = selections.users(selections.get(request.user, customer))
    return _users(request, customer, chosen, _("Selected users"))


def _users(request: StaffRequest, customer: Customer, found: QuerySet[DirectoryUser], what: str) -> HttpResponseBase:
    return sheet_answer(request, user_sheet(customer, found), file_name(customer.name, what))


@require_safe
@needs(Right.LICENSE_VIEW)
def customers(request: StaffRequest) -> HttpResponseBase:
    """Answer the products of all customers whom the list's filters match."""
    query = CustomerQuery.read(request.GET)
    if unknown := query.unknown:
        return _unknown(request, [name for field, name in _CUSTOMER_FIELDS.items() if field in unknown])
    now = timezone.now()
    found = in_order(matching(Customer.objects.visible_to(request.user), query, now), query.sort, now)
    return sheet_answer(request, customer_sheet(found, now=now), file_name("", _("Products of customers")))


@require_safe
@needs(Right.LICENSE_VIEW)
def products(request: StaffRequest, tenant_id: str) -> HttpResponseBase:
    """Answer the products of a customer that the page's search finds."""
    customer = customer_or_404(request, tenant_id)
    q = request.GET.get("q", "").strip()[:200]
    sheet = product_sheet(customer, q, now=timezone.now())
    return sheet_answer(request, sheet, file_name(customer.name, _("Products")))


@require_safe
@needs(Right.LICENSE_VIEW)
def customer_changes(request: StaffRequest, tenant_id: str) -> HttpResponseBase:
    """Answer one customer's changes that the filters of the history match."""
    return _changes(request, customer_or_404(request, tenant_id))


@require_safe
@needs(Right.LICENSE_VIEW)
def all_changes(request: StaffRequest) -> HttpResponseBase:
    """Answer the same of every customer in the person's scope."""
    return _changes(request, None)


def _changes(request: StaffRequest, customer: Customer | None) -> HttpResponseBase:
    found = ChangeList(Customer.objects.visible_to(request.user), customer)
    query = found.parse(request.GET, found.offered_products(request.GET.get("product", "").strip()))
    if query.errors:
        return _unknown(request, [FIELDS[field] for field in query.errors])
    what = file_name(customer.name if customer else "", _("Change history"))
    return sheet_answer(request, change_sheet(found.matching(query)), what)


@require_safe
@needs(Right.LICENSE_PLAN)
def review(request: StaffRequest, tenant_id: str) -> HttpResponseBase:
    """Answer one's own draft per user; what is no draft any more leads to its page."""
    customer = customer_or_404(request, tenant_id)
    change = own_change(request, tenant_id, request.GET.get("change", ""))
    if change.status != LicenseChange.Status.DRAFT:
        return redirect("licenses:change", change_id=change.pk)
    return sheet_answer(request, review_sheet(change), file_name(customer.name, _("Review changes")))


@require_safe
@needs(Right.LICENSE_VIEW)
def result(request: StaffRequest, change_id: uuid.UUID) -> HttpResponseBase:
    """Answer the result per user; an open change has none yet."""
    change = change_or_404(request, change_id)
    if not change.is_finished:
        return redirect("licenses:change", change_id=change.pk)
    return sheet_answer(request, result_sheet(change), file_name(change.customer.name, _("Licenses updated")))
