"""Rows of saving. Saves at stand-ins of their own belong to one size, large changes to the one with enough users."""

from collections.abc import Iterator

from tests.bench import save_large, save_people, save_speed
from tests.bench.data import Bench
from tests.bench.measure import Figure

SAVES_AT = 10_000


def rows(bench: Bench) -> Iterator[Figure]:
    """Measure what belongs to the size."""
    size = bench.customer.user_count
    if size >= save_large.FEW:
        yield from save_large.planning(bench)
    if size >= 2 * save_large.MANY:
        yield from save_large.large(bench)
    if size == SAVES_AT:
        yield from save_speed.speeds(bench)
        yield from save_speed.calls(bench)
        yield from save_speed.limited(bench)
        yield from save_people.one_user(bench)
        yield from save_people.resuming(bench)
        yield from save_people.killing(bench)
