"""The benchmarks work on tiny data, so that they still do when somebody needs them."""

from dataclasses import asdict, replace

import pytest

from customers.models import Customer
from licensing_portal.staff.models import StaffUser
from tests.bench import manage, pages, report, stand_in
from tests.bench.data import Bench
from tests.bench.groups import names
from tests.bench.measure import Figure
from tests.bench.report import Result

pytestmark = pytest.mark.one_database

VERSIONS = {"Python": "3.13", "Django": "6.1", "database": "SQLite 3"}
FAST = Figure(row="list", value=10, budget=60, queries=12, most_queries=12, floor=2)


@pytest.fixture
def bench(story: Customer, staff: StaffUser) -> Bench:
    """Measure once, on 137 users."""
    return Bench(customer=story, staff=staff, rounds=1)


def result(size: int, *figures: Figure) -> Result:
    """Return what a child process would have printed."""
    return Result.of(
        "sqlite", size, {"versions": VERSIONS, "figures": [{"group": "pages"} | asdict(f) for f in figures]}
    )


@pytest.mark.django_db
def test_a_row_of_the_list_finds_its_page_and_its_floor(bench: Bench) -> None:
    case = next(case for case in pages._cases(bench) if case.row == "filter, product of many")
    figure = pages.list_row(bench, case)
    assert (figure.unit, figure.most_queries) == ("ms", 12)
    assert figure.queries is not None
    assert 5 <= figure.queries <= 12
    assert figure.floor
    assert 0 < figure.floor < figure.value


@pytest.mark.django_db
def test_manage_is_measured_with_its_rendering(bench: Bench) -> None:
    with bench.selecting(20) as selection:
        assert selection.rows.count() == 20
        figure = manage.page(bench, selection, 20)
    assert figure.rendering
    assert 0 < figure.rendering < figure.value
    assert not selection.rows.exists()


def test_the_stand_in_owns_sixty_products_with_six_hundred_plans() -> None:
    _sandbox, tenant = stand_in.large_sandbox(60)
    assert len(tenant.skus) == 60
    assert sum(len(sku.plans) for sku in tenant.skus.values()) >= 600
    assert any(user.errors for user in tenant.users.values())


def test_the_report_shows_growth_floor_and_verdict() -> None:
    text = report.write([result(1_000, FAST), result(100_000, replace(FAST, value=30, floor=3))])
    assert "| Row | Unit | Budget | 1,000 | 100,000 | Growth | Queries | Floor | × floor | |" in text
    assert "| list | ms | 60.0 | 10.0 | 30.0 | 3.0 × | 12 of 12 | 3.00 | 10.0 | holds |" in text
    assert "Every row is within its budget." in text


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"value": 61}, "61 ms, allowed 60"),
        ({"queries": 13}, "13 queries, allowed 12"),
        ({"budget": None, "at_least": 50.0}, "10 ms, wanted at least 50"),
        ({"most_times_floor": 3.0, "rendering": 1.0}, "3.3 × floor and rendering, allowed 3"),
    ],
)
def test_a_row_over_a_budget_is_named_with_size_and_database(changes: dict[str, float], complaint: str) -> None:
    results = [result(1_000, FAST), result(100_000, replace(FAST, **changes))]  # type: ignore[arg-type]
    assert report.complaints(results) == [f"SQLite 3, 100,000 users, list: {complaint}"]
    assert "**over** |" in report.write(results)


def test_a_lower_bound_that_holds_is_shown_as_one() -> None:
    text = report.write([result(10_000, replace(FAST, budget=None, at_least=5.0))])
    assert "| list | ms | ≥ 5 | 10.0 |" in text
    assert "| holds |" in text
    assert "Every row is within its budget." in text


def test_a_budget_of_nothing_is_shown_and_held() -> None:
    text = report.write([result(10_000, Figure(row="refused", value=0, unit="calls", budget=0))])
    assert "| refused | calls | 0 | 0 |" in text
    assert "| holds |" in text


def test_a_quick_run_leaves_saving_out() -> None:
    assert set(names(quick=False)) - set(names(quick=True)) == {"save"}
