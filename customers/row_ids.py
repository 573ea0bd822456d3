"""Finds a part of a long ordered list by an index alone."""

from typing import Any

from django.db.models import QuerySet


def row_ids(found: QuerySet[Any], order: list[str], part: range, total: int) -> list[int]:
    """Return the row ids of a part of a list of `total`; past the middle the index is read from its end."""
    from_end = part.start > total // 2
    ordered = found.order_by(*(turned(order) if from_end else order)).values_list("pk", flat=True)
    if not from_end:
        return list(ordered[part.start : part.stop])
    return list(ordered[total - part.stop : total - part.start])[::-1]


def turned(order: list[str]) -> list[str]:
    """Return the opposite of an order."""
    return [field.removeprefix("-") if field.startswith("-") else f"-{field}" for field in order]
