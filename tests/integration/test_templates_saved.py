"""Templates on Manage licenses: kept under a name, and applied to other users and customers."""

import html
import re
from collections.abc import Callable

import pytest
from django.test import Client

from customers.models import Customer
from licenses.core.template import Line
from licenses.models import LicenseChange, LicenseTemplate
from licenses.services import templates
from licenses.services.templates import create
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.factories import CustomerFactory, EntitlementFactory, HoldingFactory
from tests.integration.saving import sku
from tests.integration.test_copy_licenses import plan, words
from tests.integration.test_manage import JOINERS, form, page_of, product, select
from tests.integration.test_review_back import chosen
from tests.integration.test_templates_pages import new_shared, new_starter, page

pytestmark = pytest.mark.django_db
NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def keep(story: Customer, staff: StaffUser, staff_client: Client) -> Callable[..., tuple[int, str]]:
    """Press "Save as template" with these choices; return status and page."""

    def press(name: str, **fields: str) -> tuple[int, str]:
        select(staff, story, JOINERS)
        data = form(staff, story, **fields) | {"go": "save-template", "template_name": name}
        answer = staff_client.post(page_of(story), data)
        return answer.status_code, html.unescape(answer.content.decode())

    return press


@pytest.fixture
def starter(story: Customer, staff: StaffUser) -> LicenseTemplate:
    """E3 without Sway, and Power BI Pro; of the story's customer."""
    return new_starter(staff, story)


@pytest.fixture
def shared(story: Customer, staff: StaffUser) -> LicenseTemplate:
    """E1, of all customers."""
    return new_shared(staff)


class TestSaving:
    """Save as template keeps what is set to be assigned."""

    def test_the_products_to_be_assigned_are_kept_with_their_plans_that_are_off(
        self, keep: Callable[..., tuple[int, str]], story: Customer, staff: StaffUser
    ) -> None:
        sway, teams = plan("SPE_E3", "SWAY"), plan("SPE_E3", "TEAMS1")
        choices = {product("SPE_E3"): "all", sway: "none", teams: "all", product("STANDARDPACK"): "none"}
        status, answer = keep("  新入\u3000社員 ", location="DE", **choices)

        assert status == 200
        assert "The template “新入 社員” was saved. No license was changed." in answer
        template = LicenseTemplate.objects.get()
        assert (template.customer, template.created_by, template.name) == (story, staff, "新入 社員")
        assert template.products == [{"skuId": sku("SPE_E3"), "disabledPlans": [sway[-36:]]}]
        assert template.usage_location == "DE"
        assert not re.search(r"<details open><summary>[^/]*Show service plans", answer)
        # The form is as it was, and saves nothing.
        assert (chosen(answer, product("SPE_E3")), chosen(answer, sway)) == ("all", "none")
        assert chosen(answer, product("STANDARDPACK")) == "none"
        assert 'id="f-template_name" type="text" name="template_name" value=""' in answer
        assert f'<option value="{template.pk}">新入 社員</option>' in answer
        assert not LicenseChange.objects.exists()

    def test_it_may_be_kept_for_all_customers(self, keep: Callable[..., tuple[int, str]]) -> None:
        assert keep("A", template_for="all", **{product("SPE_E3"): "all"})[0] == 200
        assert LicenseTemplate.objects.get().customer is None

    @pytest.mark.parametrize(
        ("name", "fields", "field", "sentence"),
        [
            (" \u3000", {"SPE_E3": "all"}, "template_name", "Give the template a name."),
            ("x" * 101, {"SPE_E3": "all"}, "template_name", "At most 100 characters, please."),
            ("A", {"SPE_E3": "none"}, "template_name", "Assign at least one product"),
            ("A", {}, "template_name", "Assign at least one product"),
            ("A", {"SPE_E3": "all", "template_for": "x"}, "template_for", "This choice is not known."),
            ("ﾎﾞ ｯ ｸｽ", {"SPE_E3": "all"}, "template_name", "There is a template “ﾎﾞ ｯ ｸｽ” already."),
        ],
    )
    def test_what_cannot_be_kept_is_refused_at_its_field_and_nothing_is_lost(
        self,
        keep: Callable[..., tuple[int, str]],
        story: Customer,
        staff: StaffUser,
        name: str,
        fields: dict[str, str],
        field: str,
        sentence: str,
    ) -> None:
        create(staff, "ボックス", [], customer=story)
        choices = {product(key) if key.isupper() else key: value for key, value in fields.items()}
        status, answer = keep(name, reference="INC-1", **choices)
        assert status == 422
        assert sentence in answer
        assert f'href="#f-{field}"' in answer
        assert re.search(rf'id="f-{field}"[^>]*aria-invalid="true"', answer)
        assert re.search(r'<details class="card start keep" open>', answer)
        assert f'name="template_name" value="{name}"' in answer
        assert 'value="INC-1"' in answer
        if "SPE_E3" in fields:
            assert chosen(answer, product("SPE_E3")) == fields["SPE_E3"]
        assert LicenseTemplate.objects.count() == 1


