"""Review's groups: users with one outcome are one group, and a few of them are always named."""

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange
from licenses.services.review_groups import review_groups
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.factories import LicenseChangeFactory, UserChangeFactory
from tests.integration.saving import ALL, NONE, draft, sku

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def review(client: Client, change: LicenseChange) -> str:
    place = reverse("licenses:review", args=[change.customer.tenant_id])
    return client.get(place, {"change": str(change.pk)}).content.decode()


def test_refused_users_are_one_group_whatever_was_wished_for_them(story: Customer, staff: StaffUser) -> None:
    # Those on E1 would lose it, the others not: without a seat nothing of it happens to any of them.
    people = [user_id("joiner", 2), user_id("joiner", 3), user_id("sales", 1), user_id("sales", 2)]
    wish = Wish(products={sku("POWER_BI_PRO"): ALL, sku("STANDARDPACK"): NONE})
    story.entitlements.filter(product__part_number="POWER_BI_PRO").update(enabled=0)
    (group,) = review_groups(draft(staff, story, people, wish))

    assert (group.number, group.is_left_out, group.outcome.changes) == (4, True, ())
    assert [note.icon for note in group.outcome.notes] == ["bad"]


@pytest.mark.parametrize(("number", "named", "others"), [(2, 2, 0), (12, 12, 0), (13, 3, 10), (130, 3, 127)])
def test_the_first_names_are_always_there(
    story: Customer, staff: StaffUser, staff_client: Client, number: int, named: int, others: int
) -> None:
    change = LicenseChangeFactory.create(customer=story, staff=staff, total=number)
    for position in range(number):
        UserChangeFactory.create(change=change, display_name=f"Person {position:03}", sort_key=f"{position:03}")
    page = review(staff_client, change)
    shown, _fold, folded = page.partition("<details><summary>and ")

    assert shown.count("Person ") == named
    assert folded.count("Person ") == min(others, 100 - named)
    assert folded.startswith(str(others) if others else "")
    assert ("and 30 more" in folded) is (number == 130)


def test_users_of_one_name_are_told_apart_by_their_sign_in_names(
    story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    change = LicenseChangeFactory.create(customer=story, staff=staff, total=3)
    for place, name in enumerate(("Alex Morgan", "Björn Åkesson", "Björn Åkesson")):
        address = f"person{place}@contoso.example"
        # In groups of their own: they are told apart all the same.
        UserChangeFactory.create(
            change=change, display_name=name, user_principal_name=address, sort_key=str(place), outcome_key=str(place)
        )
    page = review(staff_client, change)

    assert "Björn Åkesson (person1@contoso.example)" in page
    assert "Björn Åkesson (person2@contoso.example)" in page
    assert "Alex Morgan (" not in page
