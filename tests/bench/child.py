"""Measures one size on one database in a process of its own, so that its memory is its own.

`python -m tests.bench.child SIZE ROUNDS GROUP…` prints what the process is and its figures as one line of JSON.
"""

import json
import os
import sys
from dataclasses import asdict
from importlib import import_module
from typing import Any

import django

from licensing_portal.sandbox import PARTNER_TENANT_ID
from tests.bench import stand_in
from tests.bench.groups import GROUPS


def main() -> None:
    """Make the data, measure the groups and print them."""
    size, rounds, groups = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    with stand_in.running(size) as microsoft:
        _configure(microsoft.address)
        figures = _measure(microsoft, rounds, groups)
        print(json.dumps({"versions": _versions(), "figures": figures}))


def _configure(microsoft: str) -> None:
    """Set the portal up for the database that DATABASE_URL names and for the stand-in."""
    os.environ.update(
        {
            "SECRET_KEY": "bench",
            "DEMO": "1",
            "ALLOWED_HOSTS": "testserver",
            "GRAPH_BASE_URL": f"{microsoft}/graph/v1.0",
            "ENTRA_AUTHORITY": f"{microsoft}/entra",
            "ENTRA_TENANT_ID": PARTNER_TENANT_ID,
            "ENTRA_CLIENT_ID": "bench",
            "ENTRA_CLIENT_SECRET": "bench",
            "WRITES_PER_SECOND": "0",
            "LOG_LEVEL": "WARNING",
        }
    )
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "licensing_portal.settings")
    django.setup()


def _measure(microsoft: stand_in.StandIn, rounds: int, groups: list[str]) -> list[dict[str, Any]]:
    """Return the figures of all groups, in their order."""
    from django.core.management import call_command

    from tests.bench import data

    call_command("migrate", verbosity=0)
    customer, reading = data.read_customer(microsoft.tenant_id)
    bench = data.Bench(
        customer=customer,
        staff=data.new_staff(),
        rounds=rounds,
        control=f"{microsoft.address}/_control",
        reading=reading,
    )
    figures = []
    for name in groups:
        for figure in import_module(GROUPS[name].module).rows(bench):
            print(f"  {figure.row}: {figure.value:.4g} {figure.unit}", *figure.complaints, file=sys.stderr, sep="  ! ")
            figures.append({"group": name, **asdict(figure)})
    return figures


def _versions() -> dict[str, str]:
    """Return what the figures depend on."""
    from django.db import connection

    server = ".".join(map(str, connection.get_database_version()))
    return {
        "Python": sys.version.split()[0],
        "Django": django.get_version(),
        "database": f"{connection.display_name} {server}",
    }


if __name__ == "__main__":
    main()
