"""A change of all kinds in one process: the sandbox answers without a socket, time is stepped, workers die on paper."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import F
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from licenses.core.diff import Wish
from licenses.models import LicenseChange, Throttle, UserChange
from licenses.services import readback, run
from licenses.services.claims import LEASE, free_leases, process_name
from licensing_portal.gateways.graph import GraphDirectory
from licensing_portal.gateways.tokens import ClientCredentialsTokens
from licensing_portal.gateways.transport import Transport
from tests import sandbox_session
from tests.durability.points import Blow, Killed, Points, StruckSandbox
from tests.durability.world import World, read_world

# More slices than any run needs whose faults end.
_SLICES = 60
# The sweeper looks this often (licensing_portal/management/commands/db_worker.py), and rings for what is quiet 5 s.
_SWEPT_AFTER = 10.0
_LONGEST_RING = 86_400 * 2


@dataclass
class Rehearsal:
    """A queued change of a customer, to be worked on again and again from the same start."""

    world: World
    change: LicenseChange
    make_sandbox: Callable[[], StruckSandbox]
    points: Points = field(default_factory=Points)
    # Seconds that have passed on the clock of this run.
    elapsed: float = 0.0
    # How often a worker died or lost its database.
    deaths: int = 0
    slices: int = 0

    @property
    def sandbox(self) -> StruckSandbox:
        """Microsoft, as it is in this run."""
        assert isinstance(self.world.sandbox, StruckSandbox)
        return self.world.sandbox

    @contextmanager
    def take(
        self,
        blow_at: Callable[[int, str], Blow | None] = lambda number, name: None,
        before: Callable[[], None] = lambda: None,
    ) -> Iterator[None]:
        """Begin a run with a fresh Microsoft, work until the change is finished, and undo it all afterwards."""
        start = transaction.savepoint_create()
        try:
            self.prepare(blow_at)
            before()
            self.work()
            yield
        finally:
            self.sandbox.points = None
            transaction.savepoint_rollback(start)

    def prepare(self, blow_at: Callable[[int, str], Blow | None] = lambda number, name: None) -> None:
        """Put everything back to where it was when the change was saved."""
        self.world.sandbox = self.make_sandbox()
        sandbox_session.use(self.sandbox)
        self.elapsed, self.deaths, self.slices = 0.0, 0, 0
        self.points.begin(blow_at)
        self.sandbox.points = self.points

    def work(self) -> None:
        """Let one worker after another pump, until the change is finished or too much is too much."""
        for _ in range(_SLICES):
            self.slices += 1
            self.pump()
            self.change.refresh_from_db()
            if self.change.is_finished:
                return
            self.step(self._seconds_until_the_ring())

    def pump(self) -> None:
        """Let one worker work on the change for a slice, or for as long as it lives."""
        try:
            with self.points.watching():
                run.pump(str(self.change.pk), gateway_for=self._new_gateway(), seconds=1000)
        except Killed:
            self.deaths += 1
            free_leases(process_name())
        except OperationalError:
            # The process lives on, so nobody frees what it held: that ends by itself.
            self.deaths += 1
            transaction.set_rollback(False)
            self.step(LEASE.total_seconds() + 1)

    def _new_gateway(self) -> Callable[[str], GraphDirectory]:
        """Return what gives a worker its gateway: its own code, but for the clock."""
        tokens = ClientCredentialsTokens(
            authority=settings.ENTRA_AUTHORITY,
            client_id=settings.ENTRA_CLIENT_ID,
            client_secret=settings.ENTRA_CLIENT_SECRET,
            scope="https://graph.microsoft.com/.default",
            session_factory=sandbox_session.new_session,
            clock=lambda: self.elapsed,
        )
        transport = Transport(
            base_url=settings.GRAPH_BASE_URL,
            tenant_id=self.world.customer.tenant_id,
            tokens=tokens,
            session_factory=sandbox_session.new_session,
            sleep=self.step,
            clock=lambda: self.elapsed,
        )
        return lambda tenant_id: GraphDirectory(transport)

    def step(self, seconds: float) -> None:
        """Let time pass."""
        self.elapsed += seconds
        self.move_clock(seconds)

    def move_clock(self, seconds: float) -> None:
        """Move the clock on the wall alone: what is written down is due earlier, or later."""
        span = timedelta(seconds=seconds)
        with self.points.resting():
            UserChange.objects.filter(not_before__isnull=False).update(not_before=F("not_before") - span)
            UserChange.objects.filter(lease_until__isnull=False).update(lease_until=F("lease_until") - span)
            Throttle.objects.filter(blocked_until__gt=0).update(blocked_until=F("blocked_until") - seconds)

    def _seconds_until_the_ring(self) -> float:
        """Return when the doorbell rings next: as somebody asked, or when the sweeper misses it."""
        ring = DBTaskResult.objects.order_by("-enqueued_at").first()
        DBTaskResult.objects.all().delete()
        if ring is None:
            return _SWEPT_AFTER
        # The engine writes the end of all days where no time was asked for.
        wait = (ring.run_after - timezone.now()).total_seconds()
        return wait if 0 < wait < _LONGEST_RING else 0.0


def rehearse(
    monkeypatch: pytest.MonkeyPatch, make_sandbox: Callable[[], StruckSandbox], people: Sequence[str], wish: Wish
) -> Rehearsal:
    """Save a wish for these users; from here on waiting takes no time. Every run begins with a sandbox of this make."""
    sandbox = make_sandbox()
    sandbox_session.use(sandbox)
    world = read_world(sandbox)
    rehearsal = Rehearsal(world, world.save(people, wish), make_sandbox)
    DBTaskResult.objects.all().delete()
    rehearsal.prepare()

    def wait(seconds: float) -> bool:
        rehearsal.step(seconds)
        return False

    monkeypatch.setattr(run.stopping, "wait", wait)
    monkeypatch.setattr(readback, "_PAUSES", (0.0,) * len(readback._PAUSES))
    return rehearsal
