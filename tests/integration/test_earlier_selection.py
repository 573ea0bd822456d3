"""A selection that takes the place of another one: the other is kept for a day and comes back as it was."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from customers import selection as selections
from customers.models import Customer, DirectoryUser, EarlierUser, Selection, Source
from licensing_portal.staff.models import StaffUser
from tests.factories import (
    CustomerFactory,
    DirectoryUserFactory,
    LicenseChangeFactory,
    StaffUserFactory,
    UserChangeFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

Row = tuple[str, str, str]


@pytest.fixture
def customer() -> Customer:
    return CustomerFactory.create()


@pytest.fixture
def people(customer: Customer) -> list[DirectoryUser]:
    return [DirectoryUserFactory.create(customer=customer, display_name=name) for name in "ABCDE"]


@pytest.fixture
def selection(staff: StaffUser, customer: Customer, people: list[DirectoryUser]) -> Selection:
    """C by a list, then A by a tick."""
    selection = selections.get(staff, customer)
    selections.add(selection, [people[2].pk], Source.LIST, {people[2].pk: "7"})
    selections.add(selection, [people[0].pk])
    return selection


def _rows(selection: Selection) -> list[Row]:
    return list(selection.rows.values_list("user__display_name", "source", "source_detail"))


BEFORE: list[Row] = [("C", "list", "7"), ("A", "tick", "")]


def test_the_earlier_set_comes_back_in_order_and_with_its_origins(
    selection: Selection, people: list[DirectoryUser]
) -> None:
    counter = selection.counter
    assert selections.replace(selection, [people[1].pk], Source.PAGE) == 2
    assert _rows(selection) == [("B", "page", "")]
    assert selections.earlier_count(selection, timezone.now()) == 2

    selections.restore(selection)

    assert _rows(selection) == BEFORE
    assert selection.counter == counter + 2
    # The other one was put aside in turn.
    assert selections.earlier_count(selection, timezone.now()) == 1
    selections.restore(selection)
    assert _rows(selection) == [("B", "page", "")]


def test_what_was_restored_into_an_empty_selection_is_no_longer_kept(
    selection: Selection, people: list[DirectoryUser]
) -> None:
    selections.replace(selection, [people[1].pk], Source.PAGE)
    selections.clear(selection)

    selections.restore(selection)

    assert _rows(selection) == BEFORE
    assert selections.earlier_count(selection, timezone.now()) == 0
    assert not EarlierUser.objects.exists()


@pytest.mark.parametrize("new", ["", "C", "AC", "ABC"])
def test_nothing_is_set_aside_when_nobody_is_lost(selection: Selection, people: list[DirectoryUser], new: str) -> None:
    lost = {"A", "C"} - set(new) if new else set()
    if not new:
        selections.clear(selection)

    number = selections.replace(selection, [user.pk for user in people if user.display_name in new], Source.PAGE)

    assert number == len(lost)
    # The whole set is kept, not only who is lost.
    assert selections.earlier_count(selection, timezone.now()) == (2 if lost else 0)


def test_an_empty_selection_does_not_push_the_kept_one_out(selection: Selection, people: list[DirectoryUser]) -> None:
    selections.replace(selection, [people[1].pk], Source.PAGE)
    selections.clear(selection)
    selections.replace(selection, [people[3].pk], Source.PAGE)

    selections.restore(selection)

    assert _rows(selection) == BEFORE


def test_a_replaced_selection_is_a_new_one(selection: Selection, people: list[DirectoryUser]) -> None:
    Selection.objects.filter(pk=selection.pk).update(since=timezone.now() - timedelta(days=2))
    selections.replace(selection, [people[1].pk], Source.PAGE)

    assert not selections.is_stale(selection, timezone.now())


def test_users_deleted_meanwhile_do_not_come_back(selection: Selection, people: list[DirectoryUser]) -> None:
    selections.replace(selection, [people[1].pk], Source.PAGE)
    DirectoryUser.objects.filter(pk=people[0].pk).update(deleted_at=timezone.now())

    assert selections.earlier_count(selection, timezone.now()) == 1
    selections.restore(selection)

    assert _rows(selection) == BEFORE[:1]


def test_after_a_day_it_is_gone(selection: Selection, people: list[DirectoryUser]) -> None:
    selections.replace(selection, [people[1].pk], Source.PAGE)
    old = timezone.now() - timedelta(days=1, seconds=1)
    Selection.objects.filter(pk=selection.pk).update(earlier_at=old)
    selection.refresh_from_db()

    selections.restore(selection)

    assert selections.earlier_count(selection, timezone.now()) == 0
    assert _rows(selection) == [("B", "page", "")]


def test_other_peoples_sets_are_left_alone(
    selection: Selection, customer: Customer, people: list[DirectoryUser]
) -> None:
    theirs = selections.get(StaffUserFactory.create(), customer)
    selections.add(theirs, [people[4].pk])
    selections.replace(theirs, [people[3].pk], Source.PAGE)
    selections.replace(selection, [people[1].pk], Source.PAGE)

    selections.restore(selection)

    assert _rows(theirs) == [("D", "page", "")]
    assert selections.earlier_count(theirs, timezone.now()) == 1


@pytest.mark.parametrize("place", ["users/", "users/selected/"])
def test_the_list_and_the_selection_offer_it(
    staff_client: Client, customer: Customer, selection: Selection, people: list[DirectoryUser], place: str
) -> None:
    address = f"/customers/{customer.tenant_id}/{place}"
    words = "Restore the earlier selection"
    assert words not in staff_client.get(address).content.decode()
    selections.replace(selection, [people[1].pk], Source.PAGE)
    assert words in staff_client.get(address).content.decode()

    response = staff_client.post(f"{address}?page=1", {"go": "restore"})

    assert response.status_code == 303
    assert _rows(selection) == BEFORE


def test_selecting_the_users_of_a_change_again_sets_the_others_aside(
    staff_client: Client,
    staff: StaffUser,
    customer: Customer,
    selection: Selection,
    people: list[DirectoryUser],
) -> None:
    now = timezone.now()
    change = LicenseChangeFactory.create(
        customer=customer, staff=staff, status="done", queued_at=now, started_at=now, finished_at=now
    )
    UserChangeFactory.create(change=change, user=people[1], state="updated", finished_at=now)

    page = staff_client.post(f"/changes/{change.pk}/", follow=True).content.decode()

    assert _rows(selection) == [("B", "change", str(change.pk))]
    assert f'<a href="/changes/{change.pk}/">From a change</a>' in page
    assert "2 users were selected before" in page
    selections.restore(Selection.objects.get(pk=selection.pk))
    assert _rows(selection) == BEFORE


def test_going_from_one_users_page_to_the_next_keeps_what_was_set_aside(
    selection: Selection, people: list[DirectoryUser]
) -> None:
    assert selections.replace(selection, [people[3].pk], Source.PAGE) == 2
    assert selections.replace(selection, [people[4].pk], Source.PAGE) == 0
    assert selections.earlier_count(selections.get(selection.staff, selection.customer), timezone.now()) == 2
