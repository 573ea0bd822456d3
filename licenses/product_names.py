"""Names of products and service plans: Microsoft's own, built in for the common ones (licenses/data).

Source of the built-in table: graph-api.md, section 9. Everything else comes by `manage.py import_product_names`.
"""

import json
import re
from functools import cache
from pathlib import Path

from django.utils.translation import get_language

_PLAN_NUMBER = re.compile(r"\(Plan (\w+)\)")


@cache
def _data() -> dict[str, dict[str, list[str]]]:
    data: dict[str, dict[str, list[str]]] = json.loads(
        (Path(__file__).parent / "data" / "product_names.json").read_text(encoding="utf-8")
    )
    return data


def product_name(sku_id: str, part_number: str) -> str:
    """Return a product's name, or its part number while nobody knows better."""
    entry = _data()["products"].get(sku_id)
    return entry[1] if entry else part_number


def plan_name(plan_id: str, name: str) -> str:
    """Return a service plan's name, or its technical name while nobody knows better."""
    entry = _data()["plans"].get(plan_id)
    return entry[1] if entry else name


def localized(name: str, language: str) -> str:
    """Return a product or plan name as it is printed in a language; only "(Plan 2)" is translated."""
    return _PLAN_NUMBER.sub(r"(プラン \1)", name) if language.startswith("ja") else name


def in_words(name: str) -> str:
    """Return a product or plan name, or a text about it, in the reader's language."""
    return localized(name, get_language() or "en")
