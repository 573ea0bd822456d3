"""Users and licenses: the list with its selection. A post states the whole page and is answered by its address."""

from dataclasses import dataclass

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from customers import selection as selections
from customers.models import Customer, DirectoryUser, Selection
from customers.scope import customer_or_404
from customers.user_list import SIZES, STATUSES, BadQuery, Facets, UserQuery, matching, parse, read_page, tags_of
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right

# Where a button of the pager leads; a page beyond the end is the last one.
_STEPS = {
    "first": lambda page: 1,
    "prev": lambda page: page - 1,
    "next": lambda page: page + 1,
    "last": lambda page: 10**8,
}


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.LICENSE_VIEW)
def user_list(request: StaffRequest, tenant_id: str) -> HttpResponse:
    """Show a page of users, or take a page's ticks and go where the button says."""
    customer = customer_or_404(request, tenant_id)
    selection = selections.get(request.user, customer)
    facets = Facets(customer)
    if request.method == "POST":
        return _post(request, customer, selection, facets)
    status = 200
    problem = ""
    try:
        query = parse(request.GET, facets)
    except BadQuery as error:
        query, status = UserQuery(), 422
        problem = _('The value of "%(field)s" is not known; the list shows all users.') % {"field": error.field}
    context = _context(customer, selection, facets, query) | {"problem": problem}
    return render(request, "customers/users.html", context, status=status)


@dataclass(frozen=True, slots=True)
class Row:
    """A user as the list shows them."""

    user: DirectoryUser
    is_selected: bool

    @property
    def tags(self) -> list:  # type: ignore[type-arg]
        """The first three licences."""
        return tags_of(self.user)[:3]

    @property
    def more(self) -> list:  # type: ignore[type-arg]
        """The licences beyond three."""
        return tags_of(self.user)[3:]


def _context(customer: Customer, selection: Selection, facets: Facets, query: UserQuery) -> dict[str, object]:
    page = read_page(matching(customer, query), query)
    chosen = selections.chosen_among(selection, [user.pk for user in page.rows])
    return {
        "customer": customer,
        "nav": "users",
        "selection": selection,
        "selected": selections.count(selection),
        "is_stale": selections.is_stale(selection, timezone.now()),
        "query": query,
        "page": page,
        "rows": [Row(user, user.pk in chosen) for user in page.rows],
        "facets": facets,
        "statuses": [(value, label) for value, (_condition, label) in STATUSES.items()],
        "sizes": SIZES,
        "sorts": [_sort(query, field) for field in ("name", "location", "status")],
    }


def _sort(query: UserQuery, field: str) -> dict[str, str]:
    """Return how a column is sorted and what its button asks for."""
    states = {field: ("ascending", f"-{field}"), f"-{field}": ("descending", field)}
    state, following = states.get(query.sort, ("none", field))
    return {"state": state, "next": following}


def _post(request: StaffRequest, customer: Customer, selection: Selection, facets: Facets) -> HttpResponse:
    """Take the ticks of the page, then do what the button says."""
    data = request.POST
    _take_ticks(customer, selection, data, from_script=bool(request.htmx))
    try:
        query = parse(data, facets)
    except BadQuery:
        query = UserQuery()
    go = data.get("go", "save")
    if go == "save" and request.htmx:
        total = matching(customer, query).count()
        context = {
            "customer": customer,
            "selected": selections.count(selection),
            "page": {"total": total},
            "oob": True,
        }
        return render(request, "customers/users.html#ticked", context)
    changes = _act(go, customer, selection, query)
    address = query.address(**changes)
    return redirect(reverse("customers:users", args=[customer.tenant_id]) + (f"?{address}" if address else ""))


def _take_ticks(customer: Customer, selection: Selection, data: QueryDict, *, from_script: bool) -> None:
    """Make the page's users selected as ticked; an id of anybody else refuses the whole form."""
    shown, ticked = data.getlist("shown"), set(data.getlist("sel"))
    if not shown:
        return
    pks = dict(DirectoryUser.objects.filter(customer=customer, object_id__in=shown).values_list("object_id", "pk"))
    if len(pks) < len(set(shown)) or not ticked <= set(shown):
        raise Http404
    if data.get("page_all") and not from_script:
        ticked = set(shown)
    before = selections.chosen_among(selection, list(pks.values()))
    wanted = {pks[object_id] for object_id in ticked}
    if before != wanted:
        selections.state_page(selection, [pks[object_id] for object_id in shown], wanted)


def _act(go: str, customer: Customer, selection: Selection, query: UserQuery) -> dict[str, object]:
    """Do what a button says; return what changes in the list's address."""
    if go == "matching":
        selections.add_matching(selection, matching(customer, query))
    elif go == "clear":
        selections.clear(selection)
    elif go == "keep":
        selections.keep(selection)
    elif go.startswith("sort:"):
        wanted = go.removeprefix("sort:")
        return {"sort": wanted, "page": 1} if wanted.removeprefix("-") in ("name", "location", "status") else {}
    elif go == "search":
        return {"page": 1}
    elif go in _STEPS:
        return {"page": max(1, _STEPS[go](query.page))}
    return {}
