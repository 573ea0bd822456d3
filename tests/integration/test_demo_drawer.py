"""The demo's drawer: how Microsoft answers, a colleague behind the portal's back, and starting over."""

import html
import re
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.db.models import F
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers import selection as selections
from customers.models import Customer, CustomerGrant, DirectoryUser, Selection
from licenses.core.diff import Wish
from licenses.models import (
    Assignment,
    Entitlement,
    Holding,
    LicenseChange,
    LicenseEvent,
    LicenseTemplate,
    RefusalSeen,
    Reprocess,
    UserChange,
)
from licenses.services import save
from licenses.services.sync import sync_customer
from licensing_portal.demo import drawer
from licensing_portal.sandbox import ConnectionDropped, Sandbox
from licensing_portal.sandbox.edits import add_user
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests import sandbox_session, story_rows
from tests.factories import LicenseChangeFactory, StaffUserFactory
from tests.integration.saving import ALL, at_microsoft, draft, pks, pumped, saved, sku, states

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

JOINERS = [user_id("joiner", number) for number in (2, 3)]
NEWCOMER = "00000000-0000-4000-8000-00000000000a"
State = UserChange.State


@pytest.fixture(autouse=True)
def forgotten_moods() -> Iterator[None]:
    """The process remembers that somebody has changed the mood."""
    cache.clear()
    yield
    cache.clear()


def press(client: Client, act: str, **data: str) -> str:
    """Press a button of the drawer and return the sentence of the page that follows."""
    answer: HttpResponse = client.post("/demo/drawer/", {"act": act, "next": "/changes/", **data})  # type: ignore[assignment]
    assert answer.status_code == 303
    page = client.get(answer["Location"]).content.decode()
    (text,) = re.findall(r'<div class="msg[^"]*" role="(?:status|alert)">.*?<p>(.*?)</p>', page, re.DOTALL)
    return html.unescape(text)


def moods_on(client: Client) -> list[str]:
    """Return what the drawer calls on or not known, and whether it offers the way back."""
    page = client.get("/changes/").content.decode()
    (found,) = re.findall(r'<div popover id="demo-pop".*?\n</div>', page, re.DOTALL)
    buttons = re.findall(r'name="act" value="(\w+)".*?</button>', found, re.DOTALL)
    texts = re.findall(r'name="act" value="\w+"(.*?)</button>', found, re.DOTALL)
    on = [name for name, text in zip(buttons, texts, strict=True) if 'class="on' in text]
    return [*on, *(["normal"] if "normal" in buttons else [])]


def away(*_: object) -> list[bytes]:
    """A stand-in that has ended."""
    raise ConnectionDropped


# How Microsoft answers


def test_slow_calls_are_slow_as_often_as_it_says(sandbox: Sandbox, story: Customer, staff_client: Client) -> None:
    assert moods_on(staff_client) == []
    assert press(staff_client, "slow").startswith(
        "Microsoft is slow now: each of the next calls takes 2 seconds longer."
    )
    rules = sandbox.faults.show()
    assert {rule["times"] for rule in rules} == {drawer.SLOW_CALLS}
    assert {rule["delay_ms"] for rule in rules} == {2000}
    # A batch is slow once, not once more for each of its users.
    for method, path in (("POST", "users/x/assignLicense"), ("GET", "users/x"), ("PATCH", "users/x")):
        assert sandbox.faults.take(method, f"/graph/v1.0/{path}") is None
    for method, path in (("POST", "$batch"), ("GET", "subscribedSkus"), ("GET", "users/delta")):
        assert sandbox.faults.take(method, f"/graph/v1.0/{path}") is not None
    assert moods_on(staff_client) == ["slow", "normal"]


