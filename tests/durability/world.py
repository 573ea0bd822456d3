"""One customer whose users all hold one product and are to get another one: the world of the durability tests."""

import os
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from customers.models import Customer
from licenses.core.diff import Choice, Wish
from licenses.models import LicenseChange
from licenses.services import save
from licenses.services.sync import sync_customer, sync_customers
from licensing_portal.sandbox import SandboxOptions
from licensing_portal.sandbox import catalog as products
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests.durability.watched import WatchedSandbox
from tests.uniform import HELD, WANTED, make_uniform

SWAP = Wish(products={products.sku_id(WANTED): Choice.ALL, products.sku_id(HELD): Choice.NONE})


@dataclass
class World:
    """A customer that was read, somebody who may change it, and users that no change has had yet."""

    sandbox: WatchedSandbox
    customer: Customer
    staff: StaffUser
    fresh: deque[str] = field(default_factory=deque)

    def take(self, number: int) -> list[str]:
        """Return so many users that no change has had yet."""
        return [self.fresh.popleft() for _ in range(number)]

    def swap(self, number: int) -> LicenseChange:
        """Save: so many users give up one product for the other. The change is queued and rung for."""
        return self.save(self.take(number), SWAP)

    def save(self, people: Sequence[str], wish: Wish) -> LicenseChange:
        """Save a wish for these users."""
        known = dict(self.customer.users.filter(object_id__in=people).values_list("object_id", "pk"))
        made = save.make_draft(
            staff=self.staff,
            customer=self.customer,
            wish=wish,
            user_pks=[known[object_id] for object_id in people],
            key=uuid.uuid4().hex,
            content="durability",
        )
        if made.status == LicenseChange.Status.PLANNING:
            save.plan_stored(made.pk)
        started = save.start(made)
        assert started.status == LicenseChange.Status.QUEUED, f"the change is {started.status}"
        return started


def new_sandbox[S: WatchedSandbox](
    users: int,
    *,
    seats: int | None = None,
    without_location: int = 0,
    kind: type[S] = WatchedSandbox,  # type: ignore[assignment]
) -> S:
    """Return a sandbox without limits whose one customer has so many users, the last ones without a location."""
    sandbox = kind(
        SandboxOptions(customers=1, users=users, writes_per_second=0, consumed_lag_seconds=0, index_lag_seconds=0)
    )
    make_uniform(sandbox.own_tenant, seats=seats, without_location=without_location)
    return sandbox


def read_world(sandbox: WatchedSandbox) -> World:
    """Read the sandbox's customer into the database."""
    sync_customers()
    customer = Customer.objects.get(tenant_id=sandbox.story_tenant_id)
    sync_customer(customer)
    customer.refresh_from_db()
    # Nobody asks for a reading in the background: it would be one more thing that happens at an unknown moment.
    Customer.objects.update(sync_due_at=timezone.now() + timedelta(days=1))
    staff = StaffUser.objects.create_user(
        f"durability:{uuid.uuid4()}",
        display_name="Durability",
        sign_in_name="durability@partner.example",
        roles=[Role.GLOBAL_ADMIN.value],
    )
    return World(sandbox, customer, staff, deque(sandbox.own_tenant.order))


def database_url() -> str:
    """Return the address under which a child process finds this process's database."""
    facts = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{facts['NAME']}"
    host = str(facts["HOST"]).replace("/", "%2F")
    password = f":{facts['PASSWORD']}" if facts["PASSWORD"] else ""
    port = f":{facts['PORT']}" if facts["PORT"] else ""
    return f"postgresql://{facts['USER']}{password}@{host}{port}/{facts['NAME']}"


def child_environment(port: int, **changes: str) -> dict[str, str]:
    """Return the settings of a child process that works on this database and calls the sandbox at a port."""
    return {
        **os.environ,
        "DATABASE_URL": database_url(),
        "GRAPH_BASE_URL": f"http://127.0.0.1:{port}/graph/v1.0",
        "ENTRA_AUTHORITY": f"http://127.0.0.1:{port}/entra",
        "LICENSING_PORTAL_PARENT": str(os.getpid()),
        "WRITES_PER_SECOND": "0",
        "SYNC_EVERY_MINUTES": "0",
        "LOG_LEVEL": "ERROR",
        **changes,
    }
