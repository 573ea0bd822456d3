"""Heartbeat and sweeper: finds work that a dead worker left behind and rings for it again.

The task engine leaves a task whose worker died RUNNING for ever (durable-jobs.md, section 1); the change's own
rows know better. Every sweep may run twice at once: each step is a compare-and-set or harmless when doubled.
"""

import logging
import os
import socket
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.tasks import TaskResultStatus
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from licenses import doorbell
from licenses.models import LicenseChange, UserChange, WorkerBeat
from licenses.services import drafts
from licenses.services.claims import free_leases, process_name

logger = logging.getLogger(__name__)

# A worker without a beat for this long is taken for dead, wherever it ran.
_DEAD_AFTER = timedelta(seconds=60)
# One that is silent for this long may still live, but nobody waits for it: a second ring is harmless.
_SILENT_AFTER = timedelta(seconds=10)
# A change that nobody has worked on for this long wants a ring.
_QUIET_AFTER = timedelta(seconds=5)
_DRAFTS_LIVE = timedelta(days=1)
# The engine keeps what it has done; every slice of every change and sync is a row.
_RESULTS_LIVE = timedelta(days=1)


def beat() -> None:
    """Say that this process is alive."""
    WorkerBeat.objects.update_or_create(
        worker_id=process_name(),
        defaults={"host": socket.gethostname(), "pid": os.getpid(), "at": timezone.now()},
    )


def retire() -> None:
    """Take this process off the list of workers, at its end."""
    WorkerBeat.objects.filter(worker_id=process_name()).delete()


def sweep() -> None:
    """Free what dead workers held, and ring for every change that waits without a reason."""
    for dead in [worker for worker in WorkerBeat.objects.all() if _is_dead(worker)]:
        _bury(dead)
    _ring_for_quiet_changes()
    _drop_old_drafts()
    _drop_old_results()


def _drop_old_results() -> None:
    """Drop a few of the engine's rows that ended long ago: the changes' own rows are the record."""
    old = DBTaskResult.objects.filter(finished_at__lt=timezone.now() - _RESULTS_LIVE).values_list("pk", flat=True)
    DBTaskResult.objects.filter(pk__in=list(old[:100])).delete()


def _drop_old_drafts() -> None:
    """Drop drafts that nobody has saved for a day: their picture of the users is too old to act on."""
    old = LicenseChange.objects.filter(
        status=LicenseChange.Status.DRAFT, created_at__lt=timezone.now() - _DRAFTS_LIVE
    ).values_list("pk", flat=True)
    for change in LicenseChange.objects.filter(pk__in=list(old[:10])):
        drafts.discard(change)


def _is_dead(worker: WorkerBeat) -> bool:
    """Tell whether a worker is gone: no such process on this host, or silent for a minute."""
    if worker.worker_id == process_name():
        return False
    if timezone.now() - worker.at > _DEAD_AFTER:
        return True
    return worker.host == socket.gethostname() and not _process_exists(worker.pid)


def _process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _bury(worker: WorkerBeat) -> None:
    """End the dead worker's leases and engine tasks; what it worked on wants a ring at once."""
    orphans = _changes_of(worker.worker_id)
    freed = free_leases(worker.worker_id)
    long_ago = timezone.now() - 2 * _QUIET_AFTER
    LicenseChange.objects.filter(pk__in=orphans, sliced_at__gt=long_ago).update(sliced_at=long_ago)
    ended = end_tasks(worker.worker_id)
    worker.delete()
    logger.warning("worker %s is gone: %d users freed, %d tasks ended", worker.worker_id, freed, ended)


def _changes_of(worker_id: str) -> set[UUID]:
    """Return the changes that a worker was working on: of its tasks, and of the users whom it held."""
    running = DBTaskResult.objects.filter(
        status=TaskResultStatus.RUNNING, queue_name__in=[doorbell.QUEUE, doorbell.SMALL_QUEUE]
    )
    found = {UUID(task.args_kwargs["args"][0]) for task in running if task.worker_ids[-1:] == [worker_id]}
    held = UserChange.objects.filter(state=UserChange.State.IN_FLIGHT, lease_owner__startswith=f"{worker_id}:")
    return found | set(held.values_list("change_id", flat=True))


def end_tasks(worker_id: str, *, but: Collection[UUID] = ()) -> int:
    """End the engine tasks that are called running by a worker that runs none `but` these; return how many."""
    running = DBTaskResult.objects.filter(status=TaskResultStatus.RUNNING)
    lost = [task.pk for task in running if task.worker_ids and task.worker_ids[-1] == worker_id and task.pk not in but]
    return DBTaskResult.objects.filter(pk__in=lost, status=TaskResultStatus.RUNNING).update(
        status=TaskResultStatus.FAILED, finished_at=timezone.now(), traceback="worker lost"
    )


def _ring_for_quiet_changes() -> None:
    """Ring for open changes that nobody works on and for which no ring is waiting."""
    quiet = LicenseChange.objects.filter(
        status__in=LicenseChange.OPEN, sliced_at__lt=timezone.now() - _QUIET_AFTER
    ) | LicenseChange.objects.filter(status=LicenseChange.Status.PLANNING, created_at__lt=timezone.now() - _QUIET_AFTER)
    waiting = _ringing()
    for change_id in quiet.values_list("pk", flat=True):
        if str(change_id) not in waiting:
            _ring_once(change_id)


def _ringing() -> set[str]:
    """Return the changes for which the engine has a task that waits, or one that a living worker runs."""
    tasks = DBTaskResult.objects.filter(
        queue_name__in=[doorbell.QUEUE, doorbell.SMALL_QUEUE],
        status__in=[TaskResultStatus.READY, TaskResultStatus.RUNNING],
    )
    beats = WorkerBeat.objects.filter(at__gt=timezone.now() - _SILENT_AFTER)
    living = set(beats.values_list("worker_id", flat=True))
    return {
        str(args[0])
        for task in tasks
        if (args := task.args_kwargs.get("args"))
        and (task.status == TaskResultStatus.READY or (task.worker_ids and task.worker_ids[-1] in living))
    }


def _ring_once(change_id: UUID) -> None:
    """Ring under the change's row lock, so that two sweepers make one ring."""
    with transaction.atomic():
        change = LicenseChange.objects.select_for_update().get(pk=change_id)
        since = change.sliced_at or change.created_at
        if not change.is_open or since > timezone.now() - _QUIET_AFTER or _lane_is_taken(change):
            return
        change.sliced_at = timezone.now()
        change.save(update_fields=["sliced_at"])
        if change.status == LicenseChange.Status.PLANNING:
            doorbell.ring_planner(change)
        else:
            doorbell.ring(change)


def _lane_is_taken(change: LicenseChange) -> bool:
    """Tell whether a queued change rightly waits for the one that runs before it."""
    if change.status != LicenseChange.Status.QUEUED:
        return False
    return LicenseChange.objects.filter(
        customer=change.customer_id, lane=change.lane, status__in=LicenseChange.ACTIVE
    ).exists()
