"""Reads every customer again in the background, each in turn and none for long.

A customer's turn is a slice: a round of changes, or a part of a whole read, which then queues up again behind the
others. It ends early when somebody's save waits for a worker.
"""

import logging
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q
from django.tasks import TaskResultStatus
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from customers.models import Customer, Schedule
from licenses import doorbell
from licenses.models import WorkerBeat
from licenses.services.sync import Pause, SyncReport, sync_customer, sync_customers
from licensing_portal.gateways.errors import GatewayError

logger = logging.getLogger(__name__)

SLICE_SECONDS = 20.0
# A turn of which nothing was heard for so long (a worker died) comes again.
_LEASE = timedelta(minutes=15)
_AFTER_FAILURE = timedelta(minutes=15)
_LIST = "customers"


def ring_due() -> int:
    """Ring for the customers who are due, while a worker stays free for saves; return how many rings.

    May run in every worker at once: each turn is taken by a compare-and-set.
    """
    if not settings.SYNC_EVERY_MINUTES:
        return 0
    now = timezone.now()
    if _take_list(now):
        doorbell.sync_customer_list.enqueue()
    due = Customer.objects.filter(_is_due(now), relationship__in=Customer.REACHABLE)
    waiting = list(due.order_by(F("sync_due_at").asc(nulls_first=True), "pk").values_list("pk", flat=True)[: _most()])
    rung = 0
    for pk in waiting[: max(0, _most() - _running())] if waiting else ():
        if Customer.objects.filter(_is_due(now), pk=pk).update(sync_due_at=now + _LEASE):
            doorbell.sync_in_turn.enqueue(pk)
            rung += 1
    return rung


def _is_due(now: datetime) -> Q:
    return Q(sync_due_at__isnull=True) | Q(sync_due_at__lte=now)


def _take_list(now: datetime) -> bool:
    """Take the turn of the list of customers, if it is due."""
    following = now + timedelta(minutes=settings.SYNC_EVERY_MINUTES)
    if Schedule.objects.filter(name=_LIST, due_at__lte=now).update(due_at=following):
        return True
    if Schedule.objects.filter(name=_LIST).exists():
        return False
    return Schedule.objects.get_or_create(name=_LIST, defaults={"due_at": following})[1]


def _most() -> int:
    """Return how many turns may be under way: all workers but one, which is for people."""
    return max(1, WorkerBeat.objects.count() - 1)


def _running() -> int:
    return DBTaskResult.objects.filter(
        queue_name=doorbell.SYNC_QUEUE, status__in=[TaskResultStatus.READY, TaskResultStatus.RUNNING]
    ).count()


def read_list() -> None:
    """Read the list of customers; a failure waits for the next time."""
    try:
        sync_customers()
    except GatewayError as error:
        logger.warning("the list of customers could not be read: %s", error)


def take_turn(customer_id: int, *, whole: bool = False) -> SyncReport | None:
    """Read one customer for a slice; None when there is nothing to read or Microsoft did not answer."""
    customer = Customer.objects.filter(pk=customer_id).first()
    if customer is None or not customer.is_reachable:
        return None
    _renew(customer_id, _LEASE)
    try:
        report = sync_customer(customer, whole=whole, pause=_pause_after(SLICE_SECONDS))
    except GatewayError as error:
        logger.warning("customer %s could not be read: %s", customer.tenant_id, error)
        _renew(customer_id, _AFTER_FAILURE)
        return None
    if not report.is_finished:
        # The next slice is queued: the customer must not be rung for a second time meanwhile.
        _renew(customer_id, _LEASE)
    return report


def _renew(customer_id: int, wait: timedelta) -> None:
    """Let the customer be due again only after a wait."""
    Customer.objects.filter(pk=customer_id).update(sync_due_at=timezone.now() + wait)


def _pause_after(seconds: float) -> Pause:
    """Return what says that a slice is over: its time is up, or a person's work waits for a worker."""
    ends_at = time.monotonic() + seconds
    return lambda: time.monotonic() > ends_at or _somebody_waits()


def _somebody_waits() -> bool:
    return DBTaskResult.objects.ready().exclude(queue_name=doorbell.SYNC_QUEUE).exists()
