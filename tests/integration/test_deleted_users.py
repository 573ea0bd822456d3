"""Users deleted since a page was rendered: accepted in a form, named as gone, and never selected or saved."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers import selection as selections
from customers.models import Customer, DirectoryUser, SelectedUser, Selection
from licenses.models import LicenseChange
from licensing_portal.staff.models import StaffUser
from tests.factories import CustomerFactory, DirectoryUserFactory
from tests.integration.meanwhile import meanwhile
from tests.integration.test_manage import JOINERS, form, page_of, product, select

pytestmark = pytest.mark.django_db

NOT_SELECTED = "Nobody is selected"


@pytest.fixture
def customer() -> Customer:
    return CustomerFactory.create()


@pytest.fixture
def people(customer: Customer) -> list[DirectoryUser]:
    """Three users in list order, of whom Gone was deleted since."""
    names = ("Gone", "Here", "There")
    found = [DirectoryUserFactory.create(customer=customer, display_name=name) for name in names]
    delete(found[:1])
    return found


def delete(users: list[DirectoryUser]) -> None:
    DirectoryUser.objects.filter(pk__in=[user.pk for user in users]).update(deleted_at=timezone.now())


def chosen(selection: Selection) -> list[str]:
    return list(selection.rows.values_list("user__display_name", flat=True))


@pytest.mark.parametrize("way", ["add", "state_page"])
def test_the_selection_takes_nobody_who_was_deleted(
    way: str, staff: StaffUser, customer: Customer, people: list[DirectoryUser]
) -> None:
    selection, pks = selections.get(staff, customer), [user.pk for user in reversed(people)]
    ways: dict[str, Callable[[], None]] = {
        "add": lambda: selections.add(selection, pks),
        "state_page": lambda: selections.state_page(selection, pks, set(pks)),
    }
    ways[way]()
    assert chosen(selection) == ["There", "Here"]


def test_the_number_of_selected_users_leaves_deleted_ones_out(
    staff: StaffUser, customer: Customer, people: list[DirectoryUser]
) -> None:
    selection = selections.get(staff, customer)
    selections.add(selection, [user.pk for user in people])
    delete(people[1:2])
    assert selections.count(selection) == selections.users(selection).count() == 1


@pytest.mark.parametrize(
    ("ticked", "fields", "words"),
    [
        ("Gone", {"go": "manage"}, "1 user no longer exists and was left out: Gone."),
        ("Gone Here", {"go": "save"}, "1 user no longer exists and was left out: Gone."),
        ("", {"go": "save", "page_all": "1"}, "1 user no longer exists and was left out: Gone."),
        ("Here", {"go": "save"}, ""),
    ],
)
def test_a_page_with_a_deleted_user_is_taken_without_them(
    ticked: str,
    fields: dict[str, str],
    words: str,
    staff: StaffUser,
    staff_client: Client,
    customer: Customer,
    people: list[DirectoryUser],
) -> None:
    data = {
        "shown": [user.object_id for user in people],
        "sel": [user.object_id for user in people if user.display_name in ticked.split()],
    }
    answer = staff_client.post(reverse("customers:users", args=[customer.tenant_id]), data | fields, follow=True)

    assert answer.status_code == 200
    page = answer.content.decode()
    assert words in page
    assert ("no longer exists" in page) == bool(words)
    expected = ["Here", "There"] if "page_all" in fields else [name for name in ticked.split() if name != "Gone"]
    assert chosen(selections.get(staff, customer)) == expected


def test_many_deleted_users_are_not_all_named(staff_client: Client, customer: Customer) -> None:
    people = DirectoryUserFactory.create_batch(25, customer=customer)
    delete(people)
    ids = [user.object_id for user in people]
    address = reverse("customers:users", args=[customer.tenant_id])
    page = staff_client.post(address, {"shown": ids, "sel": ids}, follow=True).content.decode()
    assert "25 users no longer exist and were left out" in page
    assert people[9].display_name in page
    assert people[10].display_name not in page


def test_ticks_with_a_deleted_user_say_it_on_the_next_page_once(
    staff: StaffUser, staff_client: Client, customer: Customer, people: list[DirectoryUser]
) -> None:
    address = reverse("customers:users", args=[customer.tenant_id])
    ids = [user.object_id for user in people]
    counters = []
    for _ in range(3):
        staff_client.post(address, {"shown": ids, "sel": ids, "go": "save"}, headers={"HX-Request": "true"})
        counters.append(selections.get(staff, customer).counter)
    assert counters == [1, 1, 1]
    page = staff_client.post(address, {"shown": ids, "sel": ids, "go": "search"}, follow=True).content.decode()
    assert page.count("no longer exists and was left out") == 1


def test_a_deleted_user_s_page_keeps_the_selection(
    staff: StaffUser, staff_client: Client, customer: Customer, people: list[DirectoryUser]
) -> None:
    selection = selections.get(staff, customer)
    selections.add(selection, [people[1].pk])
    address = reverse("customers:user", args=[customer.tenant_id, people[0].object_id])

    answer = staff_client.post(address, follow=True)

    assert answer.redirect_chain == [(address, 303)]
    assert "1 user no longer exists and was left out: Gone." in answer.content.decode()
    assert chosen(selection) == ["Here"]


def _forget(story: Customer) -> None:
    """Delete whoever is selected, but leave their rows: a deletion and a tick crossed."""
    delete([row.user for row in SelectedUser.objects.select_related("user")])


def test_manage_with_deleted_users_alone_has_nobody(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, story, JOINERS)
    _forget(story)
    answer = staff_client.get(page_of(story), follow=True)
    assert answer.redirect_chain == [(reverse("customers:users", args=[story.tenant_id]), 303)]
    assert NOT_SELECTED in answer.content.decode()


def test_nothing_is_saved_for_nobody(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, story, JOINERS)
    data = form(staff, story, **{product("SPE_E3"): "all"})

    # The view has found some by then.
    with meanwhile('AS "a" FROM "customers_directoryuser"', lambda: _forget(story), after=True):
        answer = staff_client.post(page_of(story), data, follow=True)

    assert answer.redirect_chain == [(reverse("customers:users", args=[story.tenant_id]), 303)]
    assert NOT_SELECTED in answer.content.decode()
    assert not LicenseChange.objects.exists()
