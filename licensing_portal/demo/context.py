"""What the frame of every page shows of the demo: the tour, its hint for this page, and the drawer."""

from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import Promise

from customers.models import Customer
from licensing_portal.demo import drawer, tour
from licensing_portal.demo.story import STORY_TENANT_ID
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Right

# What a person must be allowed to do to walk the tour.
NEEDED = (Right.LICENSE_PLAN, Right.LICENSE_ASSIGN, Right.LICENSE_REVOKE)


def demo(request: HttpRequest) -> dict[str, Any]:
    """Return `demo` for people who are signed in to the demo, and nothing anywhere else."""
    staff = getattr(request, "user", None)
    if not settings.DEMO or not isinstance(staff, StaffUser):
        return {}
    return {"demo": DemoFrame(request, staff)}


class DemoFrame:
    """Everything is worked out when a template asks for it: fragments and other pages pay nothing."""

    tenant_id = STORY_TENANT_ID
    steps_total = len(tour.STEPS)
    slow_seconds = drawer.SLOW_SECONDS
    start_seconds = drawer.START_SECONDS
    references = tour.REFERENCES
    throttled_writes, wait_seconds = drawer.THROTTLED_WRITES, drawer.WAIT_SECONDS

    def __init__(self, request: HttpRequest, staff: StaffUser) -> None:
        self._request, self._staff = request, staff

    @cached_property
    def progress(self) -> tour.Progress:
        """How far this person is in the tour."""
        return tour.Progress.of(self._request.session)

    @property
    def steps(self) -> list[tuple[tour.Step, bool]]:
        """The steps, and whether each was taken."""
        return [(step, step.name in self.progress.done) for step in tour.STEPS]

    @property
    def may_walk(self) -> bool:
        """Whether the person's roles allow what the steps ask for."""
        return all(self._staff.may(right) for right in NEEDED)

    @cached_property
    def sees_story(self) -> bool:
        """Whether the story's customer is in the person's scope; asked by the page of all customers alone."""
        return Customer.objects.visible_to(self._staff).filter(tenant_id=STORY_TENANT_ID).exists()

    @property
    def number(self) -> int:
        """The number of the present step; 0 for none."""
        return tour.NAMES.index(self.progress.at) + 1 if self.progress.at else 0

    @property
    def hint(self) -> Promise | None:
        """What the present step says of this page; None where the page itself knows better, or nothing is to say."""
        step, match = self.progress.present, self._request.resolver_match
        if step is None or match is None:
            return None
        if match.view_name == "licenses:manage" and step.review is not None and "change" not in self._request.GET:
            # Not the form that the step has filled: the person is about something else.
            return None
        return {"licenses:manage": step.manage, "licenses:review": step.review}.get(match.view_name)

    @property
    def is_result(self) -> bool:
        """Whether this is the page of a change, of which the template knows how it went."""
        match = self._request.resolver_match
        return bool(self.progress.at) and match is not None and match.view_name == "licenses:change"

    @cached_property
    def moods(self) -> drawer.Moods:
        """How the stand-in for Microsoft answers now."""
        return drawer.moods()
