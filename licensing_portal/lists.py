"""Lists of words in the reader's language."""

from collections.abc import Iterable

from django.utils.translation import get_language


def listed(words: Iterable[object]) -> str:
    """Return "E3, E5" or 「E3、E5」."""
    return ("、" if (get_language() or "").startswith("ja") else ", ").join(str(word) for word in words)
