"""The tour: each of its six steps sets itself up, whatever was done before, and only for those who see the story."""

import html
import random
import re

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from customers import selection as selections
from customers.models import Customer, CustomerGrant
from licenses.models import LicenseChange, UserChange
from licensing_portal.demo import stages, story, tour
from licensing_portal.sandbox import STORY_TENANT_ID, ConnectionDropped, Sandbox
from licensing_portal.sandbox import story as told
from licensing_portal.sandbox.model import User
from licensing_portal.staff import roles
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Right, Role
from tests import sandbox_session
from tests.factories import LicenseChangeFactory, StaffUserFactory
from tests.integration.saving import at_microsoft, pumped, sku, states
from tests.integration.test_manage import form, page_of, product

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

# What the person then does with the boxes that the step has set.
CHOICES = {
    "clash": {"EXCHANGEENTERPRISE": "all", "EXCHANGESTANDARD": "none"},
    "seats": {"SPE_E5": "all"},
    "location": {"SPE_E3": "all"},
    "swap": {"STANDARDPACK": "none", "SPE_E3": "all"},
}


def take(client: Client, name: str) -> HttpResponse:
    """Press a step's button."""
    return client.post(reverse("demo:step", args=[name]))  # type: ignore[return-value]


def hint_of(page: str) -> str:
    """Return the words of the hint on top of a page; empty without one."""
    found = re.search(r'<aside class="tour-hint".*?<p>(.*?)</p>', page, re.DOTALL)
    return html.unescape(re.sub("<[^>]+>", "", found[1])).strip() if found else ""


def done_steps(client: Client) -> list[str]:
    """Return which steps the page of customers ticks."""
    page = client.get("/customers/").content.decode()
    buttons = re.findall(r'<button class="step" formaction="/demo/tour/(\w+)/".*?</button>', page, re.DOTALL)
    texts = re.findall(r'<button class="step" formaction="/demo/tour/\w+/".*?</button>', page, re.DOTALL)
    return [name for name, text in zip(buttons, texts, strict=True) if "mark done" in text]


def see(client: Client, name: str) -> str:
    """Take a step and return the page to which it leads, after the change that it has saved."""
    answer = take(client, name)
    assert answer.status_code == 303, name
    for change in LicenseChange.objects.filter(status__in=LicenseChange.OPEN):
        pumped(change)
    page = client.get(answer["Location"])
    assert page.status_code == 200, name
    return html.unescape(page.content.decode())


def go_through(client: Client, staff: StaffUser, customer: Customer, name: str) -> None:
    """Take a step and do what it is about, to its end."""
    page = see(client, name)
    if name == "repair":
        _repair(client, page)
    if name in CHOICES:
        fields = {product(part): choice for part, choice in CHOICES[name].items()}
        answer = client.post(page_of(customer), form(staff, customer, location="JP", reference="Tour", **fields))
        if "review" in answer["Location"]:
            draft = answer["Location"].rpartition("=")[2]
            review = reverse("licenses:review", args=[customer.tenant_id])
            answer = client.post(review, {"change": draft, "go": "save", "key": draft})
        _pump(answer)


def _pump(answer: HttpResponse) -> LicenseChange:
    return pumped(LicenseChange.objects.get(pk=answer["Location"].rstrip("/").rpartition("/")[2]))


def _repair(client: Client, page: str) -> None:
    """Press the repair that unassigns the other product, and save it."""
    (change,) = set(re.findall(r"/changes/([0-9a-f-]{36})/export/", page))
    (repairs,) = re.findall(r'<form method="post" class="repairs".*?</form>', page, re.DOTALL)
    hidden = dict(re.findall(r'<input type="hidden" name="(go|cause|key)" value="([^"]*)"', repairs))
    (code,) = re.findall(r'name="repair" value="(remove:[^"]+)"', repairs)
    review = client.post(reverse("licenses:change", args=[change]), hidden | {"repair": code})["Location"]
    draft = review.rpartition("=")[2]
    place = reverse("licenses:review", args=[STORY_TENANT_ID])
    mended = _pump(client.post(place, {"change": draft, "go": "save", "key": draft}))
    assert set(states(mended).values()) == {UserChange.State.UPDATED}
    assert len(states(mended)) == 3


