"""Everything that a test with worker processes needs: the sandbox over HTTP, a customer that was read, and a crew."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.test import override_settings

from licenses.models import LicenseChange, UserChange
from licensing_portal.sandbox import serve
from tests.durability.crew import Crew, wait_until
from tests.durability.invariants import page_violations, violations
from tests.durability.watched import WatchedSandbox
from tests.durability.world import World, child_environment, new_sandbox, read_world


@dataclass
class Stage:
    """A served world and the workers on it."""

    sandbox: WatchedSandbox
    world: World
    crew: Crew
    environment: dict[str, str]

    def wait_for_end(self, change: LicenseChange, within: float = 60) -> float:
        """Wait until a change is finished; return the seconds."""
        return wait_until(lambda: is_finished(change), within, "the change")

    def wait_for_writes(self, number: int, within: float = 30) -> None:
        """Wait until so many users were changed at Microsoft."""
        wait_until(lambda: len(self.sandbox.applied) >= number, within, f"{number} writes")

    def broken_promises(self, change: LicenseChange) -> list[str]:
        """Return what a finished change says otherwise than Microsoft, in its rows and on its page."""
        self.sandbox.is_served, self.sandbox.latency = False, (0, 0)
        return violations(self.world, change) + page_violations(self.world, change)


@contextmanager
def stage(users: int, *, latency: tuple[float, float] = (0, 0), **changes: str) -> Iterator[Stage]:
    """Give a stage whose workers have these settings; all of them are dead afterwards."""
    sandbox = new_sandbox(users)
    server = serve(sandbox)
    try:
        address = f"http://127.0.0.1:{server.port}"
        with override_settings(
            GRAPH_BASE_URL=f"{address}/graph/v1.0",
            ENTRA_AUTHORITY=f"{address}/entra",
            GATEWAY_SESSION_FACTORY="licensing_portal.gateways.exchange.new_session",
        ):
            world = read_world(sandbox)
        sandbox.forget()
        sandbox.is_served, sandbox.latency = True, latency
        environment = child_environment(server.port, **changes)
        with Crew(environment) as crew:
            yield Stage(sandbox, world, crew, environment)
    finally:
        server.close()


def is_finished(change: LicenseChange) -> bool:
    """Tell whether a change has ended by now."""
    change.refresh_from_db(fields=["status"])
    return bool(change.is_finished)


def count(change: LicenseChange, *states: UserChange.State) -> int:
    """Return how many users of a change are in these states."""
    return change.user_changes.filter(state__in=states).count()