class TestApplying:
    """A template fills boxes by a button or by its address."""

    def test_apply_fills_the_boxes_and_the_location(
        self, story: Customer, staff: StaffUser, staff_client: Client, starter: LicenseTemplate
    ) -> None:
        select(staff, story, JOINERS)
        ticked = {product("SPE_E5"): "all", "reference": "INC-8"}
        data = form(staff, story, **ticked) | {"go": "template", "template": str(starter.pk)}
        answer = staff_client.post(page_of(story), data)
        assert answer.status_code == 200
        filled = answer.content.decode()
        assert (chosen(filled, product("SPE_E3")), chosen(filled, product("POWER_BI_PRO"))) == ("all", "all")
        assert (chosen(filled, plan("SPE_E3", "SWAY")), chosen(filled, plan("SPE_E3", "TEAMS1"))) == ("none", "keep")
        assert (chosen(filled, product("SPE_E5")), chosen(filled, "location")) == ("all", "DE")
        assert 'value="INC-8"' in filled
        said = words(filled)
        assert (
            "Filled in from the template “新入社員”: Microsoft 365 E3 with 1 plan off (Sway), Power BI Pro · usage"
            in said
        )
        assert "usage location Germany (DE)" in said
        assert not LicenseChange.objects.exists()

    def test_its_address_fills_the_form_and_comes_on_top_of_a_user(
        self, story: Customer, staff: StaffUser, staff_client: Client, starter: LicenseTemplate
    ) -> None:
        select(staff, story, JOINERS)
        filled = staff_client.get(f"{page_of(story)}?template={starter.pk}").content.decode()
        assert chosen(filled, product("SPE_E3")) == "all"
        both = f"{page_of(story)}?template={starter.pk}&from={user_id('sales', 4)}"
        filled = staff_client.get(both).content.decode()
        assert (chosen(filled, product("SPE_E3")), chosen(filled, product("STANDARDPACK"))) == ("all", "all")
        assert filled.count('class="msg filled"') == 2

    def test_it_waits_until_users_are_selected(
        self, story: Customer, staff: StaffUser, staff_client: Client, starter: LicenseTemplate
    ) -> None:
        use = re.search(
            r'href="([^"]+)">(?:(?!</a>).)*Use in Manage licenses', staff_client.get(page(starter)).content.decode()
        )
        assert use is not None
        said = staff_client.get(use[1], follow=True).content.decode()
        assert "Select the users for the template “新入社員”, then open Manage licenses." in said
        select(staff, story, JOINERS)
        assert staff_client.get(page_of(story))["Location"] == use[1]

    def test_one_that_was_deleted_meanwhile_is_forgotten(
        self, story: Customer, staff: StaffUser, staff_client: Client, starter: LicenseTemplate
    ) -> None:
        staff_client.get(f"{page_of(story)}?template={starter.pk}")
        starter.delete()
        select(staff, story, JOINERS)
        assert staff_client.get(page_of(story)).status_code == 200

    def test_a_template_of_all_customers_names_products_that_another_customer_owns_or_not(
        self, staff: StaffUser, staff_client: Client, shared: LicenseTemplate
    ) -> None:
        other = CustomerFactory.create()
        holding = HoldingFactory.create(user__customer=other)
        select(staff, other, [holding.user.object_id])
        filled = staff_client.get(f"{page_of(other)}?template={shared.pk}").content.decode()
        said = words(filled)
        assert "Nothing of the template “Basics” could be filled in." in said
        assert re.search(r"Left out, Customer \d+ does not own it: Office 365 E1", said)

    def test_plans_that_left_the_product_are_passed_over_and_counted(
        self, story: Customer, staff: StaffUser, staff_client: Client
    ) -> None:
        line = Line(sku_id=sku("SPE_E3"), disabled=frozenset({NOWHERE}))
        template = create(staff, "Old", [line], customer=story)
        select(staff, story, JOINERS)
        filled = staff_client.get(f"{page_of(story)}?template={template.pk}").content.decode()
        assert chosen(filled, product("SPE_E3")) == "all"
        assert "service plans that are no longer in the product: Microsoft 365 E3 (1)" in words(filled)

    def test_unknown_templates_do_not_exist(self, story: Customer, staff: StaffUser, staff_client: Client) -> None:
        select(staff, story, JOINERS)
        foreign = create(staff, "Foreign", [], customer=CustomerFactory.create())
        for odd in ("x", NOWHERE, str(foreign.pk)):
            data = form(staff, story) | {"go": "template", "template": odd}
            assert staff_client.post(page_of(story), data).status_code == 404
            assert staff_client.get(f"{page_of(story)}?template={odd}").status_code == 404
        assert staff_client.get(f"{page_of(story)}?template=").status_code == 404

    def test_without_a_choice_it_is_asked_for(
        self, story: Customer, staff: StaffUser, staff_client: Client, starter: LicenseTemplate
    ) -> None:
        select(staff, story, JOINERS)
        data = form(staff, story, **{product("SPE_E5"): "all"}) | {"go": "template", "template": ""}
        answer = staff_client.post(page_of(story), data)
        assert answer.status_code == 422
        assert "Choose a template." in answer.content.decode()
        assert chosen(answer.content.decode(), product("SPE_E5")) == "all"

    def test_the_list_offers_the_customers_own_first_and_no_other_customers(
        self, story: Customer, staff: StaffUser, staff_client: Client, starter: LicenseTemplate, shared: LicenseTemplate
    ) -> None:
        create(staff, "Foreign", [], customer=CustomerFactory.create())
        select(staff, story, JOINERS)
        answer = staff_client.get(page_of(story)).content.decode()
        groups = re.findall(r'<optgroup label="([^"]+)"><option value="[^"]+">([^<]+)', answer)
        assert groups[:2] == [("コントソ商事", "新入社員"), ("All customers", "Basics")]
        assert "Foreign" not in answer


def test_a_page_of_manage_with_many_templates_offers_some_of_them(
    story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    for number in range(templates.OFFERED + 1):
        create(staff, f"T{number:03}", [], customer=story)
    EntitlementFactory.create(customer=story)
    assert [one.name for one in templates.offered(story)][-1] == "T199"


def test_of_many_templates_the_customers_own_are_offered_before_those_of_all(
    story: Customer, staff: StaffUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(templates, "OFFERED", 2)
    for name in ("A", "B"):
        create(staff, name, [], customer=None)
    create(staff, "Z", [], customer=story)
    assert [one.name for one in templates.offered(story)] == ["Z", "A"]
