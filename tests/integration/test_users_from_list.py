"""Select from a list: who is found in which order, what stays in the box, and what is refused."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers import selection as selections
from customers.list_form import MAX_BYTES, MAX_LINES
from customers.models import Customer
from licensing_portal.staff.models import StaffUser
from tests.factories import CustomerFactory, StaffUserFactory
from tests.integration.list_page import address_of, arrivals, box_of, new_user, page_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer() -> Customer:
    return CustomerFactory.create(default_domain="contoso.example")


@pytest.fixture
def paste(staff_client: Client, customer: Customer) -> Callable[[str], HttpResponse]:
    """Post a text as the page's form does."""

    def post(text: str) -> HttpResponse:
        return staff_client.post(address_of(customer), {"lines": text})  # type: ignore[return-value]

    return post


@pytest.fixture
def arrived(staff: StaffUser, customer: Customer) -> Callable[[], list[str]]:
    """Tell the names of the selected users in their order of arrival."""
    return arrivals(staff, customer)


def _problems(response: HttpResponse) -> list[str]:
    return re.findall(r"<li>(Line [^<]+|and [^<]+)</li>", page_of(response))


def test_all_lines_found_lead_to_the_selected_users_in_the_order_of_the_lines(
    customer: Customer, paste: Callable[[str], HttpResponse], arrived: Callable[[], list[str]], staff_client: Client
) -> None:
    a, b, c = (new_user(customer, name) for name in ("Aiko", "Bruno", "Chloe"))

    response = paste(f"Name\tMail\nChloe\tCHLOE＠contoso.example\n\n{{{a.object_id.upper()}}}\nB <{b.mail}>")

    assert response.status_code == 303
    assert response["Location"] == f"/customers/{customer.tenant_id}/users/selected/"
    assert "All 3 lines found and selected." in staff_client.get(response["Location"]).content.decode()
    assert arrived() == [c.display_name, a.display_name, b.display_name]


def test_lines_that_select_nobody_stay_in_the_box_with_their_reason(
    customer: Customer, paste: Callable[[str], HttpResponse], arrived: Callable[[], list[str]]
) -> None:
    new_user(customer, "Aiko", mail="a@contoso.example")
    new_user(customer, "Bruno", mail="info@contoso.example")
    new_user(customer, "Chloe", user_principal_name="INFO@contoso.example")
    left = ["Nobody\tnobody@contoso.example", "a@contoso.example", "info@contoso.example", "山田 太郎"]

    response = paste("\n".join(["aiko@contoso.example", *left, "bruno@contoso.example"]))

    assert response.status_code == 200
    assert "2 of 6 lines found and selected; 4 are left in the box" in page_of(response)
    assert box_of(response) == left
    assert _problems(response) == [
        "Line 2: no user has the sign-in name, mail address or object ID “nobody@contoso.example”",
        "Line 3: the same user as line 1",
        "Line 4: 2 users have “info@contoso.example” as sign-in name or mail:"
        " Bruno (bruno@contoso.example), Chloe (INFO@contoso.example)",
        "Line 5: no sign-in name, mail address or object ID in this line",
    ]
    assert arrived() == ["Aiko", "Bruno"]


def test_a_sign_in_name_that_is_its_own_mail_is_one_user(
    customer: Customer, paste: Callable[[str], HttpResponse], arrived: Callable[[], list[str]]
) -> None:
    new_user(customer, "Aiko", user_principal_name="ＡＩＫＯ@contoso.example", mail="aiko@CONTOSO.example")

    assert paste("Aiko@contoso.example").status_code == 303
    assert arrived() == ["Aiko"]


def test_the_same_mail_twice_is_ambiguous_and_selects_nobody(
    customer: Customer, paste: Callable[[str], HttpResponse], arrived: Callable[[], list[str]]
) -> None:
    for name in ("Aiko", "Bruno", "Chloe", "Dmitri"):
        new_user(customer, name, mail="shared@contoso.example")

    response = paste("shared@contoso.example")

    assert response.status_code == 422
    assert "4 users have" in page_of(response)
    assert "Chloe (chloe@contoso.example), …" in page_of(response)
    assert arrived() == []


