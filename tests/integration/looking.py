"""What the sandbox has, read by its control address: the other side of every save, past the portal's own code."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests import sandbox_session
from tests.environment import SANDBOX

type Paths = frozenset[tuple[str, str, frozenset[str]]]


@dataclass(frozen=True, slots=True)
class Seen:
    """A user as the sandbox shows them: the paths that give something, and the usage location."""

    location: str | None
    paths: Paths


def look(tenant_id: str) -> dict[str, Seen]:
    """Read all users by the sandbox's control address."""
    answer = sandbox_session.new_session().get(f"{SANDBOX}/_control/tenants/{tenant_id}/users", timeout=10)
    return {user["id"]: _seen(user) for user in answer.json()}


def _seen(user: Mapping[str, Any]) -> Seen:
    paths = (
        (state["skuId"], state["assignedByGroup"] or "direct", frozenset(state["disabledPlans"]))
        for state in user["licenseAssignmentStates"]
        if state["state"] in ("Active", "ActiveWithError")
    )
    return Seen(user["usageLocation"], frozenset(paths))
