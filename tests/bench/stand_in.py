"""The stand-in for Microsoft in a process of its own, so that the portal's memory and time are measured alone.

`python -m tests.bench.stand_in USERS` serves one large tenant with 60 products and prints its address and tenant id.
With a second argument, some of the sandbox's options as JSON, it is a tenant whose users all hold one product.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from licensing_portal.sandbox import Sandbox, SandboxOptions, SandboxServer
from licensing_portal.sandbox.model import Plan, Sku, Tenant
from licensing_portal.sandbox.seed import BORN, made_id
from tests.uniform import make_uniform

PRODUCTS, PLANS = 60, 600
CUSTOMERS = 200
# What the tenants to save at differ in.
OPTIONS = ("seed", "latency_ms", "writes_per_second", "write_burst")


@dataclass(frozen=True, slots=True)
class StandIn:
    """Where the stand-in answers, and which tenant has the users."""

    address: str
    tenant_id: str


def large_sandbox(users: int) -> tuple[Sandbox, Tenant]:
    """Return a sandbox without limits and lags, and its tenant of `users` users and 60 products with 600 plans."""
    options = SandboxOptions(
        customers=CUSTOMERS, users=users, writes_per_second=0, consumed_lag_seconds=0, index_lag_seconds=0
    )
    sandbox = Sandbox(options)
    # The second customer owns the whole catalogue of the sandbox.
    tenant = sandbox.tenant(sandbox.tenants[1])
    assert tenant is not None
    more = _add_products(tenant)
    for number, user in enumerate(tenant.users.values()):
        if number % 4 == 0 and user.location:
            sku = more[number // 4 % len(more)]
            off = frozenset({sku.plans[number % len(sku.plans)].plan_id}) if number % 3 == 0 else frozenset()
            user.direct[sku.sku_id] = (off, BORN)
            sku.consumed += 1
        if number % 500 == 0:
            _break_a_path(tenant, number)
    return sandbox, tenant


def _add_products(tenant: Tenant) -> list[Sku]:
    """Put products in until there are enough products and plans."""
    missing = PRODUCTS - len(tenant.skus)
    plans = max(0, PLANS - sum(len(sku.plans) for sku in tenant.skus.values()))
    each = -(-plans // missing)
    added = [
        Sku(
            made_id("bench", number),
            f"BENCH_{number}",
            tuple(Plan(made_id("bench", number, place), f"BENCH_{number}_{place}") for place in range(each)),
            enabled=len(tenant.users),
            subscription_id=made_id("bench", "subscription", number),
        )
        for number in range(missing)
    ]
    tenant.skus.update((sku.sku_id, sku) for sku in added)
    return added


def _break_a_path(tenant: Tenant, number: int) -> None:
    """Let the next user with a group have an error on what the group gives."""
    for object_id in tenant.order[number : number + 20]:
        user = tenant.users[object_id]
        for group_id in user.groups:
            user.errors |= {(sku_id, group_id): "CountViolation" for sku_id in tenant.groups[group_id].licenses}
            return


def uniform_sandbox(users: int, options: SandboxOptions) -> tuple[Sandbox, Tenant]:
    """Return a sandbox whose second customer's users all hold one product; their rows must not depend on luck."""
    sandbox = Sandbox(replace(options, customers=2, users=users, consumed_lag_seconds=0, index_lag_seconds=0))
    # The first customer has the same id in every sandbox; that of the second is made from the seed.
    tenant = sandbox.tenant(sandbox.tenants[1])
    assert tenant is not None
    make_uniform(tenant)
    return sandbox, tenant


@contextmanager
def running(users: int, uniform: SandboxOptions | None = None) -> Iterator[StandIn]:
    """Start the stand-in, give its address, and end it afterwards; `uniform` asks for a tenant to save at."""
    command = [sys.executable, "-m", "tests.bench.stand_in", str(users)]
    if uniform is not None:
        command.append(json.dumps({name: getattr(uniform, name) for name in OPTIONS}))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield StandIn(*process.stdout.readline().split())
        finally:
            # It ends when nobody holds the other end of the pipe any more, however that came about.
            process.stdin.close()


def main() -> None:
    """Serve until the standard input ends."""
    users = int(sys.argv[1])
    if sys.argv[2:]:
        sandbox, tenant = uniform_sandbox(users, SandboxOptions(**json.loads(sys.argv[2])))
    else:
        sandbox, tenant = large_sandbox(users)
    server = SandboxServer(sandbox)
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    print(f"http://127.0.0.1:{server.port}", tenant.tenant_id, flush=True)
    sys.stdin.read()
    server.close()


if __name__ == "__main__":
    main()
