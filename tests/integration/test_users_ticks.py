"""Users and licenses as it is posted: the page states its ticks, a button acts, bad input changes nothing."""

import uuid
from collections.abc import Sequence

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from customers import selection as selections
from customers.models import Customer, CustomerFacet, DirectoryUser
from licensing_portal.staff.models import StaffUser
from tests.factories import CustomerFactory, DirectoryUserFactory, StaffUserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer() -> Customer:
    return CustomerFactory.create()


@pytest.fixture
def people(customer: Customer) -> list[DirectoryUser]:
    """Sixty users in list order: fifty on the first page, ten on the second."""
    return DirectoryUserFactory.create_batch(60, customer=customer)


@pytest.fixture
def selected(staff: StaffUser, customer: Customer) -> list[str]:
    """Names of the selected users at the moment of the comparison."""

    class Names(list[str]):
        def __eq__(self, other: object) -> bool:
            return [user.display_name for user in selections.users(selections.get(staff, customer))] == other

        __hash__ = None  # type: ignore[assignment]

    return Names()


def _address(customer: Customer) -> str:
    return f"/customers/{customer.tenant_id}/users/"


def _ids(users: Sequence[DirectoryUser]) -> list[str]:
    return [user.object_id for user in users]


def _names(users: Sequence[DirectoryUser]) -> list[str]:
    return [user.display_name for user in users]


def _post(
    client: Client,
    customer: Customer,
    shown: Sequence[DirectoryUser] = (),
    ticked: Sequence[DirectoryUser] = (),
    htmx: bool = False,
    **fields: object,
) -> HttpResponse:
    headers = {"HX-Request": "true"} if htmx else None
    data = {"shown": _ids(shown), "sel": _ids(ticked), **fields}
    return client.post(_address(customer), data, headers=headers)  # type: ignore[return-value]


def test_ticks_of_two_pages_add_up(
    staff_client: Client, customer: Customer, people: list[DirectoryUser], selected: list[str]
) -> None:
    first, second = people[:50], people[50:]
    response = _post(staff_client, customer, first, first[:2], go="next", page="1")
    assert (response.status_code, response["Location"]) == (303, _address(customer) + "?page=2")
    response = _post(staff_client, customer, second, second[:1], go="prev", page="2")
    assert response["Location"] == _address(customer)

    assert selected == _names([*first[:2], second[0]])


def test_unticking_takes_out_only_those_shown(
    staff_client: Client, customer: Customer, people: list[DirectoryUser], selected: list[str]
) -> None:
    _post(staff_client, customer, people[:3], people[:3])
    _post(staff_client, customer, people[1:4], people[3:4])

    assert selected == _names([people[0], people[3]])


def test_ids_are_read_in_any_letter_case(
    staff_client: Client, customer: Customer, people: list[DirectoryUser], selected: list[str]
) -> None:
    upper = people[0].object_id.upper()
    staff_client.post(f"/customers/{customer.tenant_id.upper()}/users/", {"shown": upper, "sel": upper})

    assert selected == _names(people[:1])


def test_box_of_the_page_ticks_all_without_script(
    staff_client: Client, customer: Customer, people: list[DirectoryUser], selected: list[str]
) -> None:
    _post(staff_client, customer, people[:3], page_all="1", go="save")

    assert selected == _names(people[:3])


@pytest.mark.parametrize(
    ("was", "box", "ticks", "expected"),
    [
        (False, True, 0, 3),
        (False, True, 2, 3),
        (False, False, 2, 2),
        (True, True, 3, 3),
        (True, True, 2, 2),
        (True, False, 3, 0),
        (True, False, 2, 2),
    ],
)
def test_box_of_the_page_counts_when_it_was_changed(
    staff_client: Client,
    customer: Customer,
    people: list[DirectoryUser],
    selected: list[str],
    was: bool,
    box: bool,
    ticks: int,
    expected: int,
) -> None:
    boxes = {"page_all_was": "1"} if was else {}
    _post(staff_client, customer, people[:3], people[:ticks], **boxes, **({"page_all": "1"} if box else {}))

    assert selected == _names(people[:expected])


@pytest.mark.parametrize(("ticks", "is_checked"), [(0, False), (49, False), (50, True)])
def test_box_of_the_page_shows_whether_all_its_rows_are_ticked(
    staff_client: Client, customer: Customer, people: list[DirectoryUser], ticks: int, is_checked: bool
) -> None:
    _post(staff_client, customer, people[:50], people[:ticks])

    page = staff_client.get(_address(customer)).content.decode()

    box = page.split('id="page-all"')[1].split(">")[0]
    assert box.endswith(" checked") == is_checked
    assert ('name="page_all_was"' in page) == is_checked


def test_box_of_the_page_means_nothing_to_a_script(
    staff_client: Client, customer: Customer, people: list[DirectoryUser], selected: list[str]
) -> None:
    _post(staff_client, customer, people[:3], people[:1], page_all="1", htmx=True)

    assert selected == _names(people[:1])


def test_tick_by_script_is_answered_with_the_pieces_that_change(
    staff_client: Client, customer: Customer, people: list[DirectoryUser]
) -> None:
    response = _post(staff_client, customer, people[:50], people[:5], htmx=True, go="save")

    piece = response.content.decode()
    assert response.status_code == 200
    assert "<html" not in piece
    assert piece.count("hx-swap-oob") == 3
    for part in ('id="acts"', 'id="bulk"', 'id="live"', "Selected users (5)", "5 users selected"):
        assert part in piece
    assert "Select all 60 matching users" in piece