def test_throttled_users_wait_and_are_updated(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    drawer.throttle()
    (rule,) = sandbox.faults.show()
    assert (rule["status"], rule["headers"], rule["times"]) == (429, {"Retry-After": "5"}, drawer.THROTTLED_WRITES)
    sandbox.faults.clear()
    sandbox.faults.add(rule | {"headers": {"Retry-After": "1"}})
    change = saved(staff, story, JOINERS, Wish(products={sku("SPE_E3"): ALL}))
    assert states(change) == dict.fromkeys(JOINERS, State.UPDATED)
    assert sandbox.faults.show() == []


def test_moods_add_up_and_pressed_twice_stay_as_long(sandbox: Sandbox, story: Customer, staff_client: Client) -> None:
    for act in ("slow", "throttling", "slow"):
        press(staff_client, act)
    assert moods_on(staff_client) == ["slow", "throttling", "normal"]
    times = sorted(rule["times"] for rule in sandbox.faults.show())
    assert times == sorted([drawer.THROTTLED_WRITES, *[drawer.SLOW_CALLS] * 3])
    assert press(staff_client, "normal") == "Microsoft answers as usual again."
    assert sandbox.faults.show() == []
    assert moods_on(staff_client) == []


def test_a_mood_that_is_used_up_is_off(sandbox: Sandbox, story: Customer, staff_client: Client) -> None:
    press(staff_client, "throttling")
    for _ in range(drawer.THROTTLED_WRITES):
        sandbox.faults.take("POST", "/graph/v1.0/users/x/assignLicense")
    assert moods_on(staff_client) == []


def test_another_person_sees_the_mood_too(story: Customer, staff_client: Client, client: Client) -> None:
    press(staff_client, "slow")
    client.force_login(StaffUserFactory.create(roles=[Role.HELPDESK_AGENT.value]))
    assert moods_on(client) == ["slow", "normal"]


def test_without_the_stand_in_the_mood_is_not_known(story: Customer, staff_client: Client) -> None:
    press(staff_client, "slow")
    sandbox_session.use(away)
    assert moods_on(staff_client) == ["slow", "throttling", "normal"]
    assert "not known" in staff_client.get("/changes/").content.decode()


@pytest.mark.parametrize("act", ["slow", "throttling", "normal", "seats", "over"])
def test_without_the_stand_in_a_sentence_says_so(act: str, story: Customer, staff_client: Client) -> None:
    sandbox_session.use(away)
    text = press(staff_client, act, tenant=story.tenant_id)
    assert text == "The stand-in for Microsoft does not answer. If it has ended, start the demo again."


@pytest.mark.parametrize("data", [{}, {"act": "explode"}])
def test_an_unknown_button_changes_nothing(data: dict[str, str], story: Customer, staff_client: Client) -> None:
    answer = staff_client.post("/demo/drawer/", data)
    assert answer.status_code == 422
    assert "no such button" in answer.content.decode()


def test_the_answer_leads_to_no_other_host(sandbox: Sandbox, story: Customer, staff_client: Client) -> None:
    answer = staff_client.post("/demo/drawer/", {"act": "normal", "next": "https://evil.example/"})
    assert answer["Location"] == "/customers/"


# A colleague


def test_the_last_seats_of_what_one_reviews_are_gone(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    change = draft(staff, story, JOINERS, Wish(products={sku("EXCHANGEENTERPRISE"): ALL}))
    place = reverse("licenses:review", args=[story.tenant_id]) + f"?change={change.pk}"
    text = press(staff_client, "seats", tenant=story.tenant_id, next=place)
    assert text.startswith("A colleague has taken the last 6 licenses of Exchange Online (Plan 2).")
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    plan_2 = sku("EXCHANGEENTERPRISE")
    before = {user_id("wants-e5", number) for number in (1, 2, 3)}
    assert tenant.skus[plan_2].free == 0
    holders = {user.user_id for user in tenant.users.values() if plan_2 in user.direct}
    assert len(holders - before) == 6
    assert holders.isdisjoint(JOINERS)
    # The draft saw six.
    done = pumped(save.start(change))
    assert set(states(done).values()) == {State.FAILED}
    assert {row.failure_kind for row in done.user_changes.all()} == {"no_seat"}


def test_more_than_a_colleague_can_use_is_cut(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    change = draft(staff, story, JOINERS, Wish(products={sku("FLOW_FREE"): ALL}))
    assert drawer.take_last_seats(staff, story, str(change.pk))[1] == 10_000
    assert tenant.skus[sku("FLOW_FREE")].free == 0
    assert sum(sku("FLOW_FREE") in user.direct for user in tenant.users.values()) == 30


def test_those_who_are_selected_are_spared(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    everybody = list(story.users.exclude(object_id__in=JOINERS).values_list("pk", flat=True))
    selections.add(selections.get(staff, story), everybody)
    name, taken = drawer.take_last_seats(staff, story, "")
    assert (name, taken) == ("Microsoft 365 E5", 7)
    assert [sku("SPE_E5") in at_microsoft(sandbox, story, one).direct for one in JOINERS] == [True, True]


def test_another_customer_loses_the_product_with_the_fewest(
    sandbox: Sandbox, story: Customer, staff: StaffUser
) -> None:
    other = Customer.objects.exclude(pk=story.pk).order_by("sort_key")[0]
    sync_customer(other)
    free = F("enabled") + F("warning") - F("consumed")
    fewest = (
        Entitlement.objects.filter(customer=other, capability_status="Enabled")
        .annotate(free=free)
        .filter(free__gt=0)
        .order_by("free", "pk")[0]
    )
    assert drawer.take_last_seats(staff, other, "nonsense") == (fewest.product.display_name, fewest.free)


def test_where_nothing_is_left_it_says_so(story: Customer, staff_client: Client) -> None:
    Entitlement.objects.filter(customer=story).update(enabled=0, warning=0)
    assert press(staff_client, "seats", tenant=story.tenant_id).startswith("No product of this customer")


@pytest.mark.parametrize("tenant_id", ["", "nonsense", "00000000-0000-4000-8000-000000000000"])
def test_a_colleague_needs_a_customer(tenant_id: str, story: Customer, staff_client: Client) -> None:
    assert staff_client.post("/demo/drawer/", {"act": "seats", "tenant": tenant_id}).status_code == 404


def test_nobody_takes_seats_outside_their_scope(sandbox: Sandbox, story: Customer, client: Client) -> None:
    client.force_login(StaffUserFactory.create(roles=[Role.SALES_AGENT.value]))
    assert client.post("/demo/drawer/", {"act": "seats", "tenant": story.tenant_id}).status_code == 404
    CustomerGrant.objects.create(customer=story, role=Role.SALES_AGENT.value)
    assert client.post("/demo/drawer/", {"act": "seats", "tenant": story.tenant_id}).status_code == 303


# Starting over


def _picture(story: Customer) -> tuple[object, ...]:
    """Return what the portal knows of the story, without times."""
    users = story.users.order_by("object_id").values_list("object_id", "display_name", "usage_location", "deleted_at")
    paths = Assignment.objects.filter(customer=story).order_by("user__object_id", "product__sku_id", "via")
    holdings = Holding.objects.filter(customer=story).order_by("user__object_id", "product__sku_id")
    seats = story.entitlements.order_by("product__sku_id").values_list("product__sku_id", "enabled", "consumed")
    return (
        list(users),
        list(paths.values_list("user__object_id", "product__sku_id", "via", "state", "plan_set")),
        list(holdings.values_list("user__object_id", "product__sku_id", "direct", "by_group")),
        list(seats),
    )


@pytest.fixture
def small(make_sandbox: object) -> Sandbox:
    """The story alone."""
    return make_sandbox(customers=1)  # type: ignore[operator, no-any-return]


def test_everything_is_as_the_first_sync_left_it(
    small: Sandbox, staff: StaffUser, staff_client: Client, db: None
) -> None:
    story = story_rows.read(small.story_tenant_id)
    before = _picture(story)
    staff_client.post(reverse("demo:step", args=["clash"]))
    saved(staff, story, JOINERS, Wish(products={sku("SPE_E3"): ALL}))
    tenant = small.tenant(story.tenant_id)
    assert tenant is not None
    tenant.delete_user(tenant.users[user_id("kiosk", 1)])
    add_user(tenant, NEWCOMER, "new@contoso.example", "新人")
    sync_customer(story)
    now = timezone.now()
    RefusalSeen.objects.create(customer=story, kind="exclusive", key="k", first_seen=now, last_seen=now)
    LicenseTemplate.objects.create(customer=story, name="E3", created_by=staff)
    Reprocess.objects.create(customer=story, object_id=JOINERS[0], staff=staff, asked_at=now)
    press(staff_client, "slow")
    selections.add(selections.get(staff, story), pks(story, JOINERS))
    assert _picture(story) != before

    answer = staff_client.post("/demo/drawer/", {"act": "over"})

    page = staff_client.get(answer["Location"]).content.decode()
    assert "The demo is as it was at the start; 1 customer was read anew." in page
    assert 'class="mark done"' not in page
    assert _picture(story) == before
    for model in (LicenseChange, UserChange, Selection, LicenseEvent, RefusalSeen, Reprocess, LicenseTemplate):
        assert not model.objects.exists()
    assert not DirectoryUser.objects.filter(deleted_at__isnull=False).exists()
    assert small.faults.show() == []
    assert moods_on(staff_client) == []
    # And once more, at once.
    assert drawer.start_over() == 1


def test_a_running_change_is_not_thrown_away(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    LicenseChangeFactory.create(customer=story, staff=staff, status="queued")
    at_microsoft(sandbox, story, JOINERS[0]).location = "FR"
    text = press(staff_client, "over")
    assert text == "A change is still running. Wait for its end, or stop it; then start over."
    assert LicenseChange.objects.count() == 1
    assert at_microsoft(sandbox, story, JOINERS[0]).location == "FR"


def test_started_over_twice_at_once_it_is_done_once(story: Customer, staff_client: Client) -> None:
    cache.set("demo-starting-over", True, 10)
    assert press(staff_client, "over").startswith("The demo is being put back already.")
