"""The live summary of Manage licenses: what the form would do, by the code of the save."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from customers import selection as selections
from customers.scope import customer_or_404
from licenses.cause_words import cause_words
from licenses.core.carried import KeptOff, kept_off
from licenses.core.catalog import Catalog
from licenses.core.cause_figures import cause_figures
from licenses.core.estimate import estimate
from licenses.forms import WishForm
from licenses.messages import family_name
from licenses.services import save
from licenses.services.effects import effects, foreseen, plan_notes
from licenses.services.picture import has_drifted
from licenses.services.states import load_catalog
from licensing_portal.staff.guards import StaffRequest, needs
from licensing_portal.staff.roles import Right


def _kept_name(kept: KeptOff, catalog: Catalog) -> str:
    """Return what people call a family that a swap keeps off, or the plan that is of none."""
    plans = catalog.skus[kept.sku_id].plans
    named = (plan.display_name for plan in plans if plan.plan_id == kept.plan_id)
    return family_name(kept.family) or next(named)


@require_POST
@needs(Right.LICENSE_PLAN)
def summary(request: StaffRequest, tenant_id: str) -> HttpResponse:
    """Answer the live summary of what the form would do, by the code of the save."""
    customer = customer_or_404(request, tenant_id)
    selection = selections.get(request.user, customer)
    catalog: Catalog = load_catalog(customer)
    form = WishForm(request.POST, catalog)
    if form.errors:
        # Nothing is swapped in for it.
        return HttpResponse(next(iter(form.errors.values())), status=422, content_type="text/plain; charset=utf-8")
    pks = list(selections.in_seat_order(selection))
    plan = save.preview(
        customer,
        form.wish,
        pks,
        catalog=catalog,
        selection_changed=form.counter != selection.counter,
        drift=form.seen is None or has_drifted(customer, pks, form.seen),
    )
    found, figures = effects(plan, catalog), cause_figures(plan)
    locations = sum(1 for user in plan.users if user.diff.location and user.refusal is None)
    context = {
        "customer": customer,
        "effects": [effect for effect in found.values() if effect.is_any],
        "all_effects": found.values(),
        "notes": plan_notes(plan, form.wish, catalog),
        "kept_off": [(_kept_name(one, catalog), one.users) for one in kept_off(plan, catalog)],
        "foreseen": foreseen(plan, catalog),
        "locations": locations,
        "causes": [cause_words(cause, figures.get(cause, 0)) for cause in sorted(plan.causes)],
        "calls": plan.calls,
        "left_out": sum(1 for user in plan.users if user.refusal),
        "estimate": estimate(plan.writes, rate=settings.WRITES_PER_SECOND, burst=settings.WRITE_BURST),
        "is_empty": form.wish.is_empty,
    }
    return render(request, "licenses/summary.html", context)
