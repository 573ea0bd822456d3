"""Manage licenses and Review: boxes, forms, keys, odd input, and a number of queries that does not grow."""

import random
import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from customers import selection as selections
from customers.models import Customer, DirectoryUser, Selection
from licenses.core.diff import Wish
from licenses.core.tristate import box_state
from licenses.models import Holding, LicenseChange, Product, UserChange
from licenses.services import manage
from licenses.services.states import load_catalog
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.integration.saving import pks, pumped, sku, states, writes

pytestmark = pytest.mark.django_db

JOINERS = [user_id("joiner", number) for number in range(2, 6)]
MIXED = [user_id("member", number) for number in (1, 2, 13, 30, 50)] + [user_id("sales", 4), JOINERS[0]]


def select(staff: StaffUser, customer: Customer, object_ids: list[str]) -> Selection:
    """Make these users the selection."""
    selection = selections.get(staff, customer)
    selections.clear(selection)
    selections.add(selection, pks(customer, object_ids))
    return selection


def page_of(customer: Customer) -> str:
    return reverse("licenses:manage", args=[customer.tenant_id])


def form(staff: StaffUser, customer: Customer, **fields: str) -> dict[str, str]:
    """A form as the page renders it, with choices."""
    selection = selections.get(staff, customer)
    hidden = {"key": uuid.uuid4().hex, "selection": str(selection.counter), "seen": timezone.now().isoformat()}
    return {**hidden, "go": "save", **fields}


def product(part_number: str) -> str:
    return f"product-{sku(part_number)}"


def post(client: Client, customer: Customer, data: dict[str, Any]) -> HttpResponse:
    return client.post(page_of(customer), data)  # type: ignore[return-value]


