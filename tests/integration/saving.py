"""Steps of a save for tests: choose users, wish, save, let the pump work."""

import uuid
from collections.abc import Iterable

from django.utils import timezone

from customers import selection as selections
from customers.models import Customer, DirectoryUser
from licenses.core.diff import Choice, Wish
from licenses.models import LicenseChange, Product, UserChange
from licenses.services import run, save
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.model import User
from licensing_portal.staff.models import StaffUser

ALL, NONE, KEEP = Choice.ALL, Choice.NONE, Choice.KEEP


def sku(part_number: str) -> str:
    """Return the id of a product that was synced."""
    return Product.objects.get(part_number=part_number).sku_id


def pks(customer: Customer, object_ids: Iterable[str]) -> list[int]:
    """Return row ids in the order of the object ids."""
    known = dict(DirectoryUser.objects.filter(customer=customer).values_list("object_id", "pk"))
    return [known[object_id] for object_id in object_ids]


def draft(
    staff: StaffUser, customer: Customer, object_ids: Iterable[str] | None, wish: Wish, **extra: object
) -> LicenseChange:
    """Select these users (None: leave those who are) and store a draft for them."""
    selection = selections.get(staff, customer)
    chosen = None
    if object_ids is not None:
        chosen = pks(customer, object_ids)
        selections.clear(selection)
        selections.add(selection, chosen)
    arguments = {
        "user_pks": chosen,
        "key": uuid.uuid4().hex,
        "content": "content",
        "selection": selection,
        "counter": selection.counter,
        "seen": timezone.now(),
    } | extra
    return save.make_draft(staff=staff, customer=customer, wish=wish, **arguments)  # type: ignore[arg-type]


def saved(staff: StaffUser, customer: Customer, object_ids: Iterable[str], wish: Wish) -> LicenseChange:
    """Save, let the pump work until it is done, and return the finished change."""
    change = save.start(draft(staff, customer, object_ids, wish))
    return pumped(change)


def pumped(change: LicenseChange) -> LicenseChange:
    """Let the pump work on a change for a few slices."""
    for _ in range(5):
        run.pump(str(change.pk))
        change.refresh_from_db()
        if change.is_finished:
            break
    return change


def states(change: LicenseChange) -> dict[str, str]:
    """Return each user's state by object id."""
    return dict(change.user_changes.values_list("object_id", "state"))


def row(change: LicenseChange, object_id: str) -> UserChange:
    """Return one user's row."""
    return change.user_changes.get(object_id=object_id)


def at_microsoft(sandbox: Sandbox, customer: Customer, object_id: str) -> User:
    """Return a user as the sandbox has them."""
    tenant = sandbox.tenant(customer.tenant_id)
    assert tenant is not None
    return tenant.users[object_id]


def writes(sandbox: Sandbox) -> list[dict[str, object]]:
    """Return the licence and location writes that reached the sandbox."""
    calls = sandbox.journal.show()["calls"]
    return [call for call in calls if call["batch"] and call["method"] in ("POST", "PATCH")]
