"""Hypothesis strategies: any user of a tenant of three products, and any wish, odd ones included."""

from dataclasses import replace

from hypothesis import strategies as st

from licenses.core.catalog import Catalog, Seats
from licenses.core.diff import Choice, Wish
from licenses.core.holdings import DIRECT, Held, Path, PathState, UserState
from tests.unit.core.build import A, B, C, catalog, sku

SKUS = (A, B, C)
FOREIGN = "sku-of-somebody-else"
LOCATIONS = st.sampled_from([None, "JP", "IN"])
CHOICES = st.sampled_from(Choice)


def _plan_ids(sku_id: str) -> tuple[str, ...]:
    return tuple(f"{sku_id}-{name}" for name in ("p1", "p2", "company"))


def _held(sku_id: str, vias: tuple[str, ...]) -> st.SearchStrategy[Held]:
    """At least one path; any state, any plans off, the company-wide one included."""
    disabled = st.frozensets(st.sampled_from(_plan_ids(sku_id)))
    path = st.builds(Path, via=st.sampled_from(vias), disabled=disabled, state=st.sampled_from(PathState))
    return st.lists(path, min_size=1, max_size=3, unique_by=lambda one: one.via).map(lambda found: Held(tuple(found)))


def any_users(*, groups: bool = True) -> st.SearchStrategy[UserState]:
    """Any user; without groups, one who was given everything directly."""
    vias = (DIRECT, "group-1", "group-2") if groups else (DIRECT,)
    return st.builds(
        UserState,
        user_id=st.just("u"),
        usage_location=LOCATIONS,
        held=st.fixed_dictionaries({}, optional={one: _held(one, vias) for one in (*SKUS, FOREIGN)}),
        exists=st.sampled_from([True, True, True, False]),
    )


_BOXES = [(one, plan_id) for one in (*SKUS, FOREIGN) for plan_id in (*_plan_ids(one), "plan-of-nobody")]


def any_wishes() -> st.SearchStrategy[Wish]:
    """Any wish, also for products that the tenant does not own and plans that are nobody's to switch."""
    return st.builds(
        Wish,
        products=st.fixed_dictionaries({}, optional=dict.fromkeys((*SKUS, FOREIGN), CHOICES)),
        plans=st.fixed_dictionaries({}, optional=dict.fromkeys(_BOXES, CHOICES)),
        location=LOCATIONS,
        overwrite_location=st.booleans(),
    )


def scarce_catalogs() -> st.SearchStrategy[Catalog]:
    """The tenant with few seats, more consumed than owned included, and products in any status."""
    seats = st.builds(Seats, enabled=st.integers(0, 3), warning=st.integers(0, 2), consumed=st.integers(0, 5))
    status = st.sampled_from(["Enabled", "Enabled", "Warning", "Suspended"])
    owned = (
        st.builds(lambda one, drawn, word: replace(sku(one, status=word), seats=drawn), st.just(one), seats, status)
        for one in SKUS
    )
    return st.tuples(*owned).map(lambda skus: catalog(*skus))
