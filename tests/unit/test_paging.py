"""Odd page numbers lead to a good page, in every list."""

import pytest

from licensing_portal.paging import page_of


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        (None, 1),
        ("", 1),
        ("x", 1),
        ("0", 1),
        ("-1", 1),
        ("1.5", 1),
        ("2", 2),
        ("3", 3),
        ("9", 3),
        ("9" * 400, 1),
    ],
)
def test_odd_numbers_lead_to_a_good_page(asked: str | None, number: int) -> None:
    assert page_of(range(25), 10, asked).number == number
