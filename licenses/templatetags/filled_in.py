"""What Manage licenses was filled in with, in words."""

from collections.abc import Iterable

from django import template
from django.utils.translation import ngettext

from licenses.core.catalog import Sku
from licenses.core.template import Taken
from licenses.product_names import in_words
from licensing_portal.lists import listed

register = template.Library()
# Plans that are named; more are a number.
_NAMED = 3


@register.filter
def taken_words(taken: Iterable[Taken]) -> str:
    """Return "Microsoft 365 E3 with 2 plans off (Sway, Teams), Power BI Pro"."""
    return listed(_words(one) for one in taken)


def _words(taken: Taken) -> str:
    name = in_words(taken.sku.display_name)
    number = len(taken.off)
    if not number:
        return name
    if number > _NAMED:
        words = ngettext("%(name)s with %(n)d plan off", "%(name)s with %(n)d plans off", number)
        return words % {"name": name, "n": number}
    plans = listed(in_words(plan.display_name) for plan in taken.sku.plans if plan.plan_id in taken.off)
    words = ngettext("%(name)s with %(n)d plan off (%(plans)s)", "%(name)s with %(n)d plans off (%(plans)s)", number)
    return words % {"name": name, "n": number, "plans": plans}


@register.filter
def sku_words(skus: Iterable[Sku]) -> str:
    """Return the names of products, joined."""
    return listed(in_words(sku.display_name) for sku in skus)


@register.filter
def outdated_words(outdated: Iterable[tuple[Sku, frozenset[str]]]) -> str:
    """Return the names of products with the number of plans that they no longer have."""
    return listed(f"{in_words(sku.display_name)} ({len(plans)})" for sku, plans in outdated)
