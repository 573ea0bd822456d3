"""Users and licenses: the list with its selection. A post states the whole page and is answered by its address."""

import re
from collections.abc import Callable

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django_htmx.http import push_url

from customers import selection as selections
from customers.models import Customer, DirectoryUser, Selection
from customers.scope import customer_or_404
from customers.user_list import count_pages, matching, read_page, rows_of
from customers.user_query import LABELS, SIZES, SORTS, STATUSES, Facets, UserQuery, read_query, unknown_fields
from customers.views.gone import say_gone
from licensing_portal.converters import GuidConverter
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right

# Where a button of the pager leads, from the present page and the number of pages.
_STEPS: dict[str, Callable[[int, int], int]] = {
    "first": lambda page, pages: 1,
    "prev": lambda page, pages: max(1, page - 1),
    "next": lambda page, pages: min(pages, page + 1),
    "last": lambda page, pages: pages,
}
# Buttons that lead away once the ticks are taken.
_LEADS = {"list": "customers:from-list", "selected": "customers:selected", "manage": "licenses:manage"}
_ACTS = {"save", "search", "matching", "clear", "keep", "restore", *_STEPS, *_LEADS}
_GUID = re.compile(GuidConverter.regex)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.LICENSE_VIEW)
def user_list(request: StaffRequest, tenant_id: str) -> HttpResponse:
    """Show a page of users, or take a page's ticks and go where the button says."""
    customer = customer_or_404(request, tenant_id)
    selection = selections.get(request.user, customer)
    facets = Facets(customer)
    # The question about an old selection is a form without fields of the list: its address has them.
    data = request.GET.copy()
    data.update(request.POST)
    query = read_query(data)
    unknown = unknown_fields(query, facets) + _unknown_button(request.POST)
    if unknown:
        # Everybody, so that the list is not a part of the users by mistake; the controls keep what was typed.
        everybody = _context(customer, selection, facets, UserQuery(size=query.size))
        context = everybody | {"problem": _problem(unknown), "unknown": unknown, "typed": query}
        return render(request, "customers/users.html", context, status=422)
    if request.method == "POST":
        return _post(request, customer, selection, query, request.POST.get("go", "save"))
    context = _context(customer, selection, facets, query)
    if request.htmx and not request.htmx.history_restore_request:
        # The address that a reload would ask for; the form itself is posted to the list's own.
        context["oob"] = True
        return push_url(render(request, "customers/users.html#swapped", context), request.get_full_path())
    return render(request, "customers/users.html", context)


def _context(customer: Customer, selection: Selection, facets: Facets, query: UserQuery) -> dict[str, object]:
    page = read_page(matching(customer, query), query, selection)
    rows = rows_of(page.rows, page.chosen)
    selected = selections.count(selection)
    return {
        "customer": customer,
        "nav": "users",
        "selection": selection,
        "selected": selected,
        "earlier": selections.earlier_count(selection, timezone.now()),
        "is_stale": bool(selected) and selections.is_stale(selection, timezone.now()),
        "query": query,
        "typed": query,
        "page": page,
        "rows": rows,
        "all_ticked": all(row.is_selected for row in rows),
        "facets": facets,
        "statuses": [(value, label) for value, (_condition, label) in STATUSES.items()],
        "sizes": SIZES,
        "sorts": [_sort(query, field) for field in SORTS],
    }


def _sort(query: UserQuery, field: str) -> dict[str, str]:
    """Return how a column is sorted and what its button asks for."""
    states = {field: ("ascending", f"-{field}"), f"-{field}": ("descending", field)}
    state, following = states.get(query.sort, ("none", field))
    return {"state": state, "next": following}


def _unknown_button(data: QueryDict) -> list[str]:
    """Return the parameter that names a button which the page does not have."""
    go = data.get("go", "save")
    if go.startswith("sort:"):
        return [] if go.removeprefix("sort:").removeprefix("-") in SORTS else ["sort"]
    return [] if go in _ACTS else ["go"]


