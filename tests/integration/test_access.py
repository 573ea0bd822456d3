"""Every address × who asks: allowed, outside the scope, signed out, wrong method, without a form's token.

The table must name every address of the URL configuration: a new one without a row fails the test.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from customers import selection as selections
from customers.models import Customer, CustomerGrant, DirectoryUser
from licenses.core.diff import Wish
from licenses.core.template import Line
from licenses.models import LicenseChange
from licenses.services import templates
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests.factories import StaffUserFactory
from tests.integration.saving import ALL, draft, saved, sku

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@dataclass(frozen=True)
class Row:
    """What an address answers to somebody who may see it: GET and POST, 405 where the method is wrong."""

    get: int
    post: int
    arguments: tuple[str, ...] = ()
    data: dict[str, str] = field(default_factory=dict)
    is_open: bool = False


TENANT = ("tenant_id",)
TABLE = {
    "site:language": Row(405, 303, is_open=True),
    "site:theme": Row(405, 303, is_open=True),
    "site:healthz": Row(200, 405, is_open=True),
    "site:readyz": Row(200, 405, is_open=True),
    "staff:signin": Row(200, 404, is_open=True),
    "staff:callback": Row(400, 405, is_open=True),
    "staff:signout": Row(405, 303, is_open=True),
    "customers:home": Row(302, 405),
    "customers:list": Row(200, 405),
    "customers:people": Row(200, 405),
    "customers:customer": Row(302, 405, TENANT),
    "customers:users": Row(200, 303, TENANT),
    "customers:from-list": Row(200, 422, TENANT),
    "customers:selected": Row(200, 303, TENANT),
    "customers:user": Row(200, 303, ("tenant_id", "object_id")),
    "licenses:refresh": Row(405, 303, TENANT),
    "licenses:products": Row(200, 405, TENANT),
    "licenses:manage": Row(200, 422, TENANT),
    "licenses:manage-summary": Row(405, 200, TENANT),
    "licenses:manage-forget": Row(405, 303, TENANT),
    "licenses:review": Row(200, 303, TENANT, {"change": "draft"}),
    "licenses:holders": Row(200, 405, ("tenant_id", "sku_id")),
    "licenses:buy": Row(200, 405, ("tenant_id", "sku_id")),
    "licenses:templates": Row(200, 405),
    "licenses:template": Row(200, 422, ("template_id",)),
    "licenses:changes": Row(200, 405, TENANT),
    "licenses:all-changes": Row(200, 405),
    "licenses:change": Row(200, 303, ("change_id",)),
    "licenses:change-progress": Row(302, 405, ("change_id",)),
    "licenses:change-export": Row(200, 405, ("change_id",)),
    "licenses:change-report": Row(200, 405, ("change_id",)),
    "licenses:customers-export": Row(200, 405),
    "licenses:users-export": Row(200, 405, TENANT),
    "licenses:selected-export": Row(200, 405, TENANT),
    "licenses:products-export": Row(200, 405, TENANT),
    "licenses:review-export": Row(200, 405, TENANT),
    "licenses:changes-export": Row(200, 405, TENANT),
    "licenses:all-changes-export": Row(200, 405),
    "licenses:change-stop": Row(405, 303, ("change_id",)),
    "demo:tour": Row(405, 422),
    "demo:step": Row(405, 303, ("name",)),
    "demo:drawer": Row(405, 422),
}
# A customer's bare address leads on to its users and tells nothing by itself.
ABOUT_A_CUSTOMER = sorted(name for name, row in TABLE.items() if row.arguments and name != "customers:customer")
FORMS = sorted(name for name, row in TABLE.items() if row.post not in (405, 404))


def _names(resolver: URLResolver, space: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            yield f"{space}{entry.name}"
        else:
            yield from _names(entry, f"{entry.namespace}:" if entry.namespace else space)


def test_the_table_names_every_address() -> None:
    assert set(_names(get_resolver())) == set(TABLE)


@pytest.fixture
def change(story: Customer, staff: StaffUser) -> LicenseChange:
    """A finished change of the story's customer."""
    users = list(story.users.filter(usage_location="JP", holdings__isnull=True)[:2].values_list("object_id", flat=True))
    return saved(staff, story, users, Wish(products={sku("SPE_E3"): ALL}))


