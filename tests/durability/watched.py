"""A stand-in for Microsoft that watches its caller: was every write announced, and was anybody changed twice?"""

import random
import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import connection, connections

from licenses.models import UserChange
from licensing_portal.sandbox import Sandbox, SandboxOptions
from licensing_portal.sandbox.http import Reply, Request
from licensing_portal.sandbox.journal import _USER
from licensing_portal.sandbox.model import Tenant, User

PART = "POST /graph/v1.0/users/*/assignLicense"
LOCATION_PART = "PATCH /graph/v1.0/users/*"
BATCH = "POST /graph/v1.0/$batch"
_WRITES = ("POST", "PATCH")

# Who is asked for what: a method stands for its step, licences or location.
type Write = tuple[str, str]


class WatchedSandbox(Sandbox):
    """The sandbox with a latency that varies, and with notes on every write.

    A write is looked up in the portal's database the moment it arrives: its intent must be committed there.
    """

    def __init__(self, options: SandboxOptions, *, latency: tuple[float, float] = (0, 0), seed: int = 0) -> None:
        super().__init__(options)
        self.latency = latency
        # Called with every HTTP request before it is answered.
        self.on_arrival: Callable[[Request], None] = lambda request: None
        # Whether a server's threads answer: each then has a database connection of its own to close.
        self.is_served = False
        self.applied: list[Write] = []
        self.repeated: list[Write] = []
        self.unannounced: list[Write] = []
        self.overdrawn: list[str] = []
        self._dice = random.Random(seed)
        self._notes = threading.Lock()

    @property
    def own_tenant(self) -> Tenant:
        """The one customer."""
        tenant = self.tenant(self.story_tenant_id)
        assert tenant is not None
        return tenant

    def user(self, object_id: str) -> User | None:
        """Return a user as Microsoft has them now; None for a deleted one."""
        return self.own_tenant.users.get(object_id)

    def handle(self, request: Request) -> Reply:
        """Answer after a latency of which one half is the way here and the other the way back."""
        self.on_arrival(request)
        self._look_up_intents(request)
        way = self._dice.uniform(*self.latency) / 2
        time.sleep(way)
        reply = super().handle(request)
        time.sleep(way)
        return reply

    def _look_up_intents(self, request: Request) -> None:
        """Note the writes of a call for which the database holds no committed claim."""
        wanted = writes_of(request)
        if not wanted:
            return
        try:
            claimed = set(
                UserChange.objects.filter(
                    object_id__in=[user for _, user in wanted],
                    state=UserChange.State.IN_FLIGHT,
                    attempts__gte=1,
                    lease_until__isnull=False,
                ).values_list("object_id", flat=True)
            )
            # In process the caller's own connection is read: nothing may be open there.
            committed = self.is_served or not connection.savepoint_ids
        finally:
            if self.is_served:
                connections.close_all()
        missing = [write for write in wanted if write[1] not in claimed or not committed]
        with self._notes:
            self.unannounced.extend(missing)

    def _answer(self, request: Request, tenant_id: str | None, number: int) -> Reply:
        """Answer one call or part, and note what it changed."""
        user = _USER.search(request.path)
        if user is None or request.method not in _WRITES:
            return super()._answer(request, tenant_id, number)
        write = (request.method, user.group(1))
        with self._notes:
            if write in self.applied:
                self.repeated.append(write)
            reply = super()._answer(request, tenant_id, number)
            if reply.status < 300:
                self.applied.append(write)
            self.overdrawn += [
                sku.part_number for sku in self.own_tenant.skus.values() if sku.consumed > sku.enabled + sku.warning
            ]
        return reply

    def forget(self) -> None:
        """Begin with empty notes, journal and faults."""
        self.faults.clear()
        self.journal.clear()
        with self._notes:
            for notes in (self.applied, self.repeated, self.unannounced, self.overdrawn):
                notes.clear()


def writes_of(request: Request) -> list[Write]:
    """Return the writes inside a `$batch`."""
    if not request.path.endswith("/$batch"):
        return []
    body: Any = request.json()
    return [
        (part["method"], found.group(1))
        for part in body["requests"]
        if part["method"] in _WRITES and (found := _USER.search(part["url"])) is not None
    ]