def check(page: str, name: str) -> None:
    """See on the page of a step what the step promises."""
    expected = {
        "clash": ["3 users of コントソ商事", "<strong>6</strong> free of"],
        "seats": ["10 users of コントソ商事", "<strong>7</strong> free of"],
        "location": ["12 users of コントソ商事", "1 user has none and would be refused a new license: 小林 蓮"],
        "inherited": ["4 users of コントソ商事", "kept by group 全社員"],
        "swap": ["14 users of コントソ商事", "<strong>26</strong> free of"],
        "repair": ["Action needed (3)", "Updated (5)", "Unassign Microsoft 365 Business Basic and retry"],
    }
    assert [words for words in expected[name] if words not in page] == [], name
    for part, choice in CHOICES.get(name, {}).items():
        if (name, part) != ("clash", "EXCHANGESTANDARD"):
            field = re.search(rf'name="{product(part)}".*?</select>', page, re.DOTALL)
            assert field is not None
            assert f'<option value="{choice}" selected>' in field[0], (name, part)


def is_as_told(user: User, actor: stages.Actor) -> bool:
    """Tell whether a user at Microsoft is as a stage says."""
    holds = {sku(part): len(off) for part, off in actor.holds.items()}
    return (user.location, {key: len(off) for key, (off, _) in user.direct.items()}) == (actor.location, holds)


def test_the_story_is_the_sandboxes() -> None:
    assert story.STORY_TENANT_ID == STORY_TENANT_ID
    assert [actor.object_id for actor in stages.STAGES["swap"].actors] == [
        told.user_id("sales", number) for number in range(1, 15)
    ]
    assert list(stages.STAGES) == list(tour.NAMES)


@pytest.mark.parametrize("name", tour.NAMES)
def test_stages_say_what_the_seed_says(name: str, sandbox: Sandbox, story: Customer) -> None:
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    stage = stages.STAGES[name]
    assert [actor for actor in stage.actors if not is_as_told(tenant.users[actor.object_id], actor)] == []
    assert {part: tenant.skus[sku(part)].free for part in stage.free} == dict(stage.free)


@pytest.mark.parametrize("name", tour.NAMES)
def test_a_step_shows_the_same_after_it_was_walked_to_its_end(
    name: str, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    go_through(staff_client, staff, story, name)
    check(see(staff_client, name), name)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in (1, 2, 3))])
def test_steps_work_in_any_order(seed: int, story: Customer, staff: StaffUser, staff_client: Client) -> None:
    dice = random.Random(seed)
    for name in dice.sample(tour.NAMES, k=3):
        go_through(staff_client, staff, story, name)
    for name in dice.sample(tour.NAMES, k=len(tour.NAMES)):
        check(see(staff_client, name), name)