@pytest.fixture
def address(story: Customer, staff: StaffUser, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Return the address of a row, about the story; what few rows need is made for them alone."""
    user = DirectoryUser.objects.filter(customer=story).first()
    assert user is not None
    # Manage licenses has nobody to show otherwise.
    selections.add(selections.get(staff, story), [user.pk])
    values = {"tenant_id": story.tenant_id, "object_id": user.object_id, "sku_id": sku("SPE_E3"), "name": "clash"}

    def build(name: str) -> str:
        arguments = TABLE[name].arguments
        if "change_id" in arguments:
            values["change_id"] = str(request.getfixturevalue("change").pk)
        if "template_id" in arguments:
            line = Line(sku_id=values["sku_id"])
            values["template_id"] = str(templates.create(staff, uuid4().hex, [line], customer=story).pk)
        place = reverse(name, kwargs={argument: values[argument] for argument in arguments})
        if name not in ("licenses:review", "licenses:review-export"):
            return place
        waiting = draft(staff, story, [user.object_id], Wish(products={sku("POWER_BI_PRO"): ALL}))
        return f"{place}?change={waiting.pk}"

    return build


def _data(name: str, address: str) -> dict[str, str]:
    return {"change": address.rpartition("=")[2]} if TABLE[name].data else {}


@pytest.mark.parametrize("name", sorted(TABLE))
def test_somebody_who_may(name: str, address: Callable[[str], str], staff_client: Client) -> None:
    place = address(name)
    assert staff_client.get(place).status_code == TABLE[name].get
    assert staff_client.post(place, _data(name, place)).status_code == TABLE[name].post


@pytest.mark.parametrize("name", ABOUT_A_CUSTOMER)
def test_outside_the_scope_nothing_exists(
    name: str, address: Callable[[str], str], sign_in: Callable[[StaffUser], Client], story: Customer
) -> None:
    stranger = sign_in(StaffUserFactory.create(roles=[Role.SALES_AGENT.value]))
    place = address(name)
    nowhere = place.replace(story.tenant_id, "00000000-0000-4000-8000-000000000000")
    for method, usual, data in (
        (stranger.get, TABLE[name].get, {}),
        (stranger.post, TABLE[name].post, _data(name, place)),
    ):
        answer = method(place, data)
        assert answer.status_code == (405 if usual == 405 else 404)
        if nowhere != place and answer.status_code == 404:
            same = method(nowhere, data).content.replace(nowhere.encode(), place.encode())
            assert _without_secrets(same) == _without_secrets(answer.content)


def _without_secrets(page: bytes) -> bytes:
    """Return a page without what differs each time: form tokens and the script's nonce."""
    return re.sub(rb'(csrfmiddlewaretoken" value|nonce)="[^"]*"', b"", page)


@pytest.mark.parametrize("name", sorted(name for name, row in TABLE.items() if not row.is_open))
def test_signed_out_visitors_are_asked_to_sign_in(name: str, address: Callable[[str], str]) -> None:
    place = address(name)
    for method in (Client().get, Client().post):
        answer = method(place)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/signin/")
    fragment = Client().get(place, headers={"HX-Request": "true"})
    assert fragment["HX-Redirect"].startswith("/signin/")


@pytest.mark.parametrize("name", FORMS)
def test_a_form_without_its_token_is_refused(name: str, address: Callable[[str], str], staff: StaffUser) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    answer = client.post(address(name))
    assert answer.status_code == 403
    assert "reload the page and try again" in answer.content.decode()


@pytest.mark.parametrize("role", list(Role))
def test_buying_needs_its_right(
    role: Role, address: Callable[[str], str], sign_in: Callable[[StaffUser], Client], story: Customer
) -> None:
    CustomerGrant.objects.create(customer=story, role=role.value)
    client = sign_in(StaffUserFactory.create(roles=[role.value]))
    answer = client.get(address("licenses:buy"))
    if role in (Role.HELPDESK_AGENT, Role.USER_ADMIN):
        assert answer.status_code == 403
        assert "product.buy_link" in answer.content.decode()
        assert "Global admin" in answer.content.decode()
        assert "Buy more" not in client.get(address("licenses:manage")).content.decode()
    else:
        assert answer.status_code == 200


def test_a_grant_to_a_person_or_role_opens_one_customer(
    address: Callable[[str], str], sign_in: Callable[[StaffUser], Client], story: Customer
) -> None:
    agent = StaffUserFactory.create(roles=[Role.SALES_AGENT.value])
    client = sign_in(agent)
    CustomerGrant.objects.create(customer=story, staff=agent)
    assert client.get(address("customers:users")).status_code == 200
    listed = client.get(reverse("customers:list")).content.decode()
    assert "コントソ商事" in listed
    assert Customer.objects.count() > 1
    assert listed.count('class="person"') == 1


def test_a_person_without_a_role_sees_nothing(
    address: Callable[[str], str], sign_in: Callable[[StaffUser], Client]
) -> None:
    client = sign_in(StaffUserFactory.create(roles=["Nonsense"]))
    assert client.get(reverse("customers:list")).status_code == 403


def test_another_persons_draft_does_not_exist(
    address: Callable[[str], str], sign_in: Callable[[StaffUser], Client]
) -> None:
    colleague = sign_in(StaffUserFactory.create(roles=[Role.GLOBAL_ADMIN.value]))
    assert colleague.get(address("licenses:review")).status_code == 404
    assert colleague.get(address("licenses:review-export")).status_code == 404
