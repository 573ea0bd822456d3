"""Rows inserted and updated as plain values hold what was given, on both databases."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import pytest
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from customers.models import Customer, DirectoryUser
from licenses.models import UserChange
from licensing_portal.bulk_rows import insert_new, insert_rows, update_rows
from tests.factories import CustomerFactory, DirectoryUserFactory, LicenseChangeFactory, UserChangeFactory

pytestmark = pytest.mark.django_db

NAMES = ("customer", "object_id", "display_name", "enabled", "is_guest", "on_premises", "deleted_at", "read_at")
REST = (
    "user_principal_name",
    "mail",
    "usage_location",
    "department",
    "job_title",
    "is_licensed",
    "has_errors",
    "sort_key",
    "search",
)
ODD = ["", "NULL", "null", '{"a", b}', "back\\slash", "it's", "%s and %", "山田,太郎", "a\tb", "🙂"]


def _rows(
    customer: Customer, texts: list[str], read_at: datetime, deleted_at: datetime | None = None
) -> list[tuple[object, ...]]:
    return [
        (
            customer.pk,
            f"id-{number}",
            text,
            True,
            False,
            True,
            deleted_at,
            read_at,
            "",
            "",
            "",
            "",
            "",
            False,
            False,
            text,
            text,
        )
        for number, text in enumerate(texts)
    ]


def _insert(rows: list[tuple[object, ...]], **conflict: tuple[str, ...]) -> None:
    insert_rows(DirectoryUser, NAMES + REST, rows, **conflict)


@pytest.mark.parametrize("number", [0, 1, 2, 2_001])
def test_every_row_is_inserted_as_it_was_given(number: int) -> None:
    customer, now = CustomerFactory.create(), timezone.now()
    texts = (ODD * (number // len(ODD) + 1))[:number]
    _insert(_rows(customer, texts, now))

    found = DirectoryUser.objects.filter(customer=customer).order_by("pk")
    assert [user.display_name for user in found] == texts
    assert {(u.enabled, u.is_guest, u.on_premises, u.deleted_at, u.read_at) for u in found} <= {
        (True, False, True, None, now)
    }


def test_a_row_that_exists_is_changed() -> None:
    customer, now = CustomerFactory.create(), timezone.now()
    _insert(_rows(customer, ["before", "kept"], now, now))
    later = now + timedelta(hours=1)
    update = ("display_name", "deleted_at", "read_at")
    _insert(_rows(customer, ["after"], later), unique=("customer", "object_id"), update=update)

    found = DirectoryUser.objects.filter(customer=customer).order_by("object_id")
    assert [(user.display_name, user.deleted_at, user.read_at) for user in found] == [
        ("after", None, later),
        ("kept", now, now),
    ]


def test_a_row_that_exists_is_refused_unless_it_may_be_changed() -> None:
    rows = _rows(CustomerFactory.create(), ["one"], timezone.now())
    _insert(rows)
    with pytest.raises(IntegrityError), transaction.atomic():
        _insert(rows)


@pytest.mark.postgres
def test_a_text_that_is_too_long_is_refused_and_not_cut() -> None:
    with pytest.raises(DataError), transaction.atomic():
        _insert(_rows(CustomerFactory.create(), ["x" * 257], timezone.now()))


def test_rows_are_updated_each_with_its_own_values() -> None:
    now = timezone.now()
    rows = UserChangeFactory.create_batch(3)
    kept = UserChangeFactory.create(message="kept")
    for number, row in enumerate(rows):
        row.message = ODD[number + 1]
        row.add = [{"skuId": ODD[number + 3], "disabledPlans": [number]}]
        row.after = None if number == 1 else {"usageLocation": None, "paths": ODD}
        row.finished_at = None if number == 2 else now + timedelta(seconds=number)
        row.attempts, row.uncertain = number, number == 1
    names = ("message", "add", "after", "finished_at", "attempts", "uncertain")
    update_rows(rows, names)
    for row in rows:
        stored = UserChange.objects.get(pk=row.pk)
        assert [getattr(stored, name) for name in names] == [getattr(row, name) for name in names]
    assert UserChange.objects.get(pk=kept.pk).message == "kept"
    assert UserChange.objects.filter(after__isnull=True).count() == 2
    assert UserChange.objects.filter(add=rows[0].add).get() == rows[0]


def test_no_rows_are_no_statement(django_assert_num_queries: Callable[[int], AbstractContextManager[object]]) -> None:
    with django_assert_num_queries(0):
        update_rows([], ("message",))


def test_new_instances_are_inserted_as_saving_would() -> None:
    change = LicenseChangeFactory.create()
    rows = [
        UserChangeFactory.build(
            change=change,
            user=DirectoryUserFactory.create(customer=change.customer),
            object_id=f"id-{number}",
            display_name=f"髙橋 {text}"[:256],
            before={"usageLocation": None, "paths": [text]} if number else None,
            add=[{"skuId": text, "disabledPlans": []}],
            finished_at=timezone.now(),
        )
        for number, text in enumerate(ODD)
    ]
    insert_new(rows)
    for row in rows:
        stored = UserChange.objects.get(object_id=row.object_id)
        fields = [field for field in UserChange._meta.concrete_fields if field.name not in ("id", "search")]
        assert [getattr(stored, f.attname) for f in fields] == [getattr(row, f.attname) for f in fields]
        assert stored.search.startswith("高橋")


def test_a_new_instance_that_exists_is_refused() -> None:
    row = UserChangeFactory.create()
    user = DirectoryUserFactory.create(customer=row.change.customer)
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_new([UserChangeFactory.build(change=row.change, user=user, object_id=row.object_id)])
    assert UserChange.objects.count() == 1
