"""The pages of templates: the list, and the page of one, where it is renamed and deleted."""

import html
import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers.models import Customer, CustomerGrant
from licenses.core.template import Line
from licenses.models import LicenseTemplate, ServicePlan
from licenses.services import templates
from licenses.services.templates import NameTaken, create
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests.factories import CustomerFactory, StaffUserFactory
from tests.integration.saving import sku

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def new_starter(staff: StaffUser, customer: Customer) -> LicenseTemplate:
    """Keep a template of a customer: E3 without Sway, and Power BI Pro."""
    sway = ServicePlan.objects.get(name="SWAY").plan_id
    lines = [Line(sku_id=sku("SPE_E3"), disabled=frozenset({sway})), Line(sku_id=sku("POWER_BI_PRO"))]
    return create(staff, "新入社員", lines, customer=customer, location="DE")


def new_shared(staff: StaffUser) -> LicenseTemplate:
    """Keep a template of all customers: E1."""
    return create(staff, "Basics", [Line(sku_id=sku("STANDARDPACK"))], customer=None)


@pytest.fixture
def starter(story: Customer, staff: StaffUser) -> LicenseTemplate:
    """A template of the story's customer."""
    return new_starter(staff, story)


@pytest.fixture
def shared(story: Customer, staff: StaffUser) -> LicenseTemplate:
    """A template of all customers."""
    return new_shared(staff)


def page(template: LicenseTemplate) -> str:
    return reverse("licenses:template", args=[template.pk])


def agent_of(customer: Customer | None, role: Role = Role.HELPDESK_AGENT) -> StaffUser:
    """Return somebody who sees this customer alone."""
    person = StaffUserFactory.create(roles=[role.value])
    if customer is not None:
        CustomerGrant.objects.create(customer=customer, staff=person)
    return person


def test_one_name_may_be_used_at_every_customer_and_once_for_all(story: Customer, staff: StaffUser) -> None:
    for customer in (story, CustomerFactory.create(), None):
        create(staff, "A", [], customer=customer)
        with pytest.raises(NameTaken):
            create(staff, "ａ", [], customer=customer)
    assert LicenseTemplate.objects.count() == 3


def test_the_list_says_what_is_in_each_for_whom_and_by_whom(
    staff: StaffUser, staff_client: Client, starter: LicenseTemplate, shared: LicenseTemplate
) -> None:
    answer = staff_client.get("/templates/").content.decode()
    rows = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in re.findall(r"<tr>.*?</tr>", answer, re.DOTALL)]
    assert rows[1].startswith("Basics All customers Office 365 E1 ")
    what = "Microsoft 365 E3 off: Sway Power BI Pro usage location Germany (DE)"
    assert rows[2].startswith(f"新入社員 コントソ商事 {what} {staff.display_name}")


def test_the_list_is_searched_in_any_form_of_letters(
    staff_client: Client, starter: LicenseTemplate, shared: LicenseTemplate
) -> None:
    answer = staff_client.get("/templates/", {"q": "ＢＡＳ"}).content.decode()
    assert ("Basics" in answer, "新入社員" in answer) == (True, False)
    assert "No template matches." in staff_client.get("/templates/", {"q": "nothing"}).content.decode()


def test_many_templates_come_in_pages_and_cost_no_more_queries(
    story: Customer, staff: StaffUser, staff_client: Client, starter: LicenseTemplate
) -> None:
    with CaptureQueriesContext(connection) as few:
        staff_client.get("/templates/")
    for number in range(60):
        create(staff, f"T{number:02}", [Line(sku_id=sku("SPE_E5"))], customer=story)
    with CaptureQueriesContext(connection) as many:
        answer = staff_client.get("/templates/?page=9").content.decode()
    assert len(many) == len(few)
    assert "Page 2 of 2" in answer
    assert "新入社員" in answer


