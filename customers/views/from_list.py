"""Select from a list: pasted or uploaded lines become the selection; those that name nobody stay in the box.

Whom the portal does not know can be looked up at Microsoft, by a function that the addresses of the site bring along.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from customers import selection as selections
from customers.from_list import AtMicrosoft, Found, Problem, find_users
from customers.list_form import Posted, in_box, read_form
from customers.models import Customer, Selection, Source
from customers.scope import customer_or_404
from licensing_portal.gateways.errors import GatewayError
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right

logger = logging.getLogger(__name__)

# Reasons that are printed; the lines behind the others are in the box too.
_PRINTED = 200
# Lines that are looked up while the person waits.
MAX_LOOKED_UP = 300

# Asks Microsoft for addresses and object ids and stores whom it knows: the keys that fit a user, by object id.
type LookUp = Callable[[Customer, Sequence[str]], Mapping[str, Collection[str]]]


@dataclass(kw_only=True)
class Answer:
    """What became of a list: the text left in the box, a refusal, or how many of its lines were found.

    `looked_up`: how many unknown lines Microsoft was asked for; `unasked`: how many it may still be asked for.
    """

    text: str = ""
    refusal: str | Promise = ""
    about: str = "lines"
    found: int = 0
    total: int = 0
    problems: list[Problem] = field(default_factory=list)
    looked_up: int = 0
    unasked: int = 0
    has_failed: bool = False

    @property
    def is_about_lines(self) -> bool:
        """Whether something is wrong with what is in the box."""
        return bool(self.problems or (self.refusal and self.about == "lines"))

    @property
    def is_about_file(self) -> bool:
        """Whether the file was refused."""
        return bool(self.refusal) and self.about == "file"


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.LICENSE_VIEW)
def select_from_list(request: StaffRequest, tenant_id: str, look_up: LookUp) -> HttpResponse:
    """Show the box, or select the users of its lines; 422 when not one of them is found."""
    customer = customer_or_404(request, tenant_id)
    selection = selections.get(request.user, customer)
    answer = Answer()
    if request.method == "POST":
        posted = read_form(request.POST.get("lines", "").replace("\0", ""), request.FILES.get("file"))
        answer = _select(customer, selection, posted, look_up if request.POST.get("go") == "lookup" else None)
        if answer.found and not answer.problems:
            messages.success(request, _all_found(answer.found))
            return redirect("customers:selected", tenant_id=customer.tenant_id)
    context = {
        "customer": customer,
        "nav": "users",
        "answer": answer,
        "printed": answer.problems[:_PRINTED],
        "unprinted": max(0, len(answer.problems) - _PRINTED),
        "selected": selections.count(selection),
    }
    return render(request, "customers/from_list.html", context, status=422 if answer.refusal else 200)


def _select(customer: Customer, selection: Selection, posted: Posted, look_up: LookUp | None) -> Answer:
    """Add the users of a list to the selection, in the order of its lines."""
    if posted.refusal:
        return Answer(text=posted.text, refusal=posted.refusal, about=posted.about)
    answer = Answer(text=posted.box, total=len(posted.lines))
    found = find_users(customer, posted.lines)
    asked: Sequence[str] = found.unknown[:MAX_LOOKED_UP]
    if look_up is not None and asked:
        found = _ask(customer, posted, asked, look_up, answer) or found
    answer.found, answer.problems = len(found.lines), found.problems
    told = frozenset(asked) if answer.looked_up else frozenset()
    answer.unasked = sum(problem.is_unknown and problem.line.key not in told for problem in found.problems)
    if found.lines or told:
        # While more can be asked for, whom Microsoft does not know comes last: the next look-up asks for the others.
        left = sorted(found.problems, key=lambda problem: bool(answer.unasked) and problem.line.key in told)
        answer.text = in_box([problem.line for problem in left])
    if found.lines:
        numbers = {pk: str(line.number) for pk, line in found.lines.items()}
        selections.add(selection, list(found.lines), Source.LIST, numbers)
    else:
        answer.refusal = _("None of these lines names a user of this customer. Nothing was selected.")
    return answer


def _ask(customer: Customer, posted: Posted, keys: Sequence[str], look_up: LookUp, answer: Answer) -> Found | None:
    """Find the lines once more with what Microsoft knows; None when it did not answer."""
    try:
        known = look_up(customer, keys)
    except GatewayError as error:
        logger.warning("users of %s could not be looked up: %s", customer.tenant_id, error)
        answer.has_failed = True
        return None
    answer.looked_up = len(keys)
    return find_users(customer, posted.lines, AtMicrosoft(frozenset(keys), known))


def _all_found(number: int) -> str:
    return ngettext("%(n)d line found and selected.", "All %(n)d lines found and selected.", number) % {"n": number}
