"""Rows of reading: the first sync that made the data, and rounds of changes after it."""

import time
from collections.abc import Iterator

from customers.models import DirectoryUser
from licenses.services.sync import refresh_customer
from licensing_portal.gateways.exchange import new_session
from tests.bench.data import Bench, Stopwatch
from tests.bench.measure import Figure

_CHANGES = 100


def rows(bench: Bench) -> Iterator[Figure]:
    """Tell what the first sync cost, then measure rounds."""
    if (reading := bench.reading) is not None:
        users = bench.customer.user_count
        yield Figure(row="first sync", value=reading.seconds, unit="s", budget=60)
        yield Figure(row="first sync, waiting for the sandbox", value=reading.waited, unit="s")
        yield Figure(row="first sync, users a second", value=users / reading.seconds, unit="users/s")
        yield Figure(row="first sync, peak memory", value=reading.peak_mib, unit="MiB", budget=300)
    yield _round(bench, f"delta round of {_CHANGES} changes", _CHANGES)
    yield _round(bench, "delta round without a change", 0)


def _round(bench: Bench, row: str, changes: int) -> Figure:
    """Change users behind the portal's back, and let Refresh find them."""
    ids = list(DirectoryUser.objects.of(bench.customer).order_by("pk").values_list("object_id", flat=True)[:changes])
    with new_session() as session:
        for number, object_id in enumerate(ids):
            address = f"{bench.control}/tenants/{bench.customer.tenant_id}/users/{object_id}"
            answer = session.patch(address, json={"jobTitle": f"bench {number}", "usageLocation": "US"})
            answer.raise_for_status()
    bench.customer.refresh_from_db()
    Stopwatch.waited, start = 0.0, time.perf_counter()
    assert refresh_customer(bench.customer), "the round was too long for a page"
    seconds = time.perf_counter() - start
    found = bench.customer.users.filter(job_title__startswith="bench ").count()
    assert not changes or found == changes, f"{found} of {changes} changes arrived"
    return Figure(row=row, value=seconds, unit="s", budget=2)