def _problem(unknown: list[str]) -> str:
    """Return the sentence that names the fields as the page does."""
    names = '", "'.join(str(LABELS[field]) for field in dict.fromkeys(unknown))
    return _('The value of "%(field)s" is not known; the list shows all users.') % {"field": names}


def _post(request: StaffRequest, customer: Customer, selection: Selection, query: UserQuery, go: str) -> HttpResponse:
    """Take the ticks of the page, then do what the button says."""
    gone = _take_ticks(customer, selection, request.POST, from_script=bool(request.htmx))
    # A fragment has no place for it; the page that follows says it.
    if not request.htmx or go != "save":
        say_gone(request, gone)
    if go == "save" and request.htmx:
        context = {
            "customer": customer,
            "selected": selections.count(selection),
            "earlier": selections.earlier_count(selection, timezone.now()),
            "page": {"total": matching(customer, query).count()},
            "oob": True,
            "is_tick": True,
        }
        return render(request, "customers/users.html#ticked", context)
    if go in _LEADS:
        return redirect(_LEADS[go], tenant_id=customer.tenant_id)
    address = query.address(**_act(go, customer, selection, query))
    return redirect(reverse("customers:users", args=[customer.tenant_id]) + (f"?{address}" if address else ""))


def _take_ticks(customer: Customer, selection: Selection, data: QueryDict, *, from_script: bool) -> list[str]:
    """Make the page's users selected as ticked; an id of anybody else refuses the whole form.

    Returns the names of those ticked who were deleted meanwhile: the others are taken without them.
    """
    shown = list(dict.fromkeys(map(str.lower, data.getlist("shown"))))
    ticked = set(map(str.lower, data.getlist("sel")))
    known = _users_by_id(customer, ticked.union(shown))
    if not from_script:
        ticked = _with_page_box(data, shown, ticked)
    here = [known[object_id] for object_id in shown if known[object_id].deleted_at is None]
    pages = [user.pk for user in here]
    wanted = {user.pk for user in here if user.object_id in ticked}
    # A page as it was is no change: the counter would send others' forms to Review.
    if pages and selections.chosen_among(selection, pages) != wanted:
        selections.state_page(selection, pages, wanted)
    return [user.display_name for key, user in known.items() if key in ticked and user.deleted_at is not None]


def _with_page_box(data: QueryDict, shown: list[str], ticked: set[str]) -> set[str]:
    """Return the ticks as the box of the whole page makes them, if somebody has changed it without script."""
    is_on, was_on = bool(data.get("page_all")), bool(data.get("page_all_was"))
    if is_on and not was_on:
        return set(shown)
    # Rows that were changed beside it say more than the box.
    return set() if was_on and not is_on and ticked.issuperset(shown) else ticked


def _users_by_id(customer: Customer, object_ids: set[str]) -> dict[str, DirectoryUser]:
    """Return users by object id, those deleted since too; 404 if one of them is not this customer's."""
    if not all(map(_GUID.fullmatch, object_ids)):
        raise Http404
    found = DirectoryUser.objects.filter(customer=customer, object_id__in=object_ids).order_by("sort_key", "id")
    known = {user.object_id: user for user in found.only("object_id", "display_name", "deleted_at")}
    if len(known) < len(object_ids):
        raise Http404
    return known


def _act(go: str, customer: Customer, selection: Selection, query: UserQuery) -> dict[str, object]:
    """Do what a button says; return what changes in the list's address."""
    if go == "matching":
        selections.add_matching(selection, matching(customer, query), query.filters)
    elif go == "clear":
        selections.clear(selection)
    elif go == "keep":
        selections.keep(selection)
    elif go == "restore":
        selections.restore(selection)
    elif go.startswith("sort:"):
        return {"sort": go.removeprefix("sort:"), "page": 1}
    elif go == "search":
        return {"page": 1}
    elif go in _STEPS:
        return {"page": _STEPS[go](query.page, count_pages(matching(customer, query).count(), query.size))}
    return {}
