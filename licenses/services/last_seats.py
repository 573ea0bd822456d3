"""Who gets the last seats of a product: the users of a draft who need one, for somebody to choose among."""

from collections.abc import Collection
from dataclasses import dataclass

from customers.models import DirectoryUser
from licenses.core.failures import FailureKind
from licenses.models import LicenseChange, UserChange
from licenses.services.intents import newly_given

State = UserChange.State

# Beyond this nobody chooses one by one: the order decides, or a smaller selection.
MOST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A user who needs a seat, and whether the draft gives them one."""

    pk: int
    object_id: str
    name: str
    address: str
    department: str
    has_seat: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSeats:
    """The seats of one product in a draft, and all who need one, in the order of the draft."""

    seats: int
    candidates: tuple[Candidate, ...]

    def chosen(self, object_ids: Collection[str]) -> tuple[list[int], list[int]]:
        """Return the row ids of those who are named, and of those who are not."""
        named = [one.pk for one in self.candidates if one.object_id in object_ids]
        return named, [one.pk for one in self.candidates if one.object_id not in object_ids]


def is_offered(change: LicenseChange, line: dict[str, int], left_out: int) -> bool:
    """Tell whether somebody may choose who gets a product: it is short, or they chose before, and few need it."""
    is_scarce = line["short"] > 0 or left_out > 0
    return is_scarce and line["needed"] + left_out <= MOST and change.kind != LicenseChange.Kind.UNDO


def last_seats(change: LicenseChange, sku_id: str) -> LastSeats | None:
    """Return who needs a seat of a product of the draft; None when there is nothing to choose."""
    line = next((line for line in change.seats if line["skuId"] == sku_id), None)
    absent = change.left_out.get(sku_id, [])
    if line is None or not is_offered(change, line, len(absent)):
        return None
    needing = _needing(change, sku_id)
    people = DirectoryUser.objects.filter(customer=change.customer).in_bulk([*needing, *absent])
    order = {pk: place for place, pk in enumerate(change.planned_users)}
    candidates = (
        Candidate(
            pk=pk,
            object_id=person.object_id,
            name=person.display_name,
            address=person.user_principal_name,
            department=person.department,
            has_seat=needing.get(pk, False),
        )
        for pk, person in sorted(people.items(), key=lambda item: order.get(item[0], len(order)))
    )
    return LastSeats(seats=line["free"] + line["freed"], candidates=tuple(candidates))


def _needing(change: LicenseChange, sku_id: str) -> dict[int, bool]:
    """Return by row id the users of the draft who need a seat: whether they get one."""
    found: dict[int, bool] = {}
    rows = change.user_changes.filter(state__in=[State.PENDING, State.FAILED]).exclude(add=[])
    fields = ("user_id", "object_id", "state", "add", "before", "failure_kind", "failure_skus")
    for row in rows.only(*fields).iterator(2_000):
        if row.user_id is None:
            continue
        if row.state == State.FAILED:
            if row.failure_kind == FailureKind.NO_SEAT and sku_id in row.failure_skus:
                found[row.user_id] = False
        elif sku_id in newly_given(row):
            found[row.user_id] = True
    return found
