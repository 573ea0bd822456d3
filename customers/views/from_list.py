"""Select from a list: pasted lines become the selection, and those that name nobody stay in the box."""

from dataclasses import dataclass, field

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from customers import selection as selections
from customers.from_list import MAX_BYTES, MAX_LINES, Problem, find_users
from customers.models import Customer, Selection, Source
from customers.pasted import read_lines, split_lines
from customers.scope import customer_or_404
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right

# Reasons that are printed; the lines behind the others are in the box too.
_PRINTED = 200


@dataclass(kw_only=True)
class Answer:
    """What became of a list: the text left in the box, a refusal, or how many of its lines were found."""

    text: str = ""
    refusal: str = ""
    found: int = 0
    total: int = 0
    problems: list[Problem] = field(default_factory=list)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.LICENSE_VIEW)
def select_from_list(request: StaffRequest, tenant_id: str) -> HttpResponse:
    """Show the box, or select the users of its lines; 422 when not one of them is found."""
    customer = customer_or_404(request, tenant_id)
    selection = selections.get(request.user, customer)
    answer = Answer()
    if request.method == "POST":
        answer = _select(customer, selection, request.POST.get("lines", "").replace("\0", ""))
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


def _select(customer: Customer, selection: Selection, text: str) -> Answer:
    """Add the users of a list to the selection, in the order of its lines."""
    if refusal := _too_much(text):
        return Answer(text=text, refusal=refusal)
    lines = read_lines(text)
    if not lines:
        return Answer(text=text, refusal=_("Enter at least one sign-in name, mail address or object ID."))
    found = find_users(customer, lines)
    answer = Answer(text=text, found=len(found.lines), total=len(lines), problems=found.problems)
    if not found.lines:
        answer.refusal = _("None of these lines names a user of this customer. Nothing was selected.")
        return answer
    numbers = {pk: str(number) for pk, number in found.lines.items()}
    selections.add(selection, list(found.lines), Source.LIST, numbers)
    answer.text = "\n".join(problem.line.text for problem in found.problems)
    return answer


def _too_much(text: str) -> str:
    """Return why a text is too long to be looked up, or nothing."""
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        return _("This list is larger than %(n)d MB. Paste it in parts: the selection adds up.") % {
            "n": MAX_BYTES // 1024**2
        }
    if len(split_lines(text)) > MAX_LINES:
        return _("This list has more than %(n)s lines. Paste it in parts: the selection adds up.") % {
            "n": f"{MAX_LINES:,}"
        }
    return ""


def _all_found(number: int) -> str:
    return ngettext("%(n)d line found and selected.", "All %(n)d lines found and selected.", number) % {"n": number}