@pytest.mark.parametrize("seed", range(12))
def test_every_box_is_what_the_sandbox_says(seed: int, sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    dice = random.Random(seed)
    # The first selection mixes direct, inherited and both kinds of the same product by hand.
    chosen = MIXED if seed == 0 else dice.sample(sorted(tenant.users), dice.randint(1, 60))
    rows = manage.product_rows(story, select(staff, story, chosen), load_catalog(story), Wish(), total=len(chosen))
    assert {row.sku.sku_id for row in rows} == set(tenant.skus)
    for row in rows:
        held = [tenant.held_skus(tenant.users[object_id]).get(row.sku.sku_id) for object_id in chosen]
        holders = [off for off in held if off is not None]
        assert (row.holders, row.state) == (len(holders), box_state(len(holders), len(chosen)))
        for plan in row.plans:
            on = sum(plan.plan.plan_id not in off for off in holders)
            assert plan.on == on
            expected = box_state(on, len(holders)).value if holders else "all"
            assert plan.state.value == expected


def test_the_page_needs_the_same_queries_for_few_and_for_many(
    story: Customer, staff: StaffUser, staff_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("licenses.views.manage._read_again", lambda customer, selection: True)
    numbers = []
    # One query names those without a location, where there are some.
    few = [*MIXED[:1], *story.users.filter(usage_location="").values_list("object_id", flat=True)[:1]]
    for chosen in (few, list(story.users.values_list("object_id", flat=True))):
        select(staff, story, chosen)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert staff_client.get(page_of(story)).status_code == 200
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]
    assert numbers[0] <= 15


def test_nobody_selected_leads_back_to_the_list(story: Customer, staff_client: Client) -> None:
    answer = staff_client.get(page_of(story), follow=True)
    assert answer.redirect_chain == [(reverse("customers:users", args=[story.tenant_id]), 303)]
    assert "Nobody is selected" in answer.content.decode()


def test_an_old_selection_asks_first(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    selection = select(staff, story, JOINERS)
    Selection.objects.filter(pk=selection.pk).update(since=timezone.now() - timezone.timedelta(hours=9))  # type: ignore[attr-defined]
    answer = staff_client.get(page_of(story), follow=True)
    assert "4 users are still selected since" in answer.content.decode()
    staff_client.post(reverse("customers:users", args=[story.tenant_id]), {"go": "keep"})
    assert staff_client.get(page_of(story)).status_code == 200


@pytest.mark.one_database
def test_microsoft_away_shows_what_was_stored(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS)
    sandbox.faults.add({"match": "* /graph/*", "status": 403, "times": 99})
    answer = staff_client.get(page_of(story))
    assert answer.status_code == 200
    assert "Microsoft did not answer" in answer.content.decode()


def test_the_page_reads_the_selected_users_again(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS)
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    tenant.users[JOINERS[0]].direct[sku("POWER_BI_PRO")] = (frozenset(), 1.0)
    staff_client.get(page_of(story))
    assert Holding.objects.filter(user__object_id=JOINERS[0], product__part_number="POWER_BI_PRO").exists()


def test_save_starts_at_once_when_nothing_asks(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS)
    answer = post(staff_client, story, form(staff, story, **{product("SPE_E3"): "all", "reference": " INC-1  x "}))
    change = LicenseChange.objects.get()
    assert answer["Location"] == reverse("licenses:change", args=[change.pk])
    assert (change.status, change.reference) == (LicenseChange.Status.QUEUED, "INC-1 x")
    assert set(states(pumped(change)).values()) == {UserChange.State.UPDATED}


def test_review_changes_only_shows(sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, story, JOINERS)
    data = form(staff, story, **{product("SPE_E3"): "all"}) | {"go": "review"}
    answer = staff_client.post(page_of(story), data, follow=True)
    page = answer.content.decode()
    assert "Save for 4 users of コントソ商事" in page
    change = LicenseChange.objects.get()
    assert change.status == LicenseChange.Status.DRAFT
    assert selections.count(selections.get(staff, story)) == 4
    started = staff_client.post(
        reverse("licenses:review", args=[story.tenant_id]), {"change": str(change.pk), "key": "k" * 32}
    )
    assert started["Location"] == reverse("licenses:change", args=[change.pk])


@pytest.mark.parametrize(
    ("part", "choice", "people", "words"),
    [
        ("STANDARDPACK", "none", [user_id("sales", 1)], "1 user loses licenses"),
        ("SPE_E5", "all", [user_id("wants-e5", one) for one in range(1, 11)], "there are no licenses for 3 users"),
        ("SPE_E3", "all", [user_id("joiner", 1)], "1 user has no usage location"),
        ("SPE_E3", "all", [user_id("blocked", 1)], "1 user whose sign-in is blocked gets a license"),
    ],
)
@pytest.mark.one_database
def test_save_never_surprises(
    part: str,
    choice: str,
    people: list[str],
    words: str,
    sandbox: Sandbox,
    story: Customer,
    staff: StaffUser,
    staff_client: Client,
) -> None:
    select(staff, story, people)
    sandbox.journal.clear()
    answer = staff_client.post(page_of(story), form(staff, story, **{product(part): choice}), follow=True)
    assert answer.redirect_chain[0][0].startswith(reverse("licenses:review", args=[story.tenant_id]))
    assert words in answer.content.decode()
    assert writes(sandbox) == []


def test_a_double_click_makes_one_change(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, story, JOINERS)
    data = form(staff, story, **{product("SPE_E3"): "all"})
    first, second = post(staff_client, story, data), post(staff_client, story, data)
    assert first["Location"] == second["Location"]
    assert LicenseChange.objects.count() == 1
    other = post(staff_client, story, data | {product("POWER_BI_PRO"): "all"})
    assert other.status_code == 409
    assert first["Location"] in other.content.decode()
    assert LicenseChange.objects.count() == 1


def test_a_selection_changed_in_another_tab_opens_review(
    story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS[:2])
    data = form(staff, story, **{product("SPE_E3"): "all"})
    selections.add(selections.get(staff, story), pks(story, JOINERS[2:]))
    answer = staff_client.post(page_of(story), data, follow=True)
    assert "the selection was changed in another tab" in answer.content.decode()


@pytest.mark.parametrize("value", ["yes", "", "ALL", "keep,all"])
@pytest.mark.one_database
def test_an_unknown_value_is_refused_and_loses_nothing(
    value: str, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS)
    fields = {product("SPE_E3"): value, product("POWER_BI_PRO"): "all", "reference": "INC-7"}
    answer = post(staff_client, story, form(staff, story, **fields))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'role="alert"' in page
    assert f'href="#f-{product("SPE_E3")}"' in page
    assert 'value="INC-7"' in page
    chosen = re.search(rf'name="{product("POWER_BI_PRO")}".*?</select>', page, re.DOTALL)
    assert chosen is not None
    assert re.search(r'<option value="all" selected', chosen[0])
    assert not LicenseChange.objects.exists()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 422),
        ({"location": "XX"}, 422),
        ({"reference": "x" * 201, "location": "JP"}, 422),
        ({"key": "", "location": "JP"}, 422),
        ({"product-00000000-0000-4000-8000-000000000000": "all"}, 404),
        ({"product-x": "all"}, 404),
        ({"plan-x": "none"}, 404),
    ],
)
@pytest.mark.one_database
def test_odd_forms(
    fields: dict[str, str], status: int, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS)
    assert post(staff_client, story, form(staff, story, **fields)).status_code == status
    assert not LicenseChange.objects.exists()


