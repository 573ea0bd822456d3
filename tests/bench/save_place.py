"""A customer to save at: a stand-in of its own with a latency and a limit, whose users all hold one product."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.test import override_settings
from django_tasks_db.models import DBTaskResult

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange, UserChange
from licenses.services import run, save
from licenses.services.sync import sync_customer
from licensing_portal.gateways.exchange import new_session
from licensing_portal.sandbox import SandboxOptions
from licensing_portal.staff.models import StaffUser
from tests.bench import stand_in
from tests.durability.world import SWAP, child_environment

# The stand-in of the large customer has the first one; from its seed comes a tenant's id.
_SEEDS = count(2)
_SHORT = 0.25


@dataclass
class Place:
    """The customer, and its users that no save has had yet."""

    customer: Customer
    staff: StaffUser
    address: str
    fresh: list[int]

    def take(self, number: int) -> list[int]:
        """Return the row ids of so many users that no save has had yet."""
        assert len(self.fresh) >= number, f"{len(self.fresh)} users left, {number} wanted"
        taken, self.fresh = self.fresh[:number], self.fresh[number:]
        return taken

    def draft(self, user_pks: list[int], wish: Wish = SWAP) -> LicenseChange:
        """Plan a save for these users."""
        made = save.make_draft(
            staff=self.staff,
            customer=self.customer,
            wish=wish,
            user_pks=user_pks,
            key=uuid.uuid4().hex,
            content="bench",
        )
        if made.status == LicenseChange.Status.PLANNING:
            save.plan_stored(made.pk)
            made.refresh_from_db()
        return made

    def start(self, number: int) -> LicenseChange:
        """Save for so many fresh users; the change is queued, and a worker is rung for."""
        started = save.start(self.draft(self.take(number)))
        assert started.status == LicenseChange.Status.QUEUED, f"the change is {started.status}"
        return started

    def session(self) -> requests.Session:
        """Return a session that calls the tenant past the portal."""
        session = new_session()
        tenants = session.get(f"{self.address}/_control/tenants").json()
        token = next(one["token"] for one in tenants if one["tenant_id"] == self.customer.tenant_id)
        session.headers["Authorization"] = f"Bearer {token}"
        return session

    def forget_calls(self) -> None:
        """Let the stand-in begin its log anew."""
        with new_session() as session:
            session.delete(f"{self.address}/_control/requests").raise_for_status()

    def calls(self) -> list[dict[str, Any]]:
        """Return the stand-in's log: HTTP calls, and the parts of each `$batch`."""
        with new_session() as session:
            found: list[dict[str, Any]] = session.get(f"{self.address}/_control/requests").json()["calls"]
        return found


@contextmanager
def place(staff: StaffUser, users: int, options: SandboxOptions) -> Iterator[Place]:
    """Start a stand-in with these options (the seed apart), read its customer, and point the portal to it."""
    with stand_in.running(users, replace(options, seed=next(_SEEDS))) as microsoft:
        addresses = {
            "GRAPH_BASE_URL": f"{microsoft.address}/graph/v1.0",
            "ENTRA_AUTHORITY": f"{microsoft.address}/entra",
            # The clock that the other rows stop for Microsoft's answers is not made for threads.
            "GATEWAY_SESSION_FACTORY": "licensing_portal.gateways.exchange.new_session",
        }
        with override_settings(**addresses):
            # Not by the list of customers: whoever is not on it has ended, and the other stand-ins' are not.
            customer = Customer.objects.create(tenant_id=microsoft.tenant_id, name="Bench", sort_key="bench")
            sync_customer(customer)
            customer.refresh_from_db()
            pks = list(customer.users.order_by("sort_key", "id").values_list("pk", flat=True))
            yield Place(customer, staff, microsoft.address, pks)


def worker_environment(**changes: str) -> dict[str, str]:
    """Return the environment of a process that works at this place."""
    return child_environment(urlsplit(settings.GRAPH_BASE_URL).port or 80, **changes)


def forget_rings() -> None:
    """Take back what was rung for: a worker would first look at changes that have ended, and that takes time."""
    DBTaskResult.objects.all().delete()


def check_all_updated(change: LicenseChange) -> None:
    """Fail when a save was not what it is measured as."""
    updated = change.user_changes.filter(state=UserChange.State.UPDATED).count()
    assert updated == change.total, f"{updated} of {change.total} users were updated"


def pump_to_the_end(change: LicenseChange) -> float:
    """Work on a change in this process until it is done; return the seconds from first claim to last read-back."""
    until = time.monotonic() + 900
    while not change.is_finished:
        assert time.monotonic() < until, f"the change is {change.status} after 900 s"
        began = time.monotonic()
        run.pump(str(change.pk))
        change.refresh_from_db()
        if not change.is_finished and time.monotonic() - began < _SHORT:
            # Others have what is left: a worker would not be rung for at once.
            time.sleep(_SHORT)
    assert change.started_at is not None
    assert change.finished_at is not None
    return (change.finished_at - change.started_at).total_seconds()