def test_all_matching_takes_the_filters_into_account(
    staff_client: Client, customer: Customer, people: list[DirectoryUser], selected: list[str]
) -> None:
    DirectoryUser.objects.filter(pk__in=[people[3].pk, people[55].pk]).update(usage_location="")
    CustomerFacet.objects.create(customer=customer, kind="location", value="JP", number=58)

    response = _post(staff_client, customer, people[3:4], go="matching", location="none")

    assert response["Location"] == _address(customer) + "?location=none"
    assert selected == _names([people[3], people[55]])


def test_all_two_thousand_are_selected_by_one_post(staff_client: Client, customer: Customer) -> None:
    now = timezone.now()
    DirectoryUser.objects.bulk_create(
        DirectoryUser(customer=customer, object_id=str(uuid.uuid4()), display_name=f"{n}", sort_key=f"{n}", read_at=now)
        for n in range(2_000)
    )

    page = staff_client.get(_post(staff_client, customer, go="matching")["Location"]).content.decode()

    assert "Selected users (2,000)" in page


def test_clear_empties_all_pages(
    staff_client: Client, customer: Customer, people: list[DirectoryUser], selected: list[str]
) -> None:
    _post(staff_client, customer, people, people)
    _post(staff_client, customer, people[:50], people[:50], go="clear")

    assert selected == []


def test_search_keeps_the_selection_and_starts_at_page_one(
    staff_client: Client, customer: Customer, people: list[DirectoryUser], selected: list[str]
) -> None:
    response = _post(staff_client, customer, people[50:], people[50:51], go="search", q="user", page="2", size="25")

    assert response["Location"] == _address(customer) + "?q=user&size=25"
    assert selected == _names(people[50:51])


def test_selection_survives_signing_out(
    staff_client: Client, staff: StaffUser, customer: Customer, people: list[DirectoryUser], selected: list[str]
) -> None:
    _post(staff_client, customer, people[:2], people[:2])
    staff_client.post("/signout/")
    staff_client.force_login(staff)

    assert selected == _names(people[:2])
    assert "Selected users (2)" in staff_client.get(_address(customer)).content.decode()


@pytest.mark.parametrize(
    ("go", "page", "expected"),
    [
        ("first", "2", "users/"),
        ("prev", "1", "users/"),
        ("next", "1", "users/?page=2"),
        ("next", "2", "users/?page=2"),
        ("last", "1", "users/?page=2"),
        ("sort:-name", "2", "users/?sort=-name"),
        ("sort:location", "2", "users/?sort=location"),
        ("save", "2", "users/?page=2"),
        ("list", "2", "users/list/"),
        ("selected", "2", "users/selected/"),
        ("manage", "2", "licenses/manage/"),
    ],
)
def test_buttons_lead_where_they_say(
    staff_client: Client, customer: Customer, people: list[DirectoryUser], go: str, page: str, expected: str
) -> None:
    response = _post(staff_client, customer, people[:1], people[:1], go=go, page=page)

    assert response["Location"] == f"/customers/{customer.tenant_id}/{expected}"


@pytest.mark.parametrize("field", ["shown", "sel"])
@pytest.mark.parametrize("wrong", ["another customer's", "nobody's", "no id", "NUL"])
def test_an_id_that_is_not_this_customers_changes_nothing(
    staff_client: Client,
    customer: Customer,
    people: list[DirectoryUser],
    selected: list[str],
    field: str,
    wrong: str,
) -> None:
    _post(staff_client, customer, people[:1], people[:1])
    bad = {
        "another customer's": DirectoryUserFactory.create().object_id,
        "nobody's": str(uuid.uuid4()),
        "no id": "1",
        "NUL": "\0",
    }[wrong]
    data = {"shown": _ids(people[:3]), "sel": _ids(people[1:3]), "go": "matching"}
    data[field] = [*data[field], bad]

    assert staff_client.post(_address(customer), data).status_code == 404
    assert staff_client.post(_address(customer), {"sel": bad}).status_code == 404
    assert selected == _names(people[:1])


def test_a_user_deleted_since_is_accepted(
    staff_client: Client, customer: Customer, people: list[DirectoryUser], selected: list[str]
) -> None:
    DirectoryUser.objects.filter(pk=people[0].pk).update(deleted_at=timezone.now())

    assert _post(staff_client, customer, people[:2], people[1:2]).status_code == 303
    assert selected == _names(people[1:2])


@pytest.mark.parametrize("htmx", [False, True])
@pytest.mark.parametrize(
    ("field", "value"),
    [("location", "XX"), ("licence", "x"), ("sort", "x"), ("go", "delete"), ("go", "sort:x"), ("status", "x")],
)
def test_an_unknown_value_is_refused_and_changes_nothing(
    staff_client: Client,
    customer: Customer,
    people: list[DirectoryUser],
    selected: list[str],
    field: str,
    value: str,
    htmx: bool,
) -> None:
    fields = {"go": "matching", field: value}

    response = _post(staff_client, customer, people[:2], people[:2], htmx=htmx, **fields)

    assert response.status_code == 422
    assert "is not known; the list shows all users." in response.content.decode()
    assert selected == []


def test_a_page_as_it_was_does_not_count_as_a_change(
    staff_client: Client, staff: StaffUser, customer: Customer, people: list[DirectoryUser]
) -> None:
    for _time in range(2):
        _post(staff_client, customer, people[:3], people[:2], go="next")

    assert selections.get(staff, customer).counter == 1


def test_other_peoples_selections_stay(staff_client: Client, customer: Customer, people: list[DirectoryUser]) -> None:
    theirs = selections.get(StaffUserFactory.create(), customer)
    selections.add(theirs, [people[0].pk])

    _post(staff_client, customer, people[:3], go="clear")

    assert selections.count(theirs) == 1
