"""Sets the scene of each step of the tour: who holds what at Microsoft, which licenses are free, what is wished.

A step can be taken again and in any order: whatever has become of its people since, they are put back first.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils import timezone

from customers import selection as selections
from customers.models import Customer, DirectoryUser, Source
from licenses.core.diff import Choice, Wish
from licenses.models import Entitlement, LicenseChange, ServicePlan
from licenses.services import drafts, save
from licenses.services.refresh import refresh_products, refresh_users
from licensing_portal.demo.control import ControlRoom, Refused, as_assigned, direct_assignments
from licensing_portal.demo.story import user_id
from licensing_portal.staff.models import StaffUser

E1, E3, E5 = "STANDARDPACK", "SPE_E3", "SPE_E5"
PLAN_1, PLAN_2, BASIC, BI = "EXCHANGESTANDARD", "EXCHANGEENTERPRISE", "O365_BUSINESS_ESSENTIALS", "POWER_BI_PRO"
COUNTRY = "JP"
# Marks the drafts that a step leaves behind when nobody saves them.
_KEY = "tour-"


class StoryLost(Exception):
    """A person or a product of the story is not there any more: only starting over brings them back."""


class ChangeRunning(Exception):
    """A change of the customer is still running; its people must not be moved under its feet."""

    def __init__(self, change: LicenseChange) -> None:
        super().__init__(f"change {change.pk} is open")
        self.change = change


@dataclass(frozen=True, slots=True)
class Actor:
    """One person: role and number of the story, what they hold directly (product → plans off), and where they are."""

    role: str
    number: int
    holds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    location: str | None = COUNTRY

    @property
    def object_id(self) -> str:
        """The person's id at Microsoft."""
        return user_id(self.role, self.number)


@dataclass(frozen=True, slots=True)
class Stage:
    """The scene of one step: its people, how many licenses are free, the boxes that are set; all by part number."""

    actors: tuple[Actor, ...]
    free: Mapping[str, int] = field(default_factory=dict)
    wish: Mapping[str, Choice] = field(default_factory=dict)
    # Save it at once, for the step begins with what came of it.
    is_saved: bool = False


def _sales(number: int) -> Actor:
    """Return somebody of 営業部: two have Teams off, three hold Power BI too."""
    holds = {E1: ("TEAMS1",) if number in (4, 5) else ()}
    return Actor("sales", number, holds | ({BI: ()} if number in (6, 7, 8) else {}))


_JOINERS = tuple(Actor("joiner", number, location=None if number == 1 else COUNTRY) for number in range(1, 13))
STAGES: Mapping[str, Stage] = {
    "clash": Stage(
        tuple(Actor("mailbox", number, {PLAN_1: ()}) for number in range(1, 4)), {PLAN_2: 6}, {PLAN_2: Choice.ALL}
    ),
    "seats": Stage(
        tuple(Actor("wants-e5", number, {PLAN_2: ()} if number <= 3 else {}) for number in range(1, 11)),
        {E5: 7},
        {E5: Choice.ALL},
    ),
    "location": Stage(_JOINERS, {E3: 26}, {E3: Choice.ALL}),
    "inherited": Stage(tuple(Actor("member", number) for number in (7, 8, 10, 14))),
    "swap": Stage(tuple(_sales(number) for number in range(1, 15)), {E1: 3, E3: 26}, {E1: Choice.NONE, E3: Choice.ALL}),
    "repair": Stage(
        (*_JOINERS[1:6], *(Actor("basic", number, {BASIC: ()}) for number in range(1, 4))),
        {E3: 26},
        {E3: Choice.ALL},
        is_saved=True,
    ),
}


