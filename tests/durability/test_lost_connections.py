"""The fault matrix, row 28: PostgreSQL restarts, or a connection breaks, while worker processes are at work."""

import pytest
from django.db import connection

from licenses.models import UserChange, WorkerBeat
from licensing_portal.sandbox.http import Request
from tests.durability.stage import Stage, count, stage
from tests.durability.watched import writes_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


def _break_connections_once(theatre: Stage) -> list[int]:
    """Let all connections but the tests' own end while the first write is at Microsoft; return how many did."""
    ended: list[int] = []

    def end(request: Request) -> None:
        if writes_of(request) and not ended:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid NOT IN (%s, pg_backend_pid())",
                    [own],
                )
                ended.append(cursor.fetchone()[0])

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        own = cursor.fetchone()[0]
    theatre.sandbox.on_arrival = end
    return ended


@pytest.mark.parametrize(
    "users", [pytest.param(20, id="small lane"), pytest.param(60, id="main lane", marks=pytest.mark.one_database)]
)
def test_f28_a_worker_whose_connections_break_connects_again_and_goes_on(users: int) -> None:
    with stage(users, DURABILITY_LEASE="2") as theatre:
        change = theatre.world.swap(users)
        ended = _break_connections_once(theatre)
        worker = theatre.crew.add()
        theatre.wait_for_end(change, within=20)
        assert ended[0] > 0
        assert theatre.broken_promises(change) == []
        assert count(change, UserChange.State.UPDATED) == users
        # It is the same process.
        assert [beat.pid for beat in WorkerBeat.objects.all()] == [worker.pid]
