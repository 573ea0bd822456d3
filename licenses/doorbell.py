"""Rings for a worker: the tasks of the job engine. A lost or doubled ring changes nothing but the start time."""

from datetime import timedelta

from django.tasks import task
from django.utils import timezone

from licenses.models import LicenseChange

QUEUE = "changes"
# Changes of a few users; every worker has a thread of its own for them.
SMALL_QUEUE = "small"
# What nobody waits for.
SYNC_QUEUE = "sync"


@task(queue_name=QUEUE, priority=50)
def pump_change(change_id: str) -> None:
    """Work on one change for one slice."""
    from licenses.services import run

    run.pump(change_id)


@task(queue_name=SMALL_QUEUE, priority=70)
def pump_small_change(change_id: str) -> None:
    """Work on one small change for one slice."""
    from licenses.services import run

    run.pump(change_id)


@task(queue_name=QUEUE, priority=60)
def plan_change(change_id: str) -> None:
    """Plan a change that was too large for its request."""
    from licenses.services import again, save

    again.read_first(change_id)
    save.plan_stored(change_id)


@task(queue_name="default")
def refresh_selected(selection_id: int) -> None:
    """Read the users of a selection again that were too many for the page that shows them."""
    from licenses.services import refresh

    refresh.refresh_selected(selection_id)


@task(queue_name="default")
def sync_one_customer(customer_id: int) -> None:
    """Read one customer's directory again, because somebody asked; a large one in slices."""
    from licenses.services import schedule

    report = schedule.take_turn(customer_id)
    if report is not None and not report.is_finished:
        sync_one_customer.enqueue(customer_id)


@task(queue_name=SYNC_QUEUE, priority=-50)
def sync_in_turn(customer_id: int) -> None:
    """Read one customer because it is due; a large one queues up again behind the others."""
    from licenses.services import schedule

    report = schedule.take_turn(customer_id)
    if report is not None and not report.is_finished:
        sync_in_turn.enqueue(customer_id)


@task(queue_name=SYNC_QUEUE, priority=-40)
def sync_customer_list() -> None:
    """Read the partner's list of customers again."""
    from licenses.services import schedule

    schedule.read_list()


def ring(change: LicenseChange, *, after: float = 0.0) -> None:
    """Ask a worker to work on a change, at once or in so many seconds; part of the caller's transaction."""
    pump = pump_small_change if change.lane == LicenseChange.Lane.SMALL else pump_change
    pump.using(run_after=timezone.now() + timedelta(seconds=after) if after else None).enqueue(str(change.pk))


def ring_planner(change: LicenseChange) -> None:
    """Ask a worker to plan a change; part of the caller's transaction."""
    plan_change.enqueue(str(change.pk))
