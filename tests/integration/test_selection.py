"""The selection: what stays, what goes, in which order, and that each change is counted."""

from datetime import timedelta

import pytest
from django.utils import timezone

from customers import selection as selections
from customers.models import Customer, DirectoryUser, SelectedUser, Selection, Source
from customers.sync import mark_deleted
from licensing_portal.staff.models import StaffUser
from tests.factories import CustomerFactory, DirectoryUserFactory, StaffUserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer() -> Customer:
    return CustomerFactory.create()


@pytest.fixture
def people(customer: Customer) -> list[DirectoryUser]:
    """Five users, in list order."""
    return [DirectoryUserFactory.create(customer=customer, display_name=name) for name in "ABCDE"]


@pytest.fixture
def selection(staff: StaffUser, customer: Customer) -> Selection:
    return selections.get(staff, customer)


def _in_order(selection: Selection) -> str:
    return "".join(selection.rows.values_list("user__display_name", flat=True))


def test_a_person_has_one_selection_for_each_customer(staff: StaffUser, customer: Customer) -> None:
    other = CustomerFactory.create()

    assert selections.get(staff, customer) == selections.get(staff, customer)
    assert selections.get(staff, customer) != selections.get(staff, other)


def test_two_people_do_not_share_a_selection(selection: Selection, people: list[DirectoryUser]) -> None:
    selections.add(selection, [people[0].pk])

    theirs = selections.get(StaffUserFactory.create(), selection.customer)

    assert selections.count(theirs) == 0


def test_stating_a_page_leaves_other_pages_alone(selection: Selection, people: list[DirectoryUser]) -> None:
    a, b, c, d, _e = (user.pk for user in people)
    selections.add(selection, [d, a])

    selections.state_page(selection, [a, b, c], {b, c})

    assert _in_order(selection) == "DBC"


def test_stating_the_same_page_twice_gives_the_same(selection: Selection, people: list[DirectoryUser]) -> None:
    a, b, c, *_ = (user.pk for user in people)

    for _time in range(2):
        selections.state_page(selection, [a, b, c], {a, c})

    assert _in_order(selection) == "AC"


def test_those_already_selected_keep_their_place(selection: Selection, people: list[DirectoryUser]) -> None:
    a, b, c, *_ = (user.pk for user in people)
    selections.add(selection, [c])
    selections.add(selection, [a, c, b])

    assert _in_order(selection) == "CAB"
    assert [user.display_name for user in selections.users(selection)] == ["A", "B", "C"]


def test_all_matching_come_in_list_order_after_those_before(selection: Selection, people: list[DirectoryUser]) -> None:
    selections.add(selection, [people[3].pk])

    selections.add_matching(selection, DirectoryUser.objects.of(selection.customer))

    assert _in_order(selection) == "DABCE"


def test_all_matching_takes_no_user_of_another_customer(selection: Selection, people: list[DirectoryUser]) -> None:
    DirectoryUserFactory.create()

    selections.add_matching(selection, DirectoryUser.objects.of(selection.customer))

    assert _in_order(selection) == "ABCDE"


def test_all_matching_is_one_statement_whatever_the_number(selection: Selection, people: list[DirectoryUser]) -> None:
    read_at = timezone.now()
    DirectoryUser.objects.bulk_create(
        DirectoryUser(
            customer=selection.customer,
            object_id=f"{n:036}",
            display_name=f"{n:04}",
            sort_key=f"{n:04}",
            read_at=read_at,
        )
        for n in range(2_000)
    )
    started = timezone.now()

    selections.add_matching(selection, DirectoryUser.objects.of(selection.customer))

    assert timezone.now() - started < timedelta(seconds=1)
    assert selections.count(selection) == 2_005
    positions = list(SelectedUser.objects.filter(selection=selection).values_list("position", flat=True))
    assert positions == list(range(1, 2_006))


def test_every_change_raises_the_counter(selection: Selection, people: list[DirectoryUser]) -> None:
    pks = [user.pk for user in people]
    changes = [
        lambda: selections.add(selection, pks[:2]),
        lambda: selections.state_page(selection, pks[:3], set(pks[1:3])),
        lambda: selections.add_matching(selection, DirectoryUser.objects.of(selection.customer)),
        lambda: selections.remove(selection, [people[0].object_id]),
        lambda: selections.remove_pks(selection, pks[1:2]),
        lambda: selections.clear(selection),
    ]
    for number, change in enumerate(changes, start=1):
        change()
        assert selection.counter == Selection.objects.get(pk=selection.pk).counter == number


def test_keeping_an_old_selection_does_not_change_it(selection: Selection, people: list[DirectoryUser]) -> None:
    selections.add(selection, [people[0].pk])
    before = selection.counter

    selections.keep(selection)
    selection.refresh_from_db()

    assert selection.counter == before
    assert _in_order(selection) == "A"


def test_age_counts_from_the_first_user_to_the_last(selection: Selection, people: list[DirectoryUser]) -> None:
    assert selection.since is None
    selections.add(selection, [people[0].pk])
    begun = selection.since
    selections.add(selection, [people[1].pk])
    assert begun is not None
    assert selection.since == begun

    selections.remove(selection, [people[0].object_id, people[1].object_id])

    assert selection.since is None


def test_a_selection_is_stale_after_eight_hours_until_it_is_kept(
    selection: Selection, people: list[DirectoryUser]
) -> None:
    selections.add(selection, [people[0].pk])
    assert selection.since is not None
    later = selection.since + timedelta(hours=8, seconds=1)

    assert not selections.is_stale(selection, selection.since + timedelta(hours=8))
    assert selections.is_stale(selection, later)

    Selection.objects.filter(pk=selection.pk).update(kept_at=later)
    selection.refresh_from_db()
    assert not selections.is_stale(selection, later + timedelta(hours=8))
    assert selections.is_stale(selection, later + timedelta(hours=9))


def test_an_empty_selection_is_never_stale(selection: Selection) -> None:
    assert not selections.is_stale(selection, timezone.now() + timedelta(days=9))


def test_users_deleted_at_microsoft_leave_every_selection(selection: Selection, people: list[DirectoryUser]) -> None:
    selections.add(selection, [people[0].pk, people[1].pk])
    before = selection.counter

    mark_deleted(selection.customer, [people[0].pk], at=timezone.now())
    selection.refresh_from_db()

    assert _in_order(selection) == "B"
    assert selection.counter == before + 1


def test_a_set_begun_after_a_deletion_emptied_the_old_one_is_new(
    selection: Selection, people: list[DirectoryUser]
) -> None:
    selections.add(selection, [people[0].pk])
    Selection.objects.filter(pk=selection.pk).update(since=timezone.now() - timedelta(days=1))
    mark_deleted(selection.customer, [people[0].pk], at=timezone.now())

    selections.add(selection, [people[1].pk])

    assert not selections.is_stale(selection, timezone.now())


def test_seats_go_by_the_pasted_list_then_by_name(staff: StaffUser) -> None:
    customer = CustomerFactory.create()
    a, b, c, d = (DirectoryUserFactory.create(customer=customer, display_name=name) for name in "ABCD")
    selection = selections.get(staff, customer)
    selections.add(selection, [d.pk])
    selections.add(selection, [c.pk, a.pk], Source.LIST)
    selections.add(selection, [b.pk])
    assert list(selections.in_seat_order(selection)) == [c.pk, a.pk, b.pk, d.pk]
