"""Collects what an app check goes by, in a fixed number of queries, and lets the core judge it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.db.models import Min
from django.utils import timezone

from customers.models import DirectoryUser
from licenses.core.app_check import check_app
from licenses.core.app_findings import Check, Facts
from licenses.core.apps import App, plans_of
from licenses.core.catalog import Catalog
from licenses.models import LicenseEvent, UserChange
from licenses.services.naming import Names
from licenses.services.outcomes import mentioned
from licenses.services.states import Licences, load_catalog, load_states
from licenses.services.user_history import HistoryLine, lines_of, plans_in
from licenses.services.user_page import events_of, tried_of
from licenses.services.user_reading import Reading

# A change reaches the apps within a day.
RECENT = timedelta(hours=24)
_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AppReport:
    """The checks of an app with what their words need; `ends`: SKU → next date of its subscriptions.

    `since`: (SKU, via) → since when a path is as it is, of those that changed in the last day.
    """

    app: App
    checks: tuple[Check, ...]
    catalog: Catalog
    names: Names
    recent: Sequence[HistoryLine]
    ends: dict[str, datetime]
    since: dict[tuple[str, str], datetime]


def load_licences(user: DirectoryUser) -> Licences:
    """Return what the core needs of one user."""
    return Licences(load_states(user.customer, [user.pk])[user.pk], load_catalog(user.customer))


def run(user: DirectoryUser, app: App, licences: Licences, reading: Reading) -> AppReport:
    """Check an app for a user as they are stored, and as Microsoft has just said of their plans."""
    since = timezone.now() - RECENT
    # The newest are taken of what is about the app: a day may hold many changes of other products.
    changed = events_of(user).filter(seen_at__gte=since).exclude(product__sku_id__in=_without(app, licences))
    events = list(islice((event for event in changed if _is_about(event, app, licences)), _LINES))
    attempts = tried_of(user).filter(finished_at__gte=since)
    tried = list(islice((row for row in attempts if _was_about(row, app, licences)), _LINES))
    skus, plans = mentioned(tried)
    names = Names(user.customer, skus | licences.state.held.keys(), plans | plans_in(events))
    names.learn(licences.catalog.names)
    recent = lines_of(events, tried, names)
    fresh = _fresh(user, since)
    facts = Facts(
        app=app,
        state=licences.state,
        catalog=licences.catalog,
        provisioning=reading.provisioning,
        changes=len(recent),
        fresh=frozenset(fresh),
    )
    return AppReport(
        app=app,
        checks=check_app(facts),
        catalog=licences.catalog,
        names=names,
        recent=recent,
        ends=_ends(user, licences),
        since=fresh,
    )


def _without(app: App, licences: Licences) -> list[str]:
    """Return the ids of the customer's products that do not have the app."""
    return [sku_id for sku_id, sku in licences.catalog.skus.items() if not plans_of(app, sku)]


def _is_about(event: LicenseEvent, app: App, licences: Licences) -> bool:
    """Tell whether a change touched the app: the location, what a path gives of it, or a product that is not known."""
    if event.product is None or (sku := licences.catalog.get(event.product.sku_id)) is None:
        return True
    plans = plans_of(app, sku)
    was, now = (
        {
            via: (path["state"], plans.intersection(path["disabled"]))
            for via, path in ((state or {}).get("paths") or {}).items()
        }
        for state in (event.before, event.after)
    )
    return bool(plans) and was != now


def _was_about(row: UserChange, app: App, licences: Licences) -> bool:
    """Tell whether an attempt that did not succeed was to change something about the app."""
    skus = {*(add["skuId"] for add in row.add), *row.remove}
    return bool(row.location) or any(
        (sku := licences.catalog.get(sku_id)) is None or plans_of(app, sku) for sku_id in skus
    )


def _fresh(user: DirectoryUser, since: datetime) -> dict[tuple[str, str], datetime]:
    """Return the paths that are as they are only since then: a change before the first sync is no event."""
    found = user.assignments.filter(since__gte=since).values_list("product__sku_id", "via", "since")
    return {(sku_id, via): at for sku_id, via, at in found if at is not None}


def _ends(user: DirectoryUser, licences: Licences) -> dict[str, datetime]:
    """Return the next date of each product that the user has."""
    found = user.customer.subscriptions.filter(product__sku_id__in=list(licences.state.held))
    dated = found.filter(next_lifecycle_at__isnull=False).order_by()
    return dict(dated.values_list("product__sku_id").annotate(Min("next_lifecycle_at")))
