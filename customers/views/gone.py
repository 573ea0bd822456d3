"""Says which users of a form were deleted since it was rendered; they are left out, the others are taken."""

from collections.abc import Sequence

from django.contrib import messages
from django.utils.translation import ngettext

from licensing_portal.staff.guards import StaffRequest

_NAMED = 10


def say_gone(request: StaffRequest, names: Sequence[str]) -> None:
    """Leave a message that names the first of them; none for nobody."""
    if names:
        shown = ", ".join(names[:_NAMED]) + ("…" if len(names) > _NAMED else "")
        words = ngettext(
            "%(n)d user no longer exists and was left out: %(names)s.",
            "%(n)d users no longer exist and were left out: %(names)s.",
            len(names),
        )
        messages.warning(request, words % {"n": len(names), "names": shown})