def test_two_hundred_pasted_lines(
    customer: Customer, paste: Callable[[str], HttpResponse], arrived: Callable[[], list[str]]
) -> None:
    people = [new_user(customer, f"User{n:03}", display_name=f"利用者 {n:03}") for n in range(180)]
    ways = [
        lambda user: user.user_principal_name,
        lambda user: f"{user.display_name} <{user.mail}>",
        lambda user: f"{user.display_name}\t{user.mail.upper()}\t営業部",
        lambda user: user.mail.replace("@", "＠"),
        lambda user: f"  {{{user.object_id.upper()}}}  ",
    ]
    # Backwards: an order that no list of the portal has.
    good = [ways[n % len(ways)](user) for n, user in enumerate(reversed(people))]
    unknown = [f"知らない人 {n}\tunknown{n}@contoso.example" for n in range(5)]
    doubles = [user.mail for user in people[:15]]
    lines = [*good[:100], *unknown, *good[100:], *doubles]
    assert len(lines) == 200

    response = paste("氏名\tメール\r\n" + "\r\n".join(lines) + "\r\n")

    assert arrived() == [user.display_name for user in reversed(people)]
    assert "180 of 200 lines found and selected; 20 are left in the box" in page_of(response)
    assert box_of(response) == [*unknown, *doubles]


def test_what_is_left_in_the_box_can_be_corrected_and_posted_again(
    customer: Customer, paste: Callable[[str], HttpResponse], arrived: Callable[[], list[str]]
) -> None:
    new_user(customer, "Aiko")
    new_user(customer, "Bruno")
    left = box_of(paste("aiko@contoso.example\nbrno@contoso.example"))

    assert paste("\n".join(left).replace("brno", "bruno") + "\naiko@contoso.example").status_code == 303
    assert arrived() == ["Aiko", "Bruno"]


@pytest.mark.parametrize("other", ["another customer's", "deleted"])
def test_users_of_other_customers_and_deleted_ones_are_never_found(
    other: str, customer: Customer, paste: Callable[[str], HttpResponse], arrived: Callable[[], list[str]]
) -> None:
    fields = {"another customer's": {"customer": CustomerFactory.create()}, "deleted": {"deleted_at": timezone.now()}}
    user = new_user(**{"customer": customer, "name": "Aiko", **fields[other]})
    text = f"{user.user_principal_name}\n{user.object_id}"

    response = paste(text)

    assert response.status_code == 422
    assert "None of these lines names a user of this customer." in page_of(response)
    assert box_of(response) == text.splitlines()
    assert arrived() == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Enter at least one sign-in name"),
        (" \n\t\n", "Enter at least one sign-in name"),
        ("UPN", "Enter at least one sign-in name"),
        ("<script>@\0", "None of these lines names a user"),
        ("aiko@contoso.example\n" * MAX_LINES, "more than 50,000 lines"),
        ("あ" * (MAX_BYTES // 3) + "\naiko@contoso.example", "larger than 2 MB"),
    ],
    ids=["empty", "blank", "header alone", "markup", "too many lines", "too large"],
)
def test_a_refused_list_changes_nothing_and_keeps_its_text(
    text: str,
    words: str,
    customer: Customer,
    paste: Callable[[str], HttpResponse],
    arrived: Callable[[], list[str]],
) -> None:
    new_user(customer, "Aiko")

    response = paste(text)

    assert response.status_code == 422
    assert words in page_of(response)
    assert "\n".join(box_of(response)).strip() == text.replace("\0", "").strip()
    assert "<script>@" not in response.content.decode()
    assert arrived() == []


def test_a_form_without_the_field_is_an_empty_list(staff_client: Client, customer: Customer) -> None:
    assert staff_client.post(address_of(customer)).status_code == 422


def test_lines_cost_no_queries(customer: Customer, paste: Callable[[str], HttpResponse]) -> None:
    counts = []
    new_user(customer, "Aiko")
    paste("aiko@contoso.example\nnobody@contoso.example")
    for number in (1, 400):
        people = [new_user(customer, f"User{number}x{n}") for n in range(number)]
        text = "\n".join([*(user.mail for user in people), *(f"x{n}@contoso.example" for n in range(number))])
        with CaptureQueriesContext(connection) as captured:
            paste(text)
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_only_the_first_reasons_are_printed(customer: Customer, paste: Callable[[str], HttpResponse]) -> None:
    response = paste("\n".join(f"x{n}@contoso.example" for n in range(203)))

    assert len(_problems(response)) == 201
    assert _problems(response)[-1] == "and 3 more lines"
    assert len(box_of(response)) == 203


def test_other_peoples_selections_stay(customer: Customer, paste: Callable[[str], HttpResponse]) -> None:
    theirs = selections.get(StaffUserFactory.create(), customer)
    new_user(customer, "Aiko")

    paste("aiko@contoso.example")

    assert selections.count(theirs) == 0


@pytest.mark.parametrize("place", ["", "selected/"])
def test_the_page_is_offered_beside_the_list_and_the_selection(
    staff_client: Client, customer: Customer, place: str
) -> None:
    page = staff_client.get(f"/customers/{customer.tenant_id}/users/{place}").content.decode()

    assert f'href="{address_of(customer)}"' in page
    assert "Select from a list" in page
