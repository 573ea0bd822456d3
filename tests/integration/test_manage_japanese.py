"""Manage licenses and Review in Japanese: words for what is still to come, Japanese commas, particles without a gap."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from customers.models import Customer
from licenses.core.diff import Wish
from licensing_portal.lists import listed
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from licensing_portal.templatetags.ui import before_particle
from tests.integration.saving import ALL, NONE, draft, sku
from tests.integration.test_manage import form, page_of, product, select

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

SALES = [user_id("sales", number) for number in range(1, 11)]
_JA = {"Accept-Language": "ja"}


@pytest.mark.parametrize(
    ("language", "name", "expected"),
    [
        ("ja", "ファブリカム製作所", "ファブリカム製作所"),
        ("ja", "Fabrikam", "Fabrikam "),
        ("ja", "コントソ 2", "コントソ 2 "),
        ("ja", "", ""),
        ("en", "Fabrikam", "Fabrikam"),
    ],
)
def test_a_particle_keeps_its_distance_from_latin_letters_alone(language: str, name: str, expected: str) -> None:
    with override(language):
        assert before_particle(name) == expected


@pytest.mark.parametrize(("language", "expected"), [("ja", "E3、E5"), ("en", "E3, E5")])
def test_lists_have_the_comma_of_their_language(language: str, expected: str) -> None:
    with override(language):
        assert listed(["E3", "E5"]) == expected


@pytest.mark.parametrize(
    ("headers", "words"),
    [({}, ("Assign: ", "Unassign: ")), (_JA, ("割り当て: ", "割り当て解除: "))],
)
def test_what_is_still_to_come_is_not_called_done(
    story: Customer, staff: StaffUser, staff_client: Client, headers: dict[str, str], words: tuple[str, str]
) -> None:
    select(staff, story, SALES)
    wish = {product("SPE_E5"): "all", product("STANDARDPACK"): "none"}
    place = reverse("licenses:manage-summary", args=[story.tenant_id])
    summary = staff_client.post(place, form(staff, story, **wish), headers=headers).content.decode()
    change = draft(staff, story, SALES, Wish(products={sku("SPE_E5"): ALL, sku("STANDARDPACK"): NONE}))
    address = reverse("licenses:review", args=[story.tenant_id]) + f"?change={change.pk}"
    review = staff_client.get(address, headers=headers).content.decode()
    for page in (summary, review):
        said = re.findall(r'<span class="vh">([^<]*: )</span>', page)
        assert set(words) <= set(said)
        assert not {"Assigned: ", "Unassigned: ", "割り当て済み: "} & set(said)


def test_causes_and_names_are_listed_in_japanese(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, story, SALES)
    wish = {product("SPE_E5"): "all", product("STANDARDPACK"): "none"}
    place = reverse("licenses:manage-summary", args=[story.tenant_id])
    summary = staff_client.post(place, form(staff, story, **wish), headers=_JA).content.decode()
    page = staff_client.get(page_of(story), headers=_JA).content.decode()

    assert "割り当てが解除されます、" in summary
    assert "コントソ商事の 10 人" in page
    assert "コントソ商事 の" not in page


def test_no_sentence_of_review_ends_in_a_latin_full_stop(
    story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    change = draft(staff, story, SALES, Wish(products={sku("SPE_E5"): ALL}))
    address = reverse("licenses:review", args=[story.tenant_id]) + f"?change={change.pk}"
    page = staff_client.get(address, headers=_JA).content.decode()

    assert re.findall(r"[ぁ-んァ-ヶ一-龠]\.", page) == []
    assert "コントソ商事の 7 人について保存" in page