def test_nobody_counts_seats_of_before(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    """Numbers that a save has left to settle do not hide what the step has put back."""
    go_through(staff_client, staff, story, "swap")
    assert story.entitlements.filter(settling_until__isnull=False).exists()
    assert "<strong>26</strong> free of" in see(staff_client, "swap")


def test_the_clash_is_foreseen_and_gone_with_the_other_product(
    story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    see(staff_client, "clash")
    place = reverse("licenses:manage-summary", args=[story.tenant_id])
    wanted = {product("EXCHANGEENTERPRISE"): "all"}
    summary = staff_client.post(place, form(staff, story, **wanted)).content.decode()
    assert "Conflicting service plans: Exchange Online (Plan 1), Exchange Online (Plan 2), 3 users" in summary
    mended = wanted | {product("EXCHANGESTANDARD"): "none"}
    assert "Conflicting" not in staff_client.post(place, form(staff, story, **mended)).content.decode()


def test_another_step_leaves_no_drafts_behind(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    for name in ("clash", "seats", "swap"):
        see(staff_client, name)
    assert LicenseChange.objects.filter(status=LicenseChange.Status.DRAFT).count() == 1


def test_ones_own_selection_can_be_restored(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    selection = selections.get(staff, story)
    mine = list(story.users.order_by("-sort_key").values_list("pk", flat=True)[:2])
    selections.add(selection, mine)
    see(staff_client, "clash")
    selection.refresh_from_db()
    selections.restore(selection)
    assert selections.chosen_among(selection, mine) == set(mine)


# Hints, ticks, dismissing


def test_each_page_of_a_step_says_what_to_look_at(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    assert hint_of(staff_client.get(reverse("licenses:changes", args=[story.tenant_id])).content.decode()) == ""
    page = see(staff_client, "clash")
    assert hint_of(page).startswith("Tour 1 of 6: A clash. Three people have Exchange Online (Plan 1)")
    assert "Next: Too few licenses" in page
    fields = {product(part): choice for part, choice in CHOICES["clash"].items()}
    answer = staff_client.post(page_of(story), form(staff, story, reference="Tour", **fields))
    assert "Nothing is sent yet." in hint_of(staff_client.get(answer["Location"]).content.decode())
    # The person is about something else.
    assert hint_of(staff_client.get(page_of(story)).content.decode()) == ""
    assert hint_of(staff_client.get(reverse("customers:users", args=[story.tenant_id])).content.decode()) == ""


def test_the_repair_says_where_it_stands(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    answer = take(staff_client, "repair")
    assert "this page goes on by itself" in hint_of(staff_client.get(answer["Location"]).content.decode())
    _pump(answer)
    page = html.unescape(staff_client.get(answer["Location"]).content.decode())
    assert "Not everybody was changed." in hint_of(page)
    _repair(staff_client, page)
    mended = LicenseChange.objects.get(kind=LicenseChange.Kind.REPAIR)
    page = staff_client.get(reverse("licenses:change", args=[mended.pk])).content.decode()
    assert "Repaired: they have now what was wished." in hint_of(page)


def test_taken_steps_are_ticked_and_the_last_one_ends_the_tour(story: Customer, staff_client: Client) -> None:
    assert done_steps(staff_client) == []
    see(staff_client, "swap")
    see(staff_client, "clash")
    assert done_steps(staff_client) == ["clash", "swap"]
    for name in tour.NAMES:
        page = see(staff_client, name)
    assert done_steps(staff_client) == list(tour.NAMES)
    assert "End the tour" in page
    assert "Next:" not in page


def test_a_dismissed_tour_stays_away_until_it_is_asked_for(story: Customer, staff_client: Client) -> None:
    page = see(staff_client, "inherited")
    assert "Given by a group" in hint_of(page)
    answer = staff_client.post("/demo/tour/", {"go": "hide", "next": page_of(story)})
    assert (answer.status_code, answer["Location"]) == (303, page_of(story))
    for place in ("/customers/", "/customers/", page_of(story)):
        page = staff_client.get(place).content.decode()
        assert "Tour, 3 minutes" not in page
        assert hint_of(page) == ""
        assert "Show the six steps again" in page
    assert staff_client.post("/demo/tour/", {"go": "show"})["Location"] == "/customers/"
    assert done_steps(staff_client) == ["inherited"]


def test_a_session_that_holds_nonsense_is_a_new_tour(story: Customer, staff_client: Client) -> None:
    for nonsense in ("x", {"done": 3, "at": "moon", "hidden": []}, {"done": ["moon"], "at": ["clash"]}, []):
        session = staff_client.session
        session["tour"] = nonsense
        session.save()
        assert done_steps(staff_client) == []


def test_other_customers_pages_show_no_tour(story: Customer, staff_client: Client) -> None:
    other = Customer.objects.exclude(pk=story.pk)[0]
    see(staff_client, "clash")
    page = staff_client.get(reverse("customers:users", args=[other.tenant_id])).content.decode()
    assert "tour-pop" not in page
    assert 'popovertarget="demo-pop"' in page


# Who may, and where


def test_people_without_the_customer_see_no_tour(story: Customer, sign_in: object) -> None:
    client = Client()
    client.force_login(StaffUserFactory.create(roles=[Role.SALES_AGENT.value]))
    assert "Tour, 3 minutes" not in client.get("/customers/").content.decode()
    assert take(client, "clash").status_code == 404
    assert not LicenseChange.objects.exists()


def test_a_role_that_may_not_plan_reads_a_sentence(
    story: Customer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No role of today lacks the right; an installation's own table may."""
    CustomerGrant.objects.create(customer=story, role=Role.SALES_AGENT.value)
    client.force_login(StaffUserFactory.create(roles=[Role.SALES_AGENT.value]))
    monkeypatch.setitem(roles.RIGHTS, Role.SALES_AGENT, frozenset({Right.CUSTOMER_VIEW, Right.LICENSE_VIEW}))
    page = client.get("/customers/").content.decode()
    assert "your role may do neither" in page
    assert 'class="step"' not in page
    answer = take(client, "clash")
    assert answer.status_code == 403
    assert "license.plan" in answer.content.decode()


def test_helpdesk_agents_walk_it_too(story: Customer, client: Client) -> None:
    CustomerGrant.objects.create(customer=story, role=Role.HELPDESK_AGENT.value)
    client.force_login(StaffUserFactory.create(roles=[Role.HELPDESK_AGENT.value]))
    check(see(client, "swap"), "swap")


@pytest.mark.parametrize("name", ["moon", "CLASH"])
def test_a_step_that_is_none_is_nowhere(name: str, story: Customer, staff_client: Client) -> None:
    assert take(staff_client, name).status_code == 404


def test_an_unknown_button_changes_nothing(story: Customer, staff_client: Client) -> None:
    for data in ({}, {"go": "jump"}):
        answer = staff_client.post("/demo/tour/", data)
        assert answer.status_code == 422
        assert "no such button" in answer.content.decode()


@pytest.mark.parametrize("place", ["/demo/tour/", "/demo/tour/clash/", "/demo/drawer/"])
def test_outside_the_demo_there_is_no_such_address(
    place: str, story: Customer, staff_client: Client, settings: object
) -> None:
    settings.DEMO = False  # type: ignore[attr-defined]
    nowhere = staff_client.post("/demo/nowhere/")
    for answer in (staff_client.get(place), staff_client.post(place, {"go": "hide", "act": "over"})):
        assert answer.status_code == nowhere.status_code == 404
    page = staff_client.get(reverse("customers:users", args=[story.tenant_id])).content.decode()
    assert "demo" not in page.lower()


# When it cannot be set up


def test_a_running_change_is_left_alone(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    running = LicenseChangeFactory.create(customer=story, staff=staff, status="running")
    at_microsoft(sandbox, story, told.user_id("joiner", 1)).location = "FR"
    answer = take(staff_client, "location")
    assert answer["Location"] == reverse("licenses:change", args=[running.pk])
    assert "A change of コントソ商事 is still running." in staff_client.get(answer["Location"]).content.decode()
    assert at_microsoft(sandbox, story, told.user_id("joiner", 1)).location == "FR"
    assert done_steps(staff_client) == []


def test_somebody_who_is_gone_is_said(sandbox: Sandbox, story: Customer, staff_client: Client) -> None:
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    tenant.delete_user(tenant.users[told.user_id("joiner", 3)])
    answer = take(staff_client, "location")
    assert (answer.status_code, answer["Location"]) == (303, "/customers/")
    assert "not there any more" in staff_client.get("/customers/").content.decode()


def test_a_stand_in_that_is_away_is_said(story: Customer, staff_client: Client) -> None:
    def away(*_: object) -> list[bytes]:
        raise ConnectionDropped

    sandbox_session.use(away)
    assert take(staff_client, "clash").status_code == 303
    assert "The stand-in for Microsoft does not answer." in staff_client.get("/customers/").content.decode()
    assert done_steps(staff_client) == []


def test_counts_that_lag_do_not_undo_what_was_just_saved(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    tenant = sandbox.tenant(STORY_TENANT_ID)
    assert tenant is not None
    tenant.consumed_lag = 60
    go_through(staff_client, staff, story, "seats")
    entitlement = story.entitlements.get(product__part_number="SPE_E5")
    assert entitlement.seats.available == 0
    for name in ("location", "inherited"):
        see(staff_client, name)
        entitlement.refresh_from_db()
        assert (name, entitlement.seats.available) == (name, 0)


def test_other_changes_are_not_commented_on(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    see(staff_client, "repair")
    own = LicenseChangeFactory.create(customer=story, staff=staff, status="done", reference="INC-1")
    assert hint_of(staff_client.get(f"/changes/{own.pk}/").content.decode()) == ""
