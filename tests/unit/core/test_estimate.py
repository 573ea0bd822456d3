"""One estimate for all pages: the burst, Microsoft's pace, and the speed that was seen."""

import pytest

from licenses.core.estimate import estimate


@pytest.mark.parametrize(
    ("writes", "burst", "speed", "seconds", "minutes", "by_limit"),
    [
        (0, 300, 0, 0, 0, False),
        (300, 300, 0, 0, 0, False),
        (301, 300, 0, 1, 0, True),
        (480, 300, 0, 10, 0, True),
        (4_620, 300, 0, 240, 4, True),
        # While it runs: the burst is spent, and a fast start does not last.
        (1_296, 0, 69, 72, 0, True),
        # Microsoft answers more slowly than it would allow.
        (100, 300, 4, 25, 0, False),
        (1_800, 0, 1, 1_800, 30, False),
        (89 * 18, 0, 0, 89, 0, True),
        (90 * 18, 0, 0, 90, 2, True),
    ],
)
def test_the_slower_of_limit_and_speed_counts(
    writes: int, burst: float, speed: float, seconds: int, minutes: int, by_limit: bool
) -> None:
    found = estimate(writes, rate=18, burst=burst, speed=speed)
    assert (found.seconds, found.minutes, found.by_limit) == (seconds, minutes, by_limit)


def test_no_limit_takes_only_the_time_that_was_seen() -> None:
    assert estimate(50_000, rate=0, burst=0).seconds == 0
    assert estimate(50_000, rate=0, burst=0, speed=1_000).seconds == 50


@pytest.mark.parametrize(("seconds", "is_long"), [(5, False), (6, True)])
def test_a_few_seconds_are_not_worth_a_word(seconds: int, is_long: bool) -> None:
    assert estimate(seconds, rate=1, burst=0).is_long is is_long
