"""Customers with their products, the products of one, and the change history as files: the figures of their pages."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange, Product, Subscription
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests.factories import (
    CustomerFactory,
    CustomerGrantFactory,
    EntitlementFactory,
    LicenseChangeFactory,
    StaffUserFactory,
)
from tests.integration.downloads import assert_same_table, csv_table, records, xlsx_table
from tests.integration.saving import ALL, NONE, saved, sku

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

CUSTOMERS = "/customers/export/"
EVIL = "=1+1"


def _products(customer: Customer) -> str:
    return reverse("licenses:products-export", args=[customer.tenant_id])


def test_products_have_the_figures_of_their_page(story: Customer, staff_client: Client) -> None:
    page = staff_client.get(reverse("licenses:products", args=[story.tenant_id])).context
    rows = records(csv_table(staff_client, _products(story)))
    assert [row["Part number"] for row in rows] == [
        one.entitlement.product.part_number for one in (*page["needy"], *page["fine"])
    ]
    for one, row in zip((*page["needy"], *page["fine"]), rows, strict=True):
        owned = one.entitlement
        assert (row["Assigned"], row["Grace period"], row["Suspended"]) == (
            str(owned.consumed),
            str(owned.warning),
            str(owned.suspended),
        )
        assert row["Bought"] == ("" if one.is_free else str(owned.enabled))
        assert row["Free"] == ("" if one.is_free else str(one.available))
        assert row["Over"] == str(one.over)
        assert row["Status"] == str(one.status)
        for reason in one.reasons:
            assert reason.text in row["Note"]
    assert any("free of charge" in row["Note"] for row in rows)


def test_products_are_those_that_the_search_finds(story: Customer, staff_client: Client) -> None:
    found = records(csv_table(staff_client, _products(story) + "?q=spe_e3"))
    assert {row["Part number"] for row in found} == {"SPE_E3"}


@pytest.mark.parametrize("language", ["en", "ja"])
def test_both_formats_of_products_tell_the_same(language: str, story: Customer, staff_client: Client) -> None:
    product = Product.objects.get(part_number="SPE_E3")
    # Half past midnight in Tokyo is still the day before in London.
    at = datetime(2026, 12, 1, 0, 30, tzinfo=ZoneInfo("Asia/Tokyo"))
    Subscription.objects.filter(customer=story, product=product).update(next_lifecycle_at=at)
    for address in (_products(story), CUSTOMERS):
        tables = [table(staff_client, address, accept_language=language) for table in (csv_table, xlsx_table)]
        assert_same_table(*tables)
        assert any("2026-12-01" in row for row in tables[0])


@pytest.fixture
def agent() -> StaffUser:
    """Somebody who sees two customers: one that owns two products, and one that was not read yet."""
    agent = StaffUserFactory.create(roles=[Role.SALES_AGENT.value])
    for name in ("Owner", "Newcomer"):
        customer = CustomerFactory.create(name=name, error_users=name == "Owner")
        CustomerGrantFactory.create(customer=customer, staff=agent)
        if name == "Owner":
            EntitlementFactory.create(customer=customer, enabled=10, consumed=7)
            EntitlementFactory.create(customer=customer, enabled=5, consumed=8)
    EntitlementFactory.create()
    return agent


def test_customers_have_a_row_for_each_product(agent: StaffUser, client: Client) -> None:
    client.force_login(agent)
    rows = records(csv_table(client, CUSTOMERS))
    assert [(row["Customer"], row["Bought"], row["Assigned"], row["Free"], row["Over"]) for row in rows] == [
        ("Owner", "5", "8", "0", "3"),
        ("Owner", "10", "7", "3", "0"),
        # Nothing is known of what it owns: it is not left out in silence.
        ("Newcomer", "", "", "", ""),
    ]
    assert {row["Tenant ID"] for row in rows} == set(
        Customer.objects.visible_to(agent).values_list("tenant_id", flat=True)
    )


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=newc", {"Newcomer"}),
        ("need=errors", {"Owner"}),
        ("relationship=ended", set()),
        ("sort=name", {"Owner", "Newcomer"}),
    ],
)
def test_customers_are_those_of_the_list(query: str, names: set[str], agent: StaffUser, client: Client) -> None:
    client.force_login(agent)
    listed = client.get(f"/customers/?{query}")
    shown = [one.name for group in listed.context["groups"] for one, _why in group["rows"]]
    found = [row["Customer"] for row in records(csv_table(client, f"{CUSTOMERS}?{query}"))]
    assert list(dict.fromkeys(found)) == shown
    assert set(shown) == names
    link = f'href="{CUSTOMERS}?{query}" download>Export</a>'
    assert (link in listed.content.decode()) == bool(names)


def test_customers_are_read_in_few_queries(agent: StaffUser, client: Client) -> None:
    client.force_login(agent)
    CustomerGrantFactory.create_batch(40, staff=agent)
    with CaptureQueriesContext(connection) as queries:
        assert len(csv_table(client, CUSTOMERS)) == 44
    assert len(queries) <= 6


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("/customers/export/?need=odd", "What needs attention"),
        ("/customers/export/?sort=odd", "Order"),
        ("/changes/export/?from=yesterday", "From"),
        ("/changes/export/?product=odd", "Product"),
    ],
)
def test_what_a_list_does_not_know_makes_no_file(address: str, field: str, staff_client: Client) -> None:
    answer = staff_client.get(address)
    assert answer.status_code == 422
    assert f"The value of &quot;{field}&quot; is not known." in answer.content.decode()


@pytest.fixture
def change(sandbox: Sandbox, story: Customer, staff: StaffUser) -> LicenseChange:
    people = [user_id("joiner", 1), user_id("joiner", 2), user_id("leaver", 1)]
    change = saved(staff, story, people, Wish(products={sku("POWER_BI_PRO"): ALL, sku("SPE_E3"): NONE}))
    LicenseChange.objects.filter(pk=change.pk).update(reference="INC-7")
    refused = change.user_changes.filter(state="failed").first()
    assert refused is not None
    change.user_changes.filter(pk=refused.pk).update(left_at=timezone.now(), left_by=staff)
    # The others: another ticket, and a draft that nobody is to see.
    LicenseChangeFactory.create(customer=story, staff=staff, status=LicenseChange.Status.DONE, reference="INC-8")
    LicenseChangeFactory.create(customer=story, staff=staff)
    return change


@pytest.mark.parametrize("query", ["", "?ticket=inc-7", "?removals=1", "?to=2020-01-01"])
def test_changes_are_those_of_the_history_with_its_figures(
    query: str, change: LicenseChange, staff_client: Client
) -> None:
    customer = change.customer
    for page, file in (
        ("licenses:all-changes", "licenses:all-changes-export"),
        ("licenses:changes", "licenses:changes-export"),
    ):
        arguments = [customer.tenant_id] if page == "licenses:changes" else []
        shown = staff_client.get(reverse(page, args=arguments) + query).context["rows"]
        rows = records(csv_table(staff_client, reverse(file, args=arguments) + query))
        assert [row["Change ID"] for row in rows] == [str(one.change.pk) for one in shown]
        for one, row in zip(shown, rows, strict=True):
            names = ("Updated", "Already so", "Action needed", "Left as it is")
            figures = (one.updated, one.already, one.action, one.left)
            assert tuple(row[name] for name in names) == tuple(map(str, figures))
            if one.change.status == LicenseChange.Status.DONE and one.change.pk == change.pk:
                assert (sum(figures), one.left) == (one.change.total, 1)
            assert (row["Users"], row["Who"]) == (str(one.change.total), one.change.staff.display_name)
            assert row["Ticket or reason"] == one.change.reference
            assert all(line.text in row["What"] for line in one.lines)
        assert_same_table(
            csv_table(staff_client, reverse(file, args=arguments) + query),
            xlsx_table(staff_client, reverse(file, args=arguments) + query),
        )


def test_the_pages_lead_to_their_files(change: LicenseChange, staff_client: Client) -> None:
    tenant = change.customer.tenant_id
    for page, file, query in (
        ("licenses:products", "licenses:products-export", "q=e3"),
        ("licenses:changes", "licenses:changes-export", "ticket=INC"),
    ):
        text = staff_client.get(reverse(page, args=[tenant]) + f"?{query}&page=1").content.decode()
        assert f'href="{reverse(file, args=[tenant])}?{query}" download>Export</a>' in text
        assert f'href="{reverse(file, args=[tenant])}?{query}&amp;format=xlsx" download>Export to Excel</a>' in text
    text = staff_client.get(reverse("licenses:all-changes")).content.decode()
    assert f'href="{reverse("licenses:all-changes-export")}?format=xlsx" download>' in text


def test_hostile_names_and_tickets_run_nothing(change: LicenseChange, staff_client: Client) -> None:
    Customer.objects.filter(pk=change.customer_id).update(name=EVIL, default_domain=EVIL)
    Product.objects.update(display_name=EVIL, part_number=EVIL)
    LicenseChange.objects.update(reference=EVIL)
    StaffUser.objects.update(display_name=EVIL)
    # How many cells of a row somebody else can write: customer, domain, product, part number; who, customer, ticket.
    for address, number in ((CUSTOMERS, 4), (_products(change.customer), 2), ("/changes/export/", 3)):
        row = next(row for row in csv_table(staff_client, address) if any(EVIL in cell for cell in row))
        assert row.count(f"'{EVIL}") == number
        assert not any(cell.startswith("=") for cell in row)
        row = next(row for row in xlsx_table(staff_client, address) if EVIL in row)
        assert row.count(EVIL) == number
