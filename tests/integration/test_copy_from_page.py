"""The link "Copy licenses to other users" waits for users, and fills the form once they are selected."""

import html
import re
from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers import selection as selections
from customers.models import Customer
from licenses.core.diff import Wish
from licensing_portal.staff.models import StaffUser
from tests.factories import DirectoryUserFactory
from tests.integration.saving import ALL, saved, sku
from tests.integration.test_copy_licenses import JOINER_1, SALES_4
from tests.integration.test_manage import JOINERS, page_of, product, select
from tests.integration.test_review_back import chosen

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def page(story: Customer, staff_client: Client) -> Callable[[str], str]:
    """Open the page of a user."""

    def open_page(object_id: str) -> str:
        return staff_client.get(reverse("customers:user", args=[story.tenant_id, object_id])).content.decode()

    return open_page


@pytest.fixture
def link(page: Callable[[str], str]) -> str:
    """The link of the page of somebody of 営業部."""
    found = re.search(r'href="([^"]+)">(?:(?!</a>).)*Copy licenses to other users</a>', page(SALES_4))
    assert found is not None
    return found[1]


def test_who_has_no_licenses_has_no_link(page: Callable[[str], str]) -> None:
    assert "Copy licenses to other users" not in page(JOINER_1)


def test_with_a_selection_it_leads_to_the_filled_form(
    link: str, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS)
    assert chosen(staff_client.get(link).content.decode(), product("STANDARDPACK")) == "all"


@pytest.mark.parametrize("before", [[], [SALES_4]], ids=["nobody", "the user alone"])
def test_it_waits_until_others_are_selected(
    link: str, story: Customer, staff: StaffUser, staff_client: Client, before: list[str]
) -> None:
    select(staff, story, before)
    answer = staff_client.get(link, follow=True)
    assert answer.redirect_chain == [(reverse("customers:users", args=[story.tenant_id]), 303)]
    name = story.users.get(object_id=SALES_4).display_name
    said = f"Select the users who are to get the licenses of {name}, then open Manage licenses."
    assert said in answer.content.decode()

    select(staff, story, [*before, *JOINERS])
    answer = staff_client.get(page_of(story), follow=True)
    assert answer.redirect_chain == [(f"{page_of(story)}?from={SALES_4}", 302)]
    assert chosen(answer.content.decode(), product("STANDARDPACK")) == "all"
    # It is remembered for one form.
    assert "msg filled" not in staff_client.get(page_of(story)).content.decode()


def test_whoever_manages_the_user_alone_gets_an_empty_form(
    link: str, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    staff_client.get(link)
    select(staff, story, [SALES_4])
    answer = staff_client.get(page_of(story))
    assert (answer.status_code, "msg filled" in answer.content.decode()) == (200, False)


def test_another_customer_and_another_user_of_the_address_leave_it_waiting(
    link: str, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    staff_client.get(link)
    other = Customer.objects.exclude(pk=story.pk)[0]
    select(staff, other, [DirectoryUserFactory.create(customer=other).object_id])
    assert staff_client.get(page_of(other)).status_code == 200
    select(staff, story, JOINERS)
    assert staff_client.get(f"{page_of(story)}?from={JOINER_1}").status_code == 200
    assert staff_client.get(page_of(story))["Location"].endswith(f"?from={SALES_4}")


def test_after_ten_minutes_it_is_forgotten(link: str, story: Customer, staff: StaffUser, staff_client: Client) -> None:
    staff_client.get(link)
    select(staff, story, JOINERS)
    session = staff_client.session
    session["manage_start"] = [*session["manage_start"][:2], timezone.now().timestamp() - 610]
    session.save()
    assert staff_client.get(page_of(story)).status_code == 200
    assert "manage_start" not in staff_client.session


def _forgets(answer: HttpResponse) -> str:
    """Return where the button of the message posts to."""
    form = re.search(r'method="post" action="([^"]+)"><input[^>]+csrf[^>]+><button class="btn">Forget', _text(answer))
    assert form is not None
    return form[1]


def _text(answer: HttpResponse) -> str:
    return html.unescape(answer.content.decode())


def test_its_message_has_a_button_that_forgets_it(
    link: str, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    place = _forgets(staff_client.get(link, follow=True))
    assert "manage_start" in staff_client.session
    answer = staff_client.post(place, follow=True)
    assert answer.redirect_chain[0][0] == reverse("customers:users", args=[story.tenant_id])
    assert "Manage licenses starts from nothing again." in _text(answer)
    select(staff, story, JOINERS)
    assert staff_client.get(page_of(story)).status_code == 200


def test_the_button_of_one_customer_leaves_what_waits_for_another_one(
    link: str, story: Customer, staff_client: Client
) -> None:
    staff_client.get(link)
    other = Customer.objects.exclude(pk=story.pk)[0]
    staff_client.post(reverse("licenses:manage-forget", args=[other.tenant_id]))
    assert "manage_start" in staff_client.session


@pytest.mark.parametrize("by", ["the page of a user", "an earlier change"])
def test_another_job_forgets_it(link: str, story: Customer, staff: StaffUser, staff_client: Client, by: str) -> None:
    change = saved(staff, story, JOINERS, Wish(products={sku("POWER_BI_PRO"): ALL}))
    select(staff, story, [])
    staff_client.get(link)
    if by == "an earlier change":
        staff_client.post(reverse("licenses:change", args=[change.pk]), {"go": "again"})
        assert selections.count(selections.get(staff, story)) == len(JOINERS)
    else:
        staff_client.post(reverse("customers:user", args=[story.tenant_id, JOINER_1]), {"go": "manage"})
        # More users, as for one job.
        select(staff, story, JOINERS)
    assert "manage_start" not in staff_client.session
    assert staff_client.get(page_of(story)).status_code == 200


def test_an_old_selection_is_asked_about_first(
    link: str, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    selection = select(staff, story, JOINERS)
    selection.since = timezone.now() - selections.STALE_AFTER * 2
    selection.save()
    answer = staff_client.get(link, follow=True)
    assert "are still selected since" in html.unescape(answer.content.decode())
    selections.keep(selection)
    assert staff_client.get(page_of(story))["Location"].endswith(f"?from={SALES_4}")
