"""Change history: its filters, its rows, and whose changes it shows."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, CustomerGrant, DirectoryUser
from licenses.core.diff import Wish
from licenses.models import ChangeProduct, LicenseChange, Product, ServicePlan, UserChange
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests.factories import (
    ChangeProductFactory,
    CustomerFactory,
    DirectoryUserFactory,
    LicenseChangeFactory,
    ProductFactory,
    ServicePlanFactory,
    StaffUserFactory,
    UserChangeFactory,
)
from tests.integration.saving import ALL, KEEP, NONE, draft, sku

pytestmark = pytest.mark.django_db

_REFERENCE = re.compile(r'<td data-h="Ticket or reason">(.*?)</td>')
E3 = "05e9a617-0261-4cee-bb44-138d3ef5d965"
E5 = "06ebc4ee-1bb5-47dd-8120-11324bc54e06"


@pytest.fixture
def contoso() -> Customer:
    return CustomerFactory.create(name="コントソ商事")


@pytest.fixture
def changes(contoso: Customer) -> list[LicenseChange]:
    """Three changes: two of the first customer, the latest of another one."""
    for sku_id, name in ((E3, "Microsoft 365 E3"), (E5, "Microsoft 365 E5")):
        ProductFactory.create(sku_id=sku_id, display_name=name)
    sato = StaffUserFactory.create(display_name="髙橋 直樹", sign_in_name="naoki@partner.example")
    other = CustomerFactory.create(name="Fabrikam")
    made = [
        _change("INC-1", contoso, sato, datetime(2026, 11, 20, 14, 59, tzinfo=UTC), E3, "山田 太郎"),
        _change(
            "INC-2 退職", contoso, StaffUserFactory.create(), datetime(2026, 11, 20, 15, tzinfo=UTC), E5, "渡邉 花子"
        ),
        _change("REQ-3", other, sato, datetime(2026, 11, 22, 3, tzinfo=UTC), E3, "Alice"),
    ]
    ChangeProduct.objects.filter(change=made[1]).update(takes_away=True)
    return made


def _change(
    reference: str, customer: Customer, staff: StaffUser, at: datetime, sku_id: str, person: str
) -> LicenseChange:
    change = LicenseChangeFactory.create(
        customer=customer, staff=staff, reference=reference, status="done", total=1, wish={"products": {sku_id: "all"}}
    )
    LicenseChange.objects.filter(pk=change.pk).update(created_at=at)
    user = DirectoryUserFactory.create(customer=customer, display_name=person)
    UserChangeFactory.create(change=change, user=user, state="updated")
    ChangeProductFactory.create(change=change, sku_id=sku_id)
    return change


def references(client: Client, address: str = "/changes/", status: int = 200, **query: str) -> list[str]:
    """Return the tickets shown, in order."""
    answer = client.get(f"{address}?{urlencode(query)}")
    assert answer.status_code == status
    return _REFERENCE.findall(answer.content.decode())


EVERYTHING = ["REQ-3", "INC-2 退職", "INC-1"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, EVERYTHING),
        ({"ticket": "inc"}, ["INC-2 退職", "INC-1"]),
        ({"ticket": "ＩＮＣ-１"}, ["INC-1"]),
        ({"person": "高橋"}, ["REQ-3", "INC-1"]),
        ({"person": "naoki@"}, ["REQ-3", "INC-1"]),
        ({"person": "nobody"}, []),
        ({"customer": "コントソ"}, ["INC-2 退職", "INC-1"]),
        ({"customer": "ｆａｂｒｉ"}, ["REQ-3"]),
        ({"product": E3}, ["REQ-3", "INC-1"]),
        ({"product": E3.upper()}, ["REQ-3", "INC-1"]),
        ({"user": "渡辺"}, ["INC-2 退職"]),
        ({"user": "ａｌｉｃｅ"}, ["REQ-3"]),
        ({"removals": "1"}, ["INC-2 退職"]),
        ({"removals": "1", "product": E3}, []),
        ({"removals": "", "product": "", "page": "x"}, EVERYTHING),
        # Days are those of the portal's own time zone: 15:00 UTC is midnight in Tokyo.
        ({"from": "2026-11-21"}, ["REQ-3", "INC-2 退職"]),
        ({"to": "2026-11-20"}, ["INC-1"]),
        ({"from": "2026-11-21", "to": "2026-11-21"}, ["INC-2 退職"]),
        ({"from": "２０２６/11/22"}, ["REQ-3"]),
        ({"q": "inc-1"}, ["INC-1"]),
        ({"q": "髙橋"}, ["REQ-3", "INC-1"]),
        ({"q": "fabrikam"}, ["REQ-3"]),
        ({"q": "inc", "person": "高橋"}, ["INC-1"]),
        ({"q": "100%"}, []),
        ({"user": "\0"}, EVERYTHING),
    ],
    ids=str,
)
def test_filters(
    staff_client: Client, changes: list[LicenseChange], query: dict[str, str], expected: list[str]
) -> None:
    assert references(staff_client, **query) == expected


def test_a_user_is_found_by_id_also_when_the_user_is_gone(staff_client: Client, changes: list[LicenseChange]) -> None:
    object_id = changes[0].user_changes.get().object_id
    DirectoryUser.objects.filter(object_id=object_id).delete()
    assert references(staff_client, user=object_id.upper()) == ["INC-1"]


def test_the_one_user_asked_for_is_named(staff_client: Client, contoso: Customer, changes: list[LicenseChange]) -> None:
    object_id = changes[0].user_changes.get().object_id
    address = f"/customers/{contoso.tenant_id}/changes/"
    page = staff_client.get(f"{address}?user={object_id}").content.decode()
    assert f'<a href="/customers/{contoso.tenant_id}/users/{object_id}/"><bdi>山田 太郎</bdi></a>' in page


@pytest.mark.parametrize(
    ("query", "label", "kept"),
    [
        ({"product": "zz"}, "Product", '<option value="zz" selected>'),
        ({"product": "00000000-0000-4000-8000-000000000000"}, "Product", "selected>00000000"),
        ({"removals": "yes"}, "Removals only", 'name="removals"'),
        ({"customer": "00000000-0000-4000-8000-000000000000"}, "Customer", 'value="00000000'),
        ({"from": "yesterday"}, "From", 'name="from" value="yesterday"'),
        ({"to": "2026-02-30"}, "To", 'name="to" value="2026-02-30"'),
        ({"to": "0001-01-01"}, "To", 'name="to" value="0001-01-01"'),
        ({"from": "2026-11-22", "to": "2026-11-20"}, "To", 'name="to" value="2026-11-20"'),
        ({"product": "\0"}, "Product", "selected>"),
    ],
    ids=str,
)
def test_what_is_not_known_is_refused_at_its_field(
    staff_client: Client, changes: list[LicenseChange], query: dict[str, str], label: str, kept: str
) -> None:
    query = {"ticket": "INC-1"} | query
    answer = staff_client.get(f"/changes/?{urlencode(query)}")
    page = answer.content.decode()
    field = re.findall(r'<(?:input|select) id="(\S+?)"[^>]*aria-invalid="true"', page)
    assert answer.status_code == 422
    assert _REFERENCE.findall(page) == EVERYTHING
    assert kept in page
    assert 'name="ticket" value="INC-1"' in page
    assert f'<label for="{field[0]}">{label}</label>' in page
    assert re.search(rf'<p id="error-{field[0][2:]}">&quot;{label}|<p id="error-\w+">The value of &quot;{label}', page)


def test_an_unknown_customer_and_one_out_of_scope_are_the_same(
    sign_in: Callable[[StaffUser], Client], contoso: Customer, changes: list[LicenseChange]
) -> None:
    agent = StaffUserFactory.create(roles=[Role.SALES_AGENT.value])
    CustomerGrant.objects.create(customer=contoso, staff=agent)
    client = sign_in(agent)
    stranger = changes[2].customer.tenant_id
    assert references(client) == ["INC-2 退職", "INC-1"]
    assert references(client, product=E3) == ["INC-1"]
    assert references(client, user="alice") == []
    assert references(client, user=changes[2].user_changes.get().object_id) == []
    assert references(client, customer="fabrikam") == []
    assert references(client, q="fabrikam") == []
    assert references(client, status=422, customer=stranger) == ["INC-2 退職", "INC-1"]
    page = client.get("/changes/").content.decode()
    assert "Fabrikam" not in page


def test_a_customers_page_shows_that_customer_alone(
    staff_client: Client, contoso: Customer, changes: list[LicenseChange]
) -> None:
    address = f"/customers/{contoso.tenant_id}/changes/"
    assert references(staff_client, address) == ["INC-2 退職", "INC-1"]
    # The field is not there: it is the page's own customer.
    assert references(staff_client, address, customer="fabrikam") == ["INC-2 退職", "INC-1"]
    for query in ({"user": "alice"}, {"q": "req-3"}, {"person": "高橋", "from": "2026-11-22"}):
        assert references(staff_client, address, **query) == []
    assert 'name="customer"' not in staff_client.get(address).content.decode()


def test_drafts_are_left_out(staff_client: Client, contoso: Customer) -> None:
    LicenseChangeFactory.create(customer=contoso, reference="DRAFT")
    assert references(staff_client) == []


def test_no_field_offers_what_only_drafts_hold(staff_client: Client, contoso: Customer) -> None:
    drafter = StaffUserFactory.create(display_name="Drafts Alone")
    elsewhere = CustomerFactory.create(name="Nothing But Drafts")
    ProductFactory.create(sku_id=E3, display_name="Product Of A Draft")
    change = LicenseChangeFactory.create(customer=elsewhere, staff=drafter, status="draft")
    ChangeProductFactory.create(change=change, sku_id=E3)
    page = staff_client.get("/changes/").content.decode()
    offered = [text for text in ("Drafts Alone", "Nothing But Drafts", "Product Of A Draft") if text in page]
    assert offered == []
    LicenseChange.objects.update(status="done")
    page = staff_client.get("/changes/").content.decode()
    assert "Drafts Alone" in page
    assert "Product Of A Draft" in page


def test_pages_are_kept_with_the_filters(staff_client: Client, contoso: Customer) -> None:
    person = StaffUserFactory.create()
    for number in range(60):
        LicenseChangeFactory.create(customer=contoso, staff=person, status="done", reference=f"INC-{number:02}")
    assert references(staff_client, ticket="inc", page="2") == [f"INC-{number:02}" for number in range(9, -1, -1)]
    assert references(staff_client, page="99") == references(staff_client, page="2")
    page = staff_client.get("/changes/?ticket=inc").content.decode()
    assert 'href="?ticket=inc&amp;page=2"' in page


def test_rows_say_what_was_done_by_names(staff_client: Client, contoso: Customer) -> None:
    e3, e1 = ProductFactory.create(display_name="Microsoft 365 E3"), ProductFactory.create(display_name="Office 365 E1")
    plans = [ServicePlanFactory.create(display_name=name) for name in ("Yammer", "Microsoft Teams")]
    many = [ServicePlanFactory.create() for _ in range(4)]
    LicenseChangeFactory.create(
        customer=contoso,
        status="done",
        kind="retry",
        wish={
            "products": {e1.sku_id: "none", e3.sku_id: "all"},
            "plans": {f"{e3.sku_id}/{plan.plan_id}": "none" for plan in plans}
            | {f"{e1.sku_id}/{plan.plan_id}": "all" for plan in many},
            "location": "JP",
        },
    )
    page = staff_client.get("/changes/").content.decode()
    row = page.split('<ul class="outcome">')[1].split("</ul>")[0]
    assert re.findall(r'<span><span class="vh">(.*?): </span>(.*?)</span>', row) == [
        ("Assigned", "Microsoft 365 E3"),
        ("Unassigned", "Office 365 E1"),
        ("Switched off", "Microsoft Teams, Yammer off in Microsoft 365 E3"),
        ("Switched on", "4 service plans on in Office 365 E1"),
        ("Usage location", "JP"),
    ]
    assert "Retry" in page


@pytest.mark.parametrize(
    ("status", "states", "words"),
    [
        ("done", ["updated", "updated"], ["2 updated"]),
        ("done", ["updated", "failed", "unknown"], ["1 updated", "2 need action"]),
        ("done", ["failed"], ["1 needs action"]),
        ("cancelled", ["updated", "not_tried"], ["Stopped", "1 updated", "1 needs action"]),
        ("cancelled", ["not_tried"], ["Stopped", "1 needs action"]),
        ("running", ["updated", "pending"], ["Running", "1 updated"]),
        ("queued", ["pending"], ["Queued"]),
    ],
)
def test_outcome(staff_client: Client, contoso: Customer, status: str, states: list[str], words: list[str]) -> None:
    change = LicenseChangeFactory.create(customer=contoso, status=status, total=len(states))
    for state in states:
        UserChangeFactory.create(change=change, state=state, attempts=1)
    ends = staff_client.get("/changes/").content.decode().split('<ul class="ends">')[1].split("</ul>")[0]
    assert [" ".join(re.sub(r"<[^>]+>", " ", end).split()) for end in ends.split("<li>")[1:]] == words


@pytest.mark.parametrize(("address", "here"), [("/changes/", "All changes"), ("changes/", "Change history")])
def test_the_crumb_names_the_page(staff_client: Client, contoso: Customer, address: str, here: str) -> None:
    place = address if address.startswith("/") else f"/customers/{contoso.tenant_id}/{address}"
    page = staff_client.get(place).content.decode()
    assert re.findall(r'<li aria-current="page">(.*?)</li>', page) == [here]


def test_an_empty_history_says_what_to_do(
    staff_client: Client, contoso: Customer, changes: list[LicenseChange]
) -> None:
    filtered = staff_client.get("/changes/?ticket=nothing").content.decode()
    assert "No change matches." in filtered
    assert filtered.count('href="?"') == 2
    ChangeProduct.objects.all().delete()
    UserChange.objects.all().delete()
    LicenseChange.objects.all().delete()
    for place, leads in (
        ("/changes/", "/customers/"),
        (f"/customers/{contoso.tenant_id}/changes/", f"/customers/{contoso.tenant_id}/users/"),
    ):
        page = staff_client.get(place).content.decode()
        assert "Nothing was saved yet." in page
        assert f'<a class="btn" href="{leads}">' in page


@pytest.mark.parametrize("place", ["/changes/", "customer"])
@pytest.mark.parametrize("query", ["", "?q=inc&product=" + E3, "?user=user&removals=1&person=staff&from=2026-01-01"])
@pytest.mark.one_database
def test_any_number_of_changes_costs_the_same_queries(
    staff_client: Client, contoso: Customer, changes: list[LicenseChange], place: str, query: str
) -> None:
    address = place if place.startswith("/") else f"/customers/{contoso.tenant_id}/changes/"
    numbers = []
    for more in (0, 40):
        for number in range(more):
            product = ProductFactory.create()
            change = LicenseChangeFactory.create(
                customer=contoso, status="done", reference=f"INC {number}", wish={"products": {product.sku_id: "all"}}
            )
            ChangeProductFactory.create(change=change, sku_id=product.sku_id, takes_away=True)
            ChangeProductFactory.create(change=change, sku_id=E3, takes_away=True)
            UserChangeFactory.create_batch(3, change=change, state="failed")
        with CaptureQueriesContext(connection) as captured:
            assert staff_client.get(address + query).status_code == 200
        numbers.append(len(captured))
    assert numbers[0] == numbers[1] <= 12


def test_a_save_is_found_by_its_products_and_users(staff: StaffUser, staff_client: Client, story: Customer) -> None:
    user = story.users.filter(usage_location="JP", holdings__isnull=True).order_by("pk")[0]
    teams = ServicePlan.objects.filter(family="teams").first()
    assert teams is not None
    wish = Wish(
        products={sku("SPE_E3"): ALL, sku("STANDARDPACK"): NONE, sku("SPE_E5"): KEEP},
        plans={(sku("POWER_BI_PRO"), "p"): NONE, (sku("VISIOCLIENT"), "p"): ALL, (sku("SPE_E5"), "p"): KEEP},
    )
    holder = story.users.get(object_id=user_id("sales", 1))
    change = draft(staff, story, [user.object_id, holder.object_id], wish)
    named = dict(Product.objects.values_list("sku_id", "part_number"))
    assert {named[row.sku_id]: row.takes_away for row in change.products.all()} == {
        "SPE_E3": False,
        "STANDARDPACK": True,
        # Wished, but nobody of them has it.
        "POWER_BI_PRO": False,
        "VISIOCLIENT": False,
    }
    LicenseChange.objects.filter(pk=change.pk).update(status="done")
    row = change.user_changes.get(object_id=user.object_id)
    assert row.search.split("\n")[1] == row.user_principal_name.lower()
    assert len(references(staff_client, product=sku("STANDARDPACK"), removals="1", user=user.display_name)) == 1


def test_changes_from_before_the_filters_are_found(staff_client: Client, contoso: Customer) -> None:
    change = LicenseChangeFactory.create(
        customer=contoso,
        status="done",
        reference="ＩＮＣ 7",
        wish={"products": {E3: "all", E5: "none"}, "plans": {f"{E3}/p": "none", "x/p": "all"}},
    )
    UserChangeFactory.create(change=change, user__display_name="髙橋")
    LicenseChange.objects.update(search="")
    UserChange.objects.update(search="")
    import_module("licenses.migrations.0005_find_earlier_changes").find_earlier_changes(apps, None)
    change.refresh_from_db()
    assert change.search == "inc7"
    assert change.user_changes.get().search.startswith("高橋\n")
    assert dict(change.products.values_list("sku_id", "takes_away")) == {E3: True, E5: True, "x": False}