def test_a_plan_of_another_product_is_a_404(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, story, JOINERS)
    plan = load_catalog(story).skus[sku("POWER_BI_PRO")].user_plans[0].plan_id
    name = f"plan-{sku('SPE_E3')}-{plan}"
    assert post(staff_client, story, form(staff, story, **{name: "none"})).status_code == 404


def test_a_product_of_another_customer_is_a_404(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS)
    foreign = Product.objects.create(sku_id="00000000-0000-4000-8000-0000000000aa", part_number="X", display_name="X")
    assert post(staff_client, story, form(staff, story, **{f"product-{foreign.sku_id}": "all"})).status_code == 404


def test_more_users_than_one_change_holds(
    story: Customer, staff: StaffUser, staff_client: Client, settings: Any
) -> None:
    settings.MAX_USERS_PER_CHANGE = 3
    select(staff, story, JOINERS)
    answer = post(staff_client, story, form(staff, story, **{product("SPE_E3"): "all"}))
    assert answer.status_code == 422
    assert "at most 3 users" in answer.content.decode()


def test_the_summary_says_what_the_save_would_do(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, story, [user_id("wants-e5", number) for number in range(1, 11)])
    data = form(staff, story, **{product("SPE_E5"): "all"})
    page = staff_client.post(reverse("licenses:manage-summary", args=[story.tenant_id]), data).content.decode()
    assert "3 short" in page
    assert "there are no licenses for 3 users" in page
    assert not LicenseChange.objects.exists()


def test_a_partial_box_left_alone_changes_nobody(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, MIXED)
    every = {f"product-{one}": "keep" for one in load_catalog(story).skus}
    answer = post(staff_client, story, form(staff, story, **every))
    assert answer.status_code == 422
    assert "Nothing is changed" in answer.content.decode()


@pytest.mark.one_database
def test_japanese_pages_speak_japanese(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, story, JOINERS)
    page = staff_client.get(page_of(story), headers={"Accept-Language": "ja"}).content.decode()
    assert '<html lang="ja"' in page
    assert "ライセンスの割り当てと割り当て解除" in page
    assert "Exchange Online (プラン 1)" in page


@pytest.mark.one_database
def test_names_from_microsoft_are_only_text(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    hostile = '"><script>alert(1)</script>'
    DirectoryUser.objects.filter(object_id=JOINERS[0]).update(display_name=hostile)
    Product.objects.filter(part_number="SPE_E3").update(display_name=hostile)
    select(staff, story, JOINERS)
    for address in (page_of(story), reverse("customers:users", args=[story.tenant_id])):
        assert "<script>alert" not in staff_client.get(address).content.decode()
