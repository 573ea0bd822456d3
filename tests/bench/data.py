"""The data that the rows run on: one large customer as the first sync stores it, and somebody who looks at it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from customers import selection as selections
from customers.models import Customer, DirectoryUser, Selection
from licenses.services.sync import sync_customer, sync_customers
from licensing_portal.gateways.exchange import new_session
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests.bench.measure import peak_mib


class Stopwatch:
    """How long the portal has waited for Microsoft."""

    waited = 0.0

    @classmethod
    def own_time(cls) -> float:
        """Return a clock that stands still while the portal waits for Microsoft."""
        return time.perf_counter() - cls.waited

    @classmethod
    def new_session(cls) -> requests.Session:
        """Return the portal's own session, with the time of each answer added up."""
        session = new_session()
        send = session.send

        def timed(*args: Any, **kwargs: Any) -> requests.Response:
            start = time.perf_counter()
            try:
                return send(*args, **kwargs)
            finally:
                cls.waited += time.perf_counter() - start

        session.send = timed  # type: ignore[method-assign]
        return session


def new_stopwatch_session() -> requests.Session:
    """Return a session that Stopwatch times (GATEWAY_SESSION_FACTORY)."""
    return Stopwatch.new_session()


@dataclass(frozen=True, slots=True)
class Reading:
    """What the first sync cost."""

    seconds: float
    waited: float
    peak_mib: float


@dataclass
class Bench:
    """One customer of one size on one database; `rounds` are the repeats of a row."""

    customer: Customer
    staff: StaffUser
    rounds: int
    # Where the stand-in takes changes behind the portal's back.
    control: str = ""
    reading: Reading | None = None
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(headers={"accept-encoding": "gzip"})
        self.client.force_login(self.staff)
        # Made on the very first visit, and never again.
        selections.get(self.staff, self.customer)

    @property
    def vendor(self) -> str:
        """Which database this is: "sqlite" or "postgresql"."""
        return connection.vendor

    @property
    def selection(self) -> Selection:
        """The person's selection as it is now."""
        return selections.get(self.staff, self.customer)

    def address(self, rest: str) -> str:
        """Return the address of a page of the customer."""
        return f"/customers/{self.customer.tenant_id}/{rest}"

    def get(self, address: str) -> HttpResponse:
        """Return a page that must be good."""
        answer = self.client.get(address)
        assert answer.status_code == 200, f"{address}: {answer.status_code}"
        return answer  # type: ignore[return-value]

    @contextmanager
    def selecting(self, number: int) -> Iterator[Selection]:
        """Select so many users, spread over the whole list, and nobody afterwards."""
        pks = list(DirectoryUser.objects.of(self.customer).order_by("sort_key", "id").values_list("pk", flat=True))
        step = max(1, len(pks) // number)
        selection = self.selection
        selections.add(selection, pks[::step][:number])
        try:
            yield selection
        finally:
            selections.clear(selection)


def read_customer(tenant_id: str) -> tuple[Customer, Reading]:
    """Let a first sync make the data, and tell what it cost."""
    settings.GATEWAY_SESSION_FACTORY = f"{__name__}.new_stopwatch_session"
    sync_customers()
    customer = Customer.objects.get(tenant_id=tenant_id)
    Stopwatch.waited, start = 0.0, time.perf_counter()
    sync_customer(customer)
    reading = Reading(time.perf_counter() - start, Stopwatch.waited, peak_mib())
    customer.refresh_from_db()
    if connection.vendor == "postgresql":
        # What autovacuum does within a minute of such a load.
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    return customer, reading


def new_staff() -> StaffUser:
    """Return a global admin, who sees every customer."""
    return StaffUser.objects.create_user(
        "bench:bench", display_name="Bench", sign_in_name="bench@partner.example", roles=[Role.GLOBAL_ADMIN.value]
    )
