"""Guards of views: who is signed in, and what they may do. Outside a right the answer is 403 naming it."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django_htmx.middleware import HtmxDetails

from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Right


class StaffRequest(HttpRequest):
    """A request of a signed-in member of staff."""

    user: StaffUser
    htmx: HtmxDetails


class RightMissing(PermissionDenied):
    """The person's roles do not hold a right."""

    def __init__(self, right: Right) -> None:
        super().__init__(right.value)
        self.right = right


def require(staff: StaffUser, right: Right) -> None:
    """Raise RightMissing unless the person may."""
    if not staff.may(right):
        raise RightMissing(right)


type View[**P] = Callable[Concatenate[StaffRequest, P], HttpResponseBase]


def needs[**P](right: Right) -> Callable[[View[P]], View[P]]:
    """Decorate a view that only holders of a right may call."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: StaffRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            require(request.user, right)
            return view(request, *args, **kwargs)

        return guarded  # type: ignore[return-value]

    return decorate