def test_templates_of_a_customer_are_for_those_who_see_the_customer(
    story: Customer, sign_in: Callable[[StaffUser], Client], starter: LicenseTemplate, shared: LicenseTemplate
) -> None:
    stranger, colleague = sign_in(agent_of(CustomerFactory.create())), sign_in(agent_of(story))
    for client, sees in ((stranger, False), (colleague, True)):
        answer = client.get("/templates/").content.decode()
        assert "Basics" in answer
        assert ("新入社員" in answer, "コントソ商事" in answer) == (sees, sees)
        assert client.get(page(starter)).status_code == (200 if sees else 404)
    assert stranger.post(page(starter), {"go": "delete"}).status_code == 404
    assert LicenseTemplate.objects.count() == 2


def test_rename_keeps_what_is_in_it(staff_client: Client, starter: LicenseTemplate) -> None:
    before = starter.products
    answer = staff_client.post(page(starter), {"go": "rename", "template_name": " Joiners "}, follow=True)
    assert answer.redirect_chain == [(page(starter), 303)]
    assert "The template is now called “Joiners”." in answer.content.decode()
    starter.refresh_from_db()
    assert (starter.name, starter.products) == ("Joiners", before)
    # Its own name in other letters is no other template's.
    assert staff_client.post(page(starter), {"go": "rename", "template_name": "JOINERS"}).status_code == 303


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"go": "rename", "template_name": ""}, "Give the template a name."),
        ({"go": "rename", "template_name": "x" * 101}, "At most 100 characters"),
        ({"go": "rename", "template_name": "Ｏｔｈｅｒ"}, "There is a template “Ｏｔｈｅｒ” already."),
        ({"go": "boom"}, "This button is not known."),
        ({}, "This button is not known."),
    ],
)
def test_odd_input_is_refused(
    story: Customer,
    staff: StaffUser,
    staff_client: Client,
    starter: LicenseTemplate,
    data: dict[str, str],
    sentence: str,
) -> None:
    create(staff, "Other", [], customer=story)
    answer = staff_client.post(page(starter), data)
    assert answer.status_code == 422
    text = html.unescape(answer.content.decode())
    assert sentence in text
    assert f'value="{data.get("template_name", "新入社員")}"' in text
    assert "<h1>新入社員</h1>" in text
    starter.refresh_from_db()
    assert starter.name == "新入社員"


def test_delete_takes_the_template_away(staff_client: Client, starter: LicenseTemplate) -> None:
    answer = staff_client.post(page(starter), {"go": "delete"}, follow=True)
    assert answer.redirect_chain == [("/templates/", 303)]
    assert "The template “新入社員” was deleted." in answer.content.decode()
    assert not LicenseTemplate.objects.exists()
    assert staff_client.get(page(starter)).status_code == 404


def test_a_colleague_may_change_a_template_of_their_customer(
    story: Customer, sign_in: Callable[[StaffUser], Client], starter: LicenseTemplate
) -> None:
    client = sign_in(agent_of(story))
    assert client.post(page(starter), {"go": "rename", "template_name": "B"}).status_code == 303


def test_one_of_all_customers_is_changed_by_its_maker_or_a_global_admin_alone(
    story: Customer, sign_in: Callable[[StaffUser], Client]
) -> None:
    maker, other = agent_of(story), agent_of(story, Role.ADMIN_AGENT)
    template = create(maker, "Mine", [], customer=None)
    client = sign_in(other)
    shown = client.get(page(template)).content.decode()
    assert 'value="delete"' not in shown
    assert "is changed by its maker, or by a global admin" in shown
    refused = client.post(page(template), {"go": "delete"})
    assert refused.status_code == 403
    assert "settings.change" in refused.content.decode()
    admin = StaffUserFactory.create(roles=[Role.GLOBAL_ADMIN.value])
    assert sign_in(admin).post(page(template), {"go": "rename", "template_name": "Ours"}).status_code == 303
    assert sign_in(maker).post(page(template), {"go": "delete"}).status_code == 303


def test_whoever_may_not_prepare_changes_may_change_no_template(starter: LicenseTemplate) -> None:
    assert not templates.may_change(StaffUserFactory.create(roles=[]), starter)
