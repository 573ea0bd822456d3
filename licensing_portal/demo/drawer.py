"""The drawer of the demo: how the stand-in for Microsoft answers, a colleague who takes licenses, and starting over."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from customers.demo import grant_demo_customers
from customers.models import Customer, DirectoryUser, Selection
from licenses.core.diff import Choice
from licenses.models import Entitlement, LicenseChange, LicenseEvent, LicenseTemplate, RefusalSeen, Reprocess, Throttle
from licenses.services.sync import sync_customer, sync_customers
from licensing_portal.demo.control import ControlRoom, Refused, StandInAway, as_assigned, direct_assignments
from licensing_portal.demo.stages import E5, ChangeRunning, leave_free
from licensing_portal.demo.story import STORY_TENANT_ID
from licensing_portal.gateways.errors import GatewayError
from licensing_portal.staff.models import StaffUser

SLOW_CALLS, SLOW_SECONDS = 20, 2
THROTTLED_WRITES, WAIT_SECONDS = 4, 5
# What starting over takes, as people are told.
START_SECONDS = 10
# So many people a colleague gives a license to; where more are free the rest is cut from what was bought.
_AT_MOST = 30
# Reads and batches as a whole: a rule for all of Graph would slow each user of a batch down once more.
_SLOW = ("POST /graph/v1.0/$batch", "GET /graph/v1.0/subscribedSkus", "GET /graph/v1.0/users/delta*")
_THROTTLED = "POST /graph/v1.0/users/*/assignLicense"
# Remembered for the whole process: who changed the mood may be another person, or another role of the same one.
_MOOD_CHANGED = "demo-mood-changed"
_STARTING_OVER = "demo-starting-over"
_LONGEST_START = 120


class NothingFree(Exception):
    """The customer has no product of which a colleague could take the last licenses."""


class AlreadyStarting(Exception):
    """Somebody is putting the demo back just now."""


@dataclass(frozen=True, slots=True)
class Moods:
    """How Microsoft answers now; None: not known, for the stand-in did not say."""

    slow: bool | None = False
    throttling: bool | None = False

    @property
    def is_any(self) -> bool:
        """Whether something is on, or may be."""
        return self.slow is not False or self.throttling is not False


def make_slow() -> None:
    """Let the next calls take two seconds more each. Raises StandInAway, Refused."""
    _set([{"match": match, "times": SLOW_CALLS, "delay_ms": SLOW_SECONDS * 1000} for match in _SLOW])


def throttle() -> None:
    """Let Microsoft refuse the next writes and ask to wait. Raises StandInAway, Refused."""
    headers = {"Retry-After": str(WAIT_SECONDS)}
    _set([{"match": _THROTTLED, "times": THROTTLED_WRITES, "status": 429, "headers": headers}])


def _set(faults: Collection[Mapping[str, Any]]) -> None:
    """Put these rules in the place of equal ones: pressed twice it is the same mood, not one of double length."""
    matches = {fault["match"] for fault in faults}
    with ControlRoom() as room:
        known = room.faults()
        if not matches.isdisjoint(fault["match"] for fault in known):
            room.clear_faults()
            faults = [*faults, *(fault for fault in known if fault["match"] not in matches)]
        for fault in faults:
            room.add_fault(fault)
    cache.set(_MOOD_CHANGED, True, None)


def back_to_normal() -> None:
    """Let every call be answered as usual. Raises StandInAway, Refused."""
    with ControlRoom() as room:
        room.clear_faults()
    cache.delete(_MOOD_CHANGED)


def moods() -> Moods:
    """Return how Microsoft answers; the stand-in is asked only while somebody has changed its mood."""
    if not cache.get(_MOOD_CHANGED):
        return Moods()
    try:
        with ControlRoom() as room:
            faults = room.faults()
    except (StandInAway, Refused):
        return Moods(None, None)
    if not faults:
        cache.delete(_MOOD_CHANGED)
    matches = {fault["match"] for fault in faults}
    return Moods(slow=not matches.isdisjoint(_SLOW), throttling=_THROTTLED in matches)


def take_last_seats(staff: StaffUser, customer: Customer, change_id: str) -> tuple[str, int]:
    """Assign the last free licenses of a product to others, and return its name and how many are gone.

    The product is one that the draft `change_id` assigns, else one of which few are free.
    Raises NothingFree, StandInAway, Refused.
    """
    draft = _draft(staff, customer, change_id)
    sku_id, name = _product(customer, draft)
    spared = _spared(customer, draft)
    tenant_id = customer.tenant_id
    with ControlRoom() as room:
        sku = room.product(tenant_id, sku_id)
        units = sku["prepaidUnits"]
        free = max(0, units["enabled"] + units["warning"] - sku["consumedUnits"])
        takers = [user for user in room.users(tenant_id) if _may_take(user, sku_id, spared)]
        takers.sort(key=lambda user: (len(user["assignedLicenses"]), user["id"]))
        for user in takers[: min(free, _AT_MOST)]:
            licenses = as_assigned(direct_assignments(user) | {sku_id: frozenset()})
            room.change_user(tenant_id, user["id"], {"assignedLicenses": licenses})
        leave_free(room, customer, sku_id, 0)
    return name, free


def _draft(staff: StaffUser, customer: Customer, change_id: str) -> LicenseChange | None:
    """Return the draft that the person looks at."""
    own = LicenseChange.objects.filter(staff=staff, customer=customer, status=LicenseChange.Status.DRAFT)
    try:
        return own.filter(pk=uuid.UUID(change_id)).first()
    except (ValueError, ValidationError):
        return None


def _product(customer: Customer, draft: LicenseChange | None) -> tuple[str, str]:
    """Return id and name of a product with free licenses: of the draft, else E5 in the story, else the fewest."""
    free = F("enabled") + F("warning") - F("consumed")
    found = Entitlement.objects.filter(customer=customer, applies_to="User", capability_status="Enabled")
    rows = list(found.annotate(free=free).filter(free__gt=0).select_related("product").order_by("free", "pk"))
    wanted = draft.wish.get("products", {}) if draft is not None else {}
    chosen = [row for row in rows if wanted.get(row.product.sku_id) == Choice.ALL.value]
    if not chosen and customer.tenant_id == STORY_TENANT_ID:
        chosen = [row for row in rows if row.product.part_number == E5]
    for row in (*chosen, *(row for row in rows if row.free <= _AT_MOST)):
        return row.product.sku_id, row.product.display_name
    raise NothingFree


def _spared(customer: Customer, draft: LicenseChange | None) -> set[str]:
    """Return the ids of those to whom the colleague gives nothing: they are in the draft, or selected by somebody."""
    chosen = Selection.objects.filter(customer=customer).values("rows__user_id")
    users = DirectoryUser.objects.filter(customer=customer)
    found = set(users.filter(pk__in=chosen).values_list("object_id", flat=True))
    if draft is not None:
        found.update(draft.user_changes.values_list("object_id", flat=True))
    return found


def _may_take(user: Mapping[str, Any], sku_id: str, spared: Collection[str]) -> bool:
    held = {one["skuId"] for one in user["assignedLicenses"]}
    is_usual = user["accountEnabled"] and user["userType"] == "Member" and user["usageLocation"]
    return bool(is_usual) and sku_id not in held and user["id"] not in spared


def start_over() -> int:
    """Put Microsoft and the portal back to the first sync; return how many customers were read.

    Whoever presses it twice starts it once. Raises AlreadyStarting, ChangeRunning, StandInAway, Refused, GatewayError.
    """
    if not cache.add(_STARTING_OVER, True, _LONGEST_START):
        raise AlreadyStarting
    try:
        _check_nothing_runs()
        with ControlRoom() as room:
            # Asked first: what is forgotten here must not be forgotten in vain.
            room.clear_faults()
            with transaction.atomic():
                _check_nothing_runs()
                LicenseChange.objects.all().delete()
                Selection.objects.all().delete()
                Throttle.objects.all().delete()
                RefusalSeen.objects.all().delete()
                Reprocess.objects.all().delete()
                LicenseTemplate.objects.all().delete()
            room.reset()
        cache.delete(_MOOD_CHANGED)
        return _read_everything()
    finally:
        cache.delete(_STARTING_OVER)


def _check_nothing_runs() -> None:
    found = LicenseChange.objects.filter(status__in=LicenseChange.OPEN).select_related("customer")
    if (running := found.order_by("created_at").first()) is not None:
        raise ChangeRunning(running)


def _read_everything() -> int:
    """Read every customer anew, as the first sync does, and forget what differed from before."""
    sync_customers()
    read = 0
    for customer in Customer.objects.order_by("sort_key"):
        if not customer.is_reachable:
            continue
        Entitlement.objects.filter(customer=customer).update(settling_until=None)
        try:
            sync_customer(customer)
        except GatewayError:
            continue
        read += 1
    LicenseEvent.objects.all().delete()
    DirectoryUser.objects.filter(deleted_at__isnull=False).delete()
    grant_demo_customers()
    return read
