"""Reading in the background: every customer in turn, each turn once, people first."""

import logging
from datetime import timedelta

import pytest
from django.tasks import TaskResultStatus
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from customers.models import Customer, Schedule
from licenses import doorbell
from licenses.models import WorkerBeat
from licenses.services import schedule
from licenses.services.sync import sync_customers
from licensing_portal.sandbox import Sandbox

pytestmark = pytest.mark.django_db


def rings() -> list[int]:
    """Return the customers for whom a turn was rung, in order."""
    tasks = DBTaskResult.objects.filter(queue_name=doorbell.SYNC_QUEUE).order_by("enqueued_at")
    return [task.args_kwargs["args"][0] for task in tasks if task.args_kwargs["args"]]


@pytest.fixture
def customers(sandbox: Sandbox) -> list[Customer]:
    """Three customers, read never, an hour ago, and just now."""
    sync_customers()
    never, late, early = Customer.objects.order_by("pk")
    now = timezone.now()
    Customer.objects.filter(pk=late.pk).update(sync_due_at=now - timedelta(minutes=1))
    Customer.objects.filter(pk=early.pk).update(sync_due_at=now + timedelta(minutes=59))
    return [never, late, early]


def test_those_who_wait_longest_come_first_and_nobody_comes_early(customers: list[Customer]) -> None:
    never, late, _early = customers
    for number in range(4):
        WorkerBeat.objects.create(worker_id=str(number), host="h", at=timezone.now())
    assert schedule.ring_due() == 2
    assert rings() == [never.pk, late.pk]


def test_a_turn_is_rung_once_however_many_workers_look(customers: list[Customer]) -> None:
    for _ in range(5):
        schedule.ring_due()
        # As when a worker was quicker than the next look.
        DBTaskResult.objects.filter(queue_name=doorbell.SYNC_QUEUE).update(status=TaskResultStatus.SUCCESSFUL)
    assert schedule.ring_due() == 0
    assert rings() == [customers[0].pk, customers[1].pk]


def test_one_worker_stays_free_for_people(customers: list[Customer]) -> None:
    for number in range(2):
        WorkerBeat.objects.create(worker_id=str(number), host="h", at=timezone.now())
    Schedule.objects.create(name="customers", due_at=timezone.now() + timedelta(hours=1))
    assert schedule.ring_due() == 1
    assert schedule.ring_due() == 0


def test_customers_who_are_out_of_reach_are_left_alone(customers: list[Customer]) -> None:
    Customer.objects.update(relationship="terminated")
    assert schedule.ring_due() == 0
    assert schedule.take_turn(customers[0].pk) is None


def test_the_list_of_customers_is_read_once_an_interval(sandbox: Sandbox, db: None) -> None:
    schedule.ring_due()
    schedule.ring_due()
    assert DBTaskResult.objects.filter(task_path__endswith="sync_customer_list").count() == 1
    Schedule.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    schedule.ring_due()
    assert DBTaskResult.objects.filter(task_path__endswith="sync_customer_list").count() == 2
    schedule.read_list()
    assert Customer.objects.count() == 3


def test_nothing_is_rung_when_it_is_switched_off(customers: list[Customer], settings: object) -> None:
    settings.SYNC_EVERY_MINUTES = 0  # type: ignore[attr-defined]
    assert schedule.ring_due() == 0
    assert not DBTaskResult.objects.exists()


def test_a_turn_reads_the_customer_and_puts_it_behind_the_others(customers: list[Customer]) -> None:
    never = customers[0]
    report = schedule.take_turn(never.pk)
    assert report is not None
    assert report.is_finished
    never.refresh_from_db()
    assert never.synced_at is not None
    assert never.sync_due_at is not None
    assert never.sync_due_at > timezone.now() + timedelta(minutes=50)


@pytest.mark.one_database
def test_a_failed_turn_comes_again_and_does_not_stop_the_others(sandbox: Sandbox, customers: list[Customer]) -> None:
    sandbox.faults.add({"match": "GET /graph/v1.0/subscribedSkus", "times": 1, "status": 403})
    assert schedule.take_turn(customers[0].pk) is None
    customers[0].refresh_from_db()
    assert customers[0].sync_error
    assert customers[0].sync_due_at is not None
    assert timezone.now() < customers[0].sync_due_at < timezone.now() + timedelta(minutes=16)
    assert schedule.take_turn(customers[1].pk) is not None


def test_a_slice_ends_when_somebody_waits_for_a_worker(make_sandbox: object, db: None) -> None:
    sandbox = make_sandbox(users=2_500)  # type: ignore[operator]
    sync_customers()
    customer = Customer.objects.get(tenant_id=sandbox.tenants[1])
    doorbell.pump_change.enqueue("00000000-0000-4000-8000-000000000000")
    report = schedule.take_turn(customer.pk)
    assert report is not None
    assert not report.is_finished
    assert report.users == 999
    DBTaskResult.objects.all().delete()
    report = schedule.take_turn(customer.pk)
    assert report is not None
    assert report.is_finished
    assert report.users == 1_501


@pytest.mark.one_database
def test_a_read_of_many_slices_is_not_rung_again_between_them(make_sandbox: object, db: None) -> None:
    sandbox = make_sandbox(users=2_500)  # type: ignore[operator]
    sync_customers()
    customer = Customer.objects.get(tenant_id=sandbox.tenants[1])
    Customer.objects.exclude(pk=customer.pk).delete()
    schedule.ring_due()
    doorbell.pump_change.enqueue("00000000-0000-4000-8000-000000000000")
    for _ in range(2):
        # Each slice waited long for its turn: what was noted with the one before is over.
        Customer.objects.update(sync_due_at=timezone.now() - timedelta(seconds=1))
        report = schedule.take_turn(customer.pk)
        assert report is not None
        assert not report.is_finished
        DBTaskResult.objects.filter(queue_name=doorbell.SYNC_QUEUE).update(status=TaskResultStatus.SUCCESSFUL)
        assert schedule.ring_due() == 0


def test_a_customer_is_not_rung_for_while_a_slice_reads_it(sandbox: Sandbox, customers: list[Customer]) -> None:
    never, *others = customers
    Customer.objects.filter(pk__in=[one.pk for one in others]).delete()
    Schedule.objects.create(name="customers", due_at=timezone.now() + timedelta(hours=1))
    seen: list[int] = []

    class Watcher(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(schedule.ring_due())

    # The read repeats itself once, and says so: just then another worker looks for who is due.
    sandbox.faults.add({"match": "GET /graph/v1.0/organization", "status": 503, "headers": {"Retry-After": "0"}})
    watcher, said = Watcher(), logging.getLogger("licensing_portal.gateways.transport")
    said.addHandler(watcher)
    said.setLevel(logging.INFO)
    try:
        schedule.take_turn(never.pk)
    finally:
        said.removeHandler(watcher)
        said.setLevel(logging.NOTSET)
    assert seen == [0]
    assert rings() == []


def test_a_task_that_did_not_finish_queues_up_again(make_sandbox: object, db: None) -> None:
    sandbox = make_sandbox(users=1_500)  # type: ignore[operator]
    sync_customers()
    customer = Customer.objects.get(tenant_id=sandbox.tenants[1])
    doorbell.pump_change.enqueue("00000000-0000-4000-8000-000000000000")
    doorbell.sync_in_turn.func(customer.pk)
    assert rings() == [customer.pk]
