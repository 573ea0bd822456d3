"""Text that PostgreSQL cannot hold: whatever parameter it comes in, the portal answers and stores nothing odd."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange
from licensing_portal.sandbox import Sandbox
from licensing_portal.staff.models import StaffUser
from tests.integration.saving import ALL, draft, saved, sku
from tests.integration.test_manage import JOINERS, form, post, product, select

pytestmark = pytest.mark.django_db

ODD = "a\0b"
_LIST = ("q", "licence", "product", "location", "status", "department", "group", "errors", "sort", "page", "size")
_MANAGE = ("key", "selection", "seen", "go", "reference", "location", "overwrite_location", f"product-{ODD}", "plan-x")
ASKED = {
    "customers/": ("q", "need", "page"),
    "customers/{tenant}/users/": _LIST,
    "customers/{tenant}/users/selected/": ("page",),
    "customers/{tenant}/licenses/review/": ("change",),
    "customers/{tenant}/licenses/{sku}/holders/": ("selected", "page"),
    "customers/{tenant}/changes/": ("q", "page"),
    "changes/": ("q", "page"),
    "changes/{change}/": ("q", "show", "page"),
    "changes/{change}/progress/": ("said",),
    "signin/": ("next",),
}
POSTED = {
    "customers/{tenant}/users/": (*_LIST, "shown", "sel", "page_all", "go"),
    "customers/{tenant}/users/selected/": ("remove", "go"),
    "customers/{tenant}/refresh/": ("next",),
    "changes/{change}/": ("go",),
    "language/": ("language", "next"),
    "theme/": ("theme", "next"),
    "signin/": ("person", "next"),
}


@pytest.fixture
def address(story: Customer, staff: StaffUser) -> Callable[[str], str]:
    """Fill in a customer, a product and a finished change."""
    change = saved(staff, story, JOINERS[:1], Wish(products={sku("SPE_E3"): ALL}))
    names = {"tenant": story.tenant_id, "sku": sku("SPE_E3"), "change": str(change.pk)}
    return lambda place: "/" + place.format(**names)


def test_no_question_with_a_nul_is_an_error_of_ours(address: Callable[[str], str], staff_client: Client) -> None:
    for place, names in ASKED.items():
        for name in names:
            assert staff_client.get(address(place), {name: ODD}).status_code < 500, (place, name)


def test_no_form_with_a_nul_is_an_error_of_ours(address: Callable[[str], str], staff_client: Client) -> None:
    for place, names in POSTED.items():
        for name in names:
            assert staff_client.post(address(place), {name: ODD}).status_code < 500, (place, name)


@pytest.mark.parametrize("name", _MANAGE)
def test_manage_with_a_nul_is_no_error_of_ours(
    name: str, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS)
    data = form(staff, story, **{product("SPE_E3"): "all", name: ODD})
    assert post(staff_client, story, data).status_code < 500
    assert staff_client.post(reverse("licenses:manage-summary", args=[story.tenant_id]), data).status_code < 500


def test_the_reference_is_stored_without_them(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, story, JOINERS)
    post(staff_client, story, form(staff, story, location="JP", reference=" INC\0-1\x1b[2J\t\u0085 x\r\ny "))
    assert LicenseChange.objects.get().reference == "INC-1[2J x y"
    found = staff_client.get("/changes/", {"q": "inc\0-1[2j  x"}).content.decode()
    assert "INC-1[2J x y" in found.split("<main", 1)[1]


@pytest.mark.parametrize(("key", "stored"), [("k" * 32, "k" * 32), ("a\0bcdefghi", ""), ("k" * 65, ""), ("", "")])
def test_review_stores_only_a_good_key(
    key: str, stored: str, sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    change = draft(staff, story, JOINERS, Wish(products={sku("SPE_E3"): ALL}))
    data = {"change": str(change.pk), "key": key}
    answer = staff_client.post(reverse("licenses:review", args=[story.tenant_id]), data)
    assert answer["Location"] == reverse("licenses:change", args=[change.pk])
    change.refresh_from_db()
    assert (change.status, change.start_key) == (LicenseChange.Status.QUEUED, stored)


@pytest.mark.parametrize("place", ["changes", "a\0b", "customers:list", "//elsewhere.example/"])
def test_a_next_place_that_is_no_address_of_ours_is_left_out(place: str, story: Customer, staff_client: Client) -> None:
    assert staff_client.post("/language/", {"language": "ja", "next": place})["Location"] == "/"
    users = reverse("customers:users", args=[story.tenant_id])
    assert staff_client.post(reverse("licenses:refresh", args=[story.tenant_id]), {"next": place})["Location"] == users
