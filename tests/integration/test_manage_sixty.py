"""Manage licenses with sixty products: order, folding, words about states, and a fixed number of queries."""

import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from customers import selection as selections
from customers.models import Customer, CustomerGrant, DirectoryUser, SelectedUser
from licenses.models import Assignment, Entitlement, EntitlementPlan, Holding, Product, ServicePlan
from licensing_portal.staff.models import StaffUser
from tests.factories import (
    AssignmentFactory,
    CustomerFactory,
    DirectoryUserFactory,
    EntitlementFactory,
    GroupFactory,
    HoldingFactory,
    PlanSetFactory,
    ProductFactory,
    ServicePlanFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

PRODUCTS, PLANS_EACH = 60, 10


@pytest.fixture
def tenant(sandbox: object, staff: StaffUser) -> Customer:
    """A customer with sixty products of ten plans each, that Microsoft's stand-in does not know."""
    customer: Customer = CustomerFactory.create(country="JP")
    CustomerGrant.objects.create(customer=customer, staff=staff)
    products = Product.objects.bulk_create(
        ProductFactory.build(display_name=f"Product {number:02}") for number in range(PRODUCTS)
    )
    plans = iter(ServicePlan.objects.bulk_create(ServicePlanFactory.build_batch(PRODUCTS * PLANS_EACH)))
    owns = Entitlement.objects.bulk_create(
        EntitlementFactory.build(customer=customer, product=product) for product in products
    )
    EntitlementPlan.objects.bulk_create(
        EntitlementPlan(entitlement=row, plan=next(plans), provisioning_status="Success", position=position)
        for row in owns
        for position in range(PLANS_EACH)
    )
    return customer


def users(customer: Customer, number: int) -> list[DirectoryUser]:
    """Make users; a bulk insert, for the factories take a second for a thousand."""
    return DirectoryUser.objects.bulk_create(DirectoryUserFactory.build_batch(number, customer=customer))


def select(staff: StaffUser, customer: Customer, chosen: list[DirectoryUser]) -> None:
    """Make these users the selection."""
    selection = selections.get(staff, customer)
    selections.clear(selection)
    SelectedUser.objects.bulk_create(
        SelectedUser(selection=selection, user=user, position=n) for n, user in enumerate(chosen)
    )


def owned(customer: Customer, number: int) -> Entitlement:
    return Entitlement.objects.select_related("product").get(
        customer=customer, product__display_name=f"Product {number:02}"
    )


def spread(customer: Customer, chosen: list[DirectoryUser]) -> None:
    """Give every user a product of their own turn, with one of three sets of plans."""
    rows = []
    for number, entitlement in enumerate(customer.entitlements.select_related("product").order_by("pk")):
        plans = list(entitlement.plans.values_list("plan_id", flat=True)[:2])
        sets = [PlanSetFactory.create(product=entitlement.product, disabled=plans[:off]) for off in range(3)]
        rows += [
            HoldingFactory.build(
                user=user,
                customer=customer,
                product=entitlement.product,
                plan_set=sets[turn % 3],
                direct_plan_set=sets[turn % 3],
            )
            for turn, user in enumerate(chosen[number::PRODUCTS])
        ]
    Holding.objects.bulk_create(rows)


def refused(client: Client, customer: Customer, **fields: str) -> Any:
    """Post a form that is refused: the page comes back without a word from Microsoft."""
    hidden = {"key": uuid.uuid4().hex, "selection": "1", "seen": timezone.now().isoformat()}
    address = reverse("licenses:manage", args=[customer.tenant_id])
    return client.post(address, {**hidden, "go": "review", "reference": "x" * 201, **fields})


def names(page: str) -> list[str]:
    return re.findall(r'data-name="(Product \d\d)', page)


def row_of(page: str, entitlement: Entitlement) -> str:
    found = re.search(rf'<tr id="row-{entitlement.product.sku_id}".*?</tr>', page, re.DOTALL)
    assert found is not None
    return found[0]


def test_five_thousand_users_cost_no_more_queries_than_one(
    tenant: Customer, staff: StaffUser, staff_client: Client
) -> None:
    everybody = users(tenant, 5_000)
    spread(tenant, everybody)
    numbers = []
    for chosen in (everybody[:1], everybody):
        select(staff, tenant, chosen)
        with CaptureQueriesContext(connection) as queries:
            page = refused(staff_client, tenant)
        assert page.status_code == 422
        numbers.append(len(queries))
    assert len(names(page.content.decode())) == PRODUCTS
    assert page.content.decode().count('name="plan-') == PRODUCTS * PLANS_EACH
    # The first count asks whether anybody is selected at all.
    assert numbers[0] == numbers[1] <= 16


def test_rows_come_changed_then_held_then_free_and_the_rest_is_folded(
    tenant: Customer, staff: StaffUser, staff_client: Client
) -> None:
    one, two = users(tenant, 2)
    select(staff, tenant, [one, two])
    HoldingFactory.create(user=one, product=owned(tenant, 40).product)
    tenant.entitlements.exclude(product__display_name__in=["Product 07", "Product 40"]).update(consumed=10)
    # Free of charge: more units than numbers can say.
    Entitlement.objects.filter(pk=owned(tenant, 8).pk).update(enabled=1_000_000)
    wish = {f"product-{owned(tenant, 59).product.sku_id}": "all"}
    shown, folded = refused(staff_client, tenant, **wish).content.decode().split('<details class="folded"')

    assert names(shown) == ["Product 59", "Product 40", "Product 07"]
    assert len(names(folded)) == PRODUCTS - 3
    assert "free of charge" in row_of(folded, owned(tenant, 8))
    assert "Buy more" in row_of(folded, owned(tenant, 9))
    assert "Show 57 more products" in folded


def test_a_plan_says_for_how_many_holders_it_is_on(tenant: Customer, staff: StaffUser, staff_client: Client) -> None:
    chosen = users(tenant, 9)
    select(staff, tenant, chosen)
    entitlement = owned(tenant, 3)
    off = PlanSetFactory.create(product=entitlement.product, disabled=[entitlement.plans.all()[0].plan_id])
    for number, user in enumerate(chosen[:7]):
        extra = {"plan_set": off, "direct_plan_set": off} if number < 2 else {}
        HoldingFactory.create(user=user, product=entitlement.product, **extra)

    row = row_of(refused(staff_client, tenant).content.decode(), entitlement)
    assert row.count("on for 5 of 7") == 1
    assert row.count("on for 7 of 7") == PLANS_EACH - 1
    assert "7 of 9" in row
    assert "Show all 7 holders" in row


@pytest.mark.parametrize(
    ("status", "words", "box"),
    [
        ("Enabled", None, True),
        ("Warning", "expired, in its grace period", True),
        ("Suspended", "suspended, cannot be assigned", False),
        ("LockedOut", "locked by Microsoft, cannot be assigned", False),
        ("Deleted", "expired, cannot be assigned", False),
    ],
)
def test_a_product_that_is_not_live_is_said_in_words(
    tenant: Customer, staff: StaffUser, staff_client: Client, status: str, words: str | None, box: bool
) -> None:
    select(staff, tenant, users(tenant, 1))
    entitlement = owned(tenant, 5)
    Entitlement.objects.filter(pk=entitlement.pk).update(capability_status=status)
    row = row_of(refused(staff_client, tenant).content.decode(), entitlement)

    assert (f'name="product-{entitlement.product.sku_id}"' in row) is box
    assert "cannot be assigned" not in row or words is not None
    assert words is None or words in row


def test_who_holds_a_suspended_product_can_still_lose_it(
    tenant: Customer, staff: StaffUser, staff_client: Client
) -> None:
    chosen = users(tenant, 1)
    select(staff, tenant, chosen)
    entitlement = owned(tenant, 5)
    HoldingFactory.create(user=chosen[0], product=entitlement.product)
    Entitlement.objects.filter(pk=entitlement.pk).update(capability_status="Suspended")
    row = row_of(refused(staff_client, tenant).content.decode(), entitlement)

    assert "Unassign from all" in row
    assert "Assign to all" not in row
    assert "suspended, cannot be assigned" in row


@pytest.mark.parametrize(
    ("by_group", "direct", "words"),
    [(2, 0, "kept by group 営業"), (1, 0, "by group 営業"), (1, 1, "partly by group 営業"), (0, 2, None)],
)
def test_groups_are_named(
    tenant: Customer, staff: StaffUser, staff_client: Client, by_group: int, direct: int, words: str | None
) -> None:
    chosen = users(tenant, 2)
    select(staff, tenant, chosen)
    group = GroupFactory.create(customer=tenant, display_name="営業")
    product = owned(tenant, 5).product
    for user in chosen[:by_group]:
        HoldingFactory.create(user=user, product=product, direct=False)
        AssignmentFactory.create(user=user, product=product, via=group.object_id)
    for user in chosen[2 - direct :]:
        HoldingFactory.create(user=user, product=product)
    row = row_of(refused(staff_client, tenant).content.decode(), owned(tenant, 5))

    assert re.findall(r"(?:kept |partly )?by group 営業", row) == ([words] if words else [])
    assert ("disabled aria-label" in row) is (by_group == 2)


def test_a_group_whose_assignment_failed_keeps_nothing(
    tenant: Customer, staff: StaffUser, staff_client: Client
) -> None:
    chosen = users(tenant, 1)
    select(staff, tenant, chosen)
    product = owned(tenant, 5).product
    HoldingFactory.create(user=chosen[0], product=product)
    group = GroupFactory.create(customer=tenant, display_name="営業")
    AssignmentFactory.create(user=chosen[0], product=product, via=group.object_id, state="Error")
    assert Assignment.objects.exists()

    assert "営業" not in row_of(refused(staff_client, tenant).content.decode(), owned(tenant, 5))


def test_a_refused_form_keeps_what_was_typed_and_says_why_at_its_field(
    tenant: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, tenant, users(tenant, 1))
    entitlement = owned(tenant, 59)
    sku_id = entitlement.product.sku_id
    page = refused(staff_client, tenant, **{f"product-{sku_id}": "maybe", "location": "JP"}).content.decode()

    assert "<title>Error:" in page
    assert names(page)[0] == "Product 59"
    assert "This choice is not known. Choose again." in row_of(page, entitlement)
    assert f'href="#f-product-{sku_id}"' in page
    assert "At most 200 characters, please." in page
    assert 'aria-describedby="ref-hint ref-error" aria-invalid="true"' in page
    assert "x" * 201 in page
    assert '<option value="JP" selected>' in page


def test_many_users_are_named_up_to_fifty(tenant: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, tenant, users(tenant, 1_234))
    page = refused(staff_client, tenant).content.decode()

    assert len(re.findall("<li><bdi>", page)) == 50
    # Outside of the list, which scrolls: there it would be the last thing that anybody sees.
    assert "and 1,184 more" in page.partition('class="chips"')[2].partition("</ul>")[2]


def test_people_of_one_name_show_their_sign_in_name(tenant: Customer, staff: StaffUser, staff_client: Client) -> None:
    one, two, three = users(tenant, 3)
    DirectoryUser.objects.filter(pk__in=[one.pk, two.pk]).update(display_name="Wei Zhang")
    select(staff, tenant, [one, two, three])
    page = refused(staff_client, tenant).content.decode().partition('class="chips"')[2].partition("</ul>")[0]

    assert re.findall("<small>(.*?)</small>", page) == [one.user_principal_name, two.user_principal_name]


def test_location_is_proposed_from_the_country_for_those_without_one(
    tenant: Customer, staff: StaffUser, staff_client: Client
) -> None:
    chosen = users(tenant, 3)
    DirectoryUser.objects.filter(pk=chosen[0].pk).update(usage_location="", display_name="Nowhere Person")
    select(staff, tenant, chosen)
    page = refused(staff_client, tenant).content.decode()

    assert "1 user has none and would be refused a new license: Nowhere Person" in page
    assert "Japan (JP) where it is not set" in page


def test_the_summary_says_how_long_it_takes(
    tenant: Customer, staff: StaffUser, staff_client: Client, settings: Any
) -> None:
    settings.WRITES_PER_SECOND, settings.WRITE_BURST = 1, 1
    select(staff, tenant, users(tenant, 181))
    Entitlement.objects.filter(pk=owned(tenant, 1).pk).update(enabled=500)
    address = reverse("licenses:manage-summary", args=[tenant.tenant_id])
    page = staff_client.post(address, {f"product-{owned(tenant, 1).product.sku_id}": "all"}).content.decode()

    assert "181 users will be changed" in page
    assert "about 3 min at Microsoft's limit" in page.replace("&#x27;", "'")
    assert f'id="after-{owned(tenant, 1).product.sku_id}" class="after"' in page
    assert "319 free" in page
