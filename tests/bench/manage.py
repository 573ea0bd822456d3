"""Rows of Manage licenses: the page and its live summary for few and for many selected users."""

from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest.mock import patch

from django.template import loader
from django.template.base import Template
from django.test.utils import instrumented_test_render
from django.utils import timezone

from customers.models import Selection
from licenses.models import Entitlement, EntitlementPlan
from licenses.services.refresh import READ_IN_REQUEST
from licenses.views import manage as view
from tests.bench import floor
from tests.bench.data import Bench, Stopwatch
from tests.bench.measure import Figure, as_served, count_queries, median_ms

SELECTED = (50, 2_000, 5_000)
BUDGET, MOST_QUERIES, MOST_TIMES_FLOOR = 250.0, 15, 3.0
# The summary plans the save.
SUMMARY_BUDGET, SUMMARY_QUERIES = 1_000.0, 20


def rows(bench: Bench) -> Iterator[Figure]:
    """Measure the page and the summary for each number of selected users that the size allows."""
    for number in SELECTED:
        if number <= bench.customer.user_count:
            with bench.selecting(number) as selection:
                yield page(bench, selection, number)
                yield reading(bench, selection, number)
                yield summary(bench, selection, number)


def page(bench: Bench, selection: Selection, number: int) -> Figure:
    """Measure the page with what it reads again; the queries are those of the page itself."""
    work = partial(bench.get, bench.address("licenses/manage/"))
    work()
    with patch("licenses.views.manage._read_again", return_value=True):
        queries = count_queries(work)
    return Figure(
        row=f"page, {number:,} selected",
        value=median_ms(partial(as_served, work), bench.rounds, clock=Stopwatch.own_time),
        budget=BUDGET,
        queries=queries,
        most_queries=MOST_QUERIES,
        floor=median_ms(partial(floor.boxes, selection.pk), bench.rounds),
        rendering=_rendering(bench),
        # Of a few the page reads products and users again and stores them, which no floor holds.
        most_times_floor=MOST_TIMES_FLOOR if number > READ_IN_REQUEST else None,
    )


def reading(bench: Bench, selection: Selection, number: int) -> Figure:
    """Measure the part of the page that reads products and users again and stores what is new."""
    work = partial(view._read_again, bench.customer, selection)
    return Figure(
        row=f"of it reading again, {number:,} selected",
        value=median_ms(partial(as_served, work), bench.rounds, clock=Stopwatch.own_time),
        queries=count_queries(work),
    )


def _rendering(bench: Bench) -> float:
    """Return how long the page's template takes with what the view gave it."""
    # Django's own way to keep the context of a page for a test.
    with patch.object(Template, "_render", instrumented_test_render):
        context: dict[str, Any] = bench.get(bench.address("licenses/manage/")).context[0].flatten()  # type: ignore[attr-defined]
    template = loader.get_template("licenses/manage.html")
    return median_ms(partial(template.render, context), bench.rounds)


def summary(bench: Bench, selection: Selection, number: int) -> Figure:
    """Measure the live summary of giving a product to all and switching a plan off."""
    free, held = two_products(bench)
    plan = EntitlementPlan.objects.filter(entitlement=held, applies_to="User").select_related("plan").first()
    assert plan is not None
    form = {
        f"product-{free.product.sku_id}": "all",
        f"plan-{held.product.sku_id}-{plan.plan.plan_id}": "none",
        "selection": selection.counter,
        "seen": timezone.now().isoformat(),
    }
    work = partial(bench.client.post, bench.address("licenses/manage/summary/"), form)
    assert work().status_code == 200
    return Figure(
        row=f"live summary, {number:,} selected",
        value=median_ms(partial(as_served, work), bench.rounds, clock=Stopwatch.own_time),
        budget=SUMMARY_BUDGET,
        queries=count_queries(work),
        most_queries=SUMMARY_QUERIES,
    )


def two_products(bench: Bench) -> tuple[Entitlement, Entitlement]:
    """Return a product with seats for everybody and one that many hold."""
    owned = Entitlement.objects.filter(customer=bench.customer, applies_to="User", capability_status="Enabled")
    found = list(owned.select_related("product").order_by("consumed", "pk"))
    return max(found, key=lambda entitlement: entitlement.seats.available), found[-1]
