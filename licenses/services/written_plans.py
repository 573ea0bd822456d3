"""The plan of a draft as it is stored: a row per user, and what Review shows beside them."""

from itertools import batched

from django.utils import timezone

from licenses.core.carried import kept_off
from licenses.core.catalog import Catalog
from licenses.core.cause_figures import cause_figures
from licenses.core.losses import losses
from licenses.core.planning import Cause, SavePlan
from licenses.models import LicenseChange
from licenses.services.intents import Person, build_row, people
from licenses.services.picture import has_drifted
from licenses.services.plans import plan_change
from licenses.services.states import load_catalog, load_states
from licenses.services.subjects import note_products
from licenses.services.wishes import wish_from_json
from licensing_portal.bulk_rows import insert_new

_ROWS_AT_ONCE = 2_000


def concerned(change: LicenseChange) -> list[int]:
    """Return the row ids of those chosen whom nobody has left out in Review, in their order."""
    absent = {pk for some in change.left_out.values() for pk in some}
    return [pk for pk in change.planned_users if pk not in absent] if absent else change.planned_users


def write(change: LicenseChange) -> None:
    """Plan the change's users and store one outbox row each."""
    pks = concerned(change)
    catalog = load_catalog(change.customer)
    states = load_states(change.customer, pks)
    if has_drifted(change.customer, pks, change.seen_at):
        change.drift_since = change.drift_since or change.seen_at
    known = people(pks)
    pks = [pk for pk in pks if pk in states and pk in known]
    plan = plan_change(
        change,
        [states[pk] for pk in pks],
        catalog,
        selection_changed=Cause.SELECTION_CHANGED.value in change.causes,
        drift=Cause.DRIFT.value in change.causes or change.drift_since is not None,
    )
    _store(change, plan, [known[pk] for pk in pks], catalog)


def _store(change: LicenseChange, plan: SavePlan, persons: list[Person], catalog: Catalog) -> None:
    """Store the rows in batches, and what Review shows beside them."""
    now = timezone.now()
    rows = (
        build_row(change, user_plan, person, position=position, now=now)
        for position, (user_plan, person) in enumerate(zip(plan.users, persons, strict=True))
    )
    # Batch by batch, so that 50,000 rows are never in memory together.
    for some in batched(rows, _ROWS_AT_ONCE):
        insert_new(some)
    change.plan_number += 1
    change.causes = sorted(cause.value for cause in plan.causes)
    change.figures = {cause.value: number for cause, number in cause_figures(plan).items()}
    change.seats = [
        {
            "skuId": line.sku_id,
            "needed": line.needed,
            "free": line.free,
            "freed": line.freed,
            "short": line.short,
            "after": line.after,
        }
        for line in plan.seats
    ]
    change.losses = [[family.value, number] for family, number in losses(plan, catalog).items()]
    change.kept_off = [
        {"skuId": one.sku_id, "family": one.family.value, "planId": one.plan_id, "users": one.users}
        for one in kept_off(plan, catalog)
    ]
    change.total = len(plan.users)
    note_products(change, wish_from_json(change.wish), plan.users)
    change.save()


def forget(change: LicenseChange) -> None:
    """Throw away what was planned of a draft; it is planned anew."""
    change.user_changes.all().delete()
    change.products.all().delete()