def set_up(staff: StaffUser, customer: Customer, name: str, reference: str) -> LicenseChange | None:
    """Put a step's people back, select them, and return the draft or the change that the step shows, if any.

    Raises ChangeRunning, StoryLost, StandInAway, and GatewayError where Microsoft is not to be read.
    """
    stage = STAGES[name]
    if running := customer.changes.filter(status__in=LicenseChange.OPEN).order_by("created_at").first():
        raise ChangeRunning(running)
    products = _products(customer, stage)
    _put_back(customer, stage, products)
    _read(customer, stage)
    pks = _row_ids(customer, stage)
    for old in LicenseChange.objects.filter(
        staff=staff, customer=customer, status=LicenseChange.Status.DRAFT, key__startswith=_KEY
    ):
        drafts.discard(old)
    selection = selections.get(staff, customer)
    selections.replace(selection, pks, Source.TICK)
    if not stage.wish:
        return None
    change = save.make_draft(
        staff=staff,
        customer=customer,
        wish=Wish(products={products[part]: choice for part, choice in stage.wish.items()}),
        key=f"{_KEY}{uuid.uuid4().hex}",
        content=_KEY,
        reference=reference,
        selection=selection,
        counter=selection.counter,
        seen=timezone.now(),
    )
    return save.start(change, unattended=True) if stage.is_saved else change


def _products(customer: Customer, stage: Stage) -> dict[str, str]:
    """Return the SKU ids of the part numbers that a stage names."""
    parts = {*stage.free, *stage.wish, *(part for actor in stage.actors for part in actor.holds)}
    found = dict(
        customer.entitlements.filter(product__part_number__in=parts).values_list(
            "product__part_number", "product__sku_id"
        )
    )
    if parts - found.keys():
        raise StoryLost
    return found


def _put_back(customer: Customer, stage: Stage, products: Mapping[str, str]) -> None:
    """Make the people hold at Microsoft what the story says, then leave as many licenses free."""
    names = {name for actor in stage.actors for off in actor.holds.values() for name in off}
    plans = dict(ServicePlan.objects.filter(name__in=names).values_list("name", "plan_id"))
    with ControlRoom() as room:
        here = {user["id"]: user for user in room.users(customer.tenant_id)}
        try:
            for actor in stage.actors:
                user = here[actor.object_id]
                holds = {products[part]: frozenset(plans[name] for name in off) for part, off in actor.holds.items()}
                if user["usageLocation"] == actor.location and direct_assignments(user) == holds:
                    continue
                wanted = {"usageLocation": actor.location, "assignedLicenses": as_assigned(holds)}
                room.change_user(customer.tenant_id, actor.object_id, wanted)
            for part, free in stage.free.items():
                leave_free(room, customer, products[part], free)
        except (KeyError, Refused) as error:
            raise StoryLost from error


def leave_free(room: ControlRoom, customer: Customer, sku_id: str, free: int) -> None:
    """Set what the customer has bought so that this many licenses are free."""
    sku = room.product(customer.tenant_id, sku_id)
    units = sku["consumedUnits"] + free - sku["prepaidUnits"]["warning"]
    # Also when it is so already: what the control room changes is seen at once, and all counts with it.
    room.set_bought(customer.tenant_id, sku_id, max(0, units))


def _read(customer: Customer, stage: Stage) -> None:
    """Read the products and the people again."""
    if stage.free:
        read_products(customer)
    else:
        # Nothing was changed from outside, so that Microsoft's counts may lag: our own stand.
        refresh_products(customer)
    refresh_users(customer, [actor.object_id for actor in stage.actors])


def read_products(customer: Customer) -> None:
    """Read the products again, and believe the numbers at once: the control room has just changed something."""
    Entitlement.objects.filter(customer=customer).update(settling_until=None)
    refresh_products(customer)


def _row_ids(customer: Customer, stage: Stage) -> list[int]:
    known = dict(
        DirectoryUser.objects.of(customer)
        .filter(object_id__in=[actor.object_id for actor in stage.actors])
        .values_list("object_id", "pk")
    )
    try:
        return [known[actor.object_id] for actor in stage.actors]
    except KeyError as error:
        raise StoryLost from error
