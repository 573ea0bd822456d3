"""Words for why Review asks, with the number of users behind each cause; both languages."""

from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from licenses.core.planning import Cause

# Said of the change as a whole, or where nobody counted.
_ALONE: dict[str, Any] = {
    Cause.REMOVES_PRODUCT: _("licenses are unassigned"),
    Cause.REMOVES_PLAN: _("service plans are switched off"),
    Cause.MANY_USERS: _("many users are changed at once"),
    Cause.SHORT: _("there are not enough licenses"),
    Cause.NO_LOCATION: _("users have no usage location"),
    Cause.REFUSED: _("some users cannot be changed"),
    Cause.BLOCKED_NEWLY_LICENSED: _("users whose sign-in is blocked get a license"),
    Cause.GUEST_NEWLY_LICENSED: _("guests get a license"),
    Cause.SELECTION_CHANGED: _("the selection was changed in another tab"),
    Cause.DRIFT: _("licenses of these users changed since the page was opened"),
    Cause.LOCATION_STAYS: _("usage locations that were not set before stay: Microsoft lets nobody empty them"),
    Cause.UNCLEAR_LEFT_OUT: _("users for whom the change's result was not clear are not part of this"),
    Cause.NOTHING_REMOVED: _("a product is unticked that nobody loses: groups keep it, or nobody has it directly"),
    Cause.PRODUCT_GONE: _("products that the customer no longer owns cannot come back"),
}
_COUNTED: dict[str, Any] = {
    Cause.REMOVES_PRODUCT: ngettext_lazy("%(n)s user loses licenses", "%(n)s users lose licenses", "number"),
    Cause.REMOVES_PLAN: ngettext_lazy(
        "service plans of %(n)s user are switched off", "service plans of %(n)s users are switched off", "number"
    ),
    Cause.MANY_USERS: ngettext_lazy("%(n)s user is changed", "%(n)s users are changed at once", "number"),
    Cause.SHORT: ngettext_lazy("there is no license for %(n)s user", "there are no licenses for %(n)s users", "number"),
    Cause.NO_LOCATION: ngettext_lazy(
        "%(n)s user has no usage location", "%(n)s users have no usage location", "number"
    ),
    Cause.REFUSED: ngettext_lazy("%(n)s user cannot be changed", "%(n)s users cannot be changed", "number"),
    Cause.BLOCKED_NEWLY_LICENSED: ngettext_lazy(
        "%(n)s user whose sign-in is blocked gets a license",
        "%(n)s users whose sign-in is blocked get a license",
        "number",
    ),
    Cause.GUEST_NEWLY_LICENSED: ngettext_lazy("%(n)s guest gets a license", "%(n)s guests get a license", "number"),
}


def cause_words(cause: str, number: int = 0) -> str:
    """Return the words for a cause, and for how many users; empty for one that this version does not know."""
    words = _COUNTED.get(cause) if number else None
    if words is not None:
        return str(words % {"number": number, "n": intcomma(number)})
    return str(_ALONE.get(cause, ""))
