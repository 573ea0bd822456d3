"""`manage.py db_worker`: the task engine's worker, with our heartbeat, sweeper and graceful end."""

import logging
import os
import signal
import threading
import time
from argparse import ArgumentParser
from types import FrameType
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError, close_old_connections, connections
from django_tasks_db.management.commands import db_worker
from django_tasks_db.models import DBTaskResult

from licenses import doorbell
from licenses.services import run, schedule, sweep
from licenses.services.claims import process_name

logger = logging.getLogger(__name__)

BEAT_SECONDS = 2.0
# Set by `serve`: a worker whose parent is gone ends itself.
PARENT = "LICENSING_PORTAL_PARENT"


# The tasks that this process is running now, in any of its lanes.
_at_work: set[UUID] = set()


class PatientWorker(db_worker.Worker):
    """Waits for a database that is away, and leaves no task behind that is called running and is not."""

    def run(self) -> None:
        """Run until there is no more to do; begin again when the database was lost."""
        is_lost = False
        while self.running or not is_lost:
            try:
                if is_lost:
                    close_old_connections()
                    # What was being done when it was lost: nobody will, as long as it is called running.
                    sweep.end_tasks(self.worker_id, but=_at_work)
                super().run()
                return
            except (DatabaseError, InterfaceError) as error:
                logger.warning("worker lost the database: %s", type(error).__name__)
                is_lost = True
                time.sleep(1)

    def run_task(self, db_task_result: DBTaskResult[Any, Any]) -> None:
        """Run one task, and remember which one while it lasts."""
        _at_work.add(db_task_result.pk)
        try:
            super().run_task(db_task_result)
        finally:
            _at_work.discard(db_task_result.pk)


class GracefulWorker(PatientWorker):
    """Tells the pump to stop claiming when the process is asked to end."""

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        """Let the calls under way finish and be recorded, then end; a second signal ends at once."""
        run.stopping.set()
        super().shutdown(signum, frame)


class SmallLane(threading.Thread):
    """Works on small changes beside the worker's own tasks, so that one user's repair waits for no large change."""

    def __init__(self, worker: db_worker.Worker) -> None:
        super().__init__(name="small-lane")
        self._worker = worker

    def run(self) -> None:
        """Run the worker until it is told to end."""
        self._worker.run()
        connections.close_all()

    def end(self) -> None:
        """Let the change under way come to its end, and wait for it."""
        self._worker.running = False
        self.join()


class Command(db_worker.Command):
    """Runs background work: saves, planning, refreshes."""

    help = "Runs background work: saves, planning and refreshes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the engine's options; all queues and a short interval unless said otherwise."""
        super().add_arguments(parser)
        parser.set_defaults(queue_name="*", interval=0.25, worker_id=process_name(), startup_delay=False)

    def handle(self, *, verbosity: int, **options: Any) -> None:
        """Run until a signal."""
        self.configure_logging(verbosity)
        # The engine logs every finished task; with many slices that hides what matters.
        logging.getLogger("django_tasks_db").setLevel(logging.WARNING)
        logging.getLogger("django.tasks").setLevel(logging.WARNING)
        names = options["queue_name"].split(",")
        worker = _worker(GracefulWorker, names, options)
        worker.configure_signals()
        # Before the first claim: what a worker holds that nobody has heard of is freed only when its leases end.
        _beat()
        ended = threading.Event()
        threading.Thread(target=_watch, args=(ended,), daemon=True).start()
        # Not for a worker that is to do a number of tasks, or none of the changes.
        is_whole = not options["batch"] and options["max_tasks"] is None
        small = None
        if is_whole and {"*", doorbell.QUEUE, doorbell.SMALL_QUEUE}.intersection(names):
            small = SmallLane(_worker(PatientWorker, [doorbell.SMALL_QUEUE], options))
            small.start()
        try:
            worker.run()
        finally:
            if small is not None:
                run.stopping.set()
                small.end()
            ended.set()
            sweep.retire()
            connections.close_all()


def _worker[W: db_worker.Worker](kind: type[W], queue_names: list[str], options: dict[str, Any]) -> W:
    excluded = options["exclude_queues"]
    return kind(
        queue_names=queue_names,
        interval=options["interval"],
        batch=options["batch"],
        backend_name=options["backend_name"],
        startup_delay=options["startup_delay"],
        max_tasks=options["max_tasks"],
        worker_id=options["worker_id"],
        excluded_queue_names=excluded.split(",") if excluded else [],
    )


def _beat() -> None:
    """Beat once; a database that is away has its turn with the next beat."""
    try:
        sweep.beat()
    except DatabaseError as error:
        logger.warning("heartbeat failed: %s", type(error).__name__)


def _watch(ended: threading.Event) -> None:
    """Beat and sweep until the worker ends; a database that is away is waited for."""
    parent = os.environ.get(PARENT)
    while not ended.is_set():
        if parent and os.getppid() != int(parent):
            os.kill(os.getpid(), signal.SIGTERM)
            return
        close_old_connections()
        try:
            sweep.beat()
            sweep.sweep()
            schedule.ring_due()
        except DatabaseError as error:
            logger.warning("heartbeat failed: %s", type(error).__name__)
            time.sleep(1)
        except Exception:
            # Without a beat the others would bury a worker that lives.
            logger.exception("sweep failed")
        ended.wait(BEAT_SECONDS)
    connections.close_all()
