"""Repairs on one user's page: a draft for this user alone, or the group's assignment processed again."""

import html
import re
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.http import HttpResponse
from django.test import Client

from customers.models import Customer, CustomerGrant
from licenses.models import LicenseChange, LicenseEvent
from licenses.services import save
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.catalog import sku_id
from licensing_portal.sandbox.story import EVERYBODY, SECURITY, user_id
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests import story_rows
from tests.factories import StaffUserFactory
from tests.integration.meanwhile import meanwhile
from tests.integration.prepared import E1, E3, TEAMS, give, join, prepare, tenant_of
from tests.integration.saving import at_microsoft, pumped, states
from tests.integration.test_app_check import address, page_of, text_of, verdict

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

P2, TEAMS_ALONE = sku_id("AAD_PREMIUM_P2"), sku_id("Microsoft_Teams_Enterprise_New")
MEMBER = user_id("member", 13)
UPDATED = "updated"


@pytest.fixture
def people(sandbox: Sandbox) -> dict[str, str]:
    return prepare(sandbox)


@pytest.fixture
def customer(people: dict[str, str], sandbox: Sandbox, db: None) -> Customer:
    return story_rows.read(sandbox.story_tenant_id)


def buttons(page: str) -> dict[str, dict[str, str]]:
    """Return the repairs of a page: words of the button → what its form posts."""
    found: dict[str, dict[str, str]] = {}
    for form in re.findall(r'<form method="post" class="repairs".*?</form>', page, re.S):
        hidden = dict(re.findall(r'<input type="hidden" name="(go|at|key)" value="([^"]*)"', form))
        if chosen := re.search(r'<option value="(\w\w)" selected', form):
            hidden["location"] = chosen[1]
        for code, words in re.findall(r'<button class="btn" name="repair" value="([^"]*)">(.*?)</button>', form, re.S):
            assert text_of(words) not in found, "the same button twice"
            found[html.unescape(text_of(words))] = hidden | {"repair": code}
    return found


def press(client: Client, customer: Customer, who: str, words: str, app: str = "teams", **more: str) -> HttpResponse:
    """Press a button of somebody's page."""
    form = buttons(page_of(client, customer, who, app))[words]
    return client.post(address(customer, who, app), form | more)  # type: ignore[return-value]


def mended(client: Client, customer: Customer, who: str, words: str, **more: str) -> LicenseChange:
    """Press a button, save its Review and let it run."""
    answer = press(client, customer, who, words, **more)
    assert answer.status_code == 303
    draft = LicenseChange.objects.get(status=LicenseChange.Status.DRAFT)
    assert answer["Location"].endswith(f"/licenses/review/?change={draft.pk}")
    assert (draft.kind, draft.parent, draft.total) == (LicenseChange.Kind.REPAIR, None, 1)
    change = pumped(save.start(draft))
    assert states(change) == {who: UPDATED}
    return change


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (
            "no location",
            ["Set location", "Add Microsoft Teams Enterprise", "Add Microsoft 365 Business Basic", "Add Office 365 E1"],
        ),
        ("no product", ["Add Microsoft Teams Enterprise", "Add Microsoft 365 Business Basic", "Add Office 365 E1"]),
        ("suite without Teams", ["Add Microsoft Teams Enterprise"]),
        ("off directly", ["Switch on Microsoft Teams in Office 365 E1"]),
        ("off by group", ["Add Microsoft Teams Enterprise"]),
        ("no seat", ["Reprocess the group's assignment"]),
        (
            "clash",
            [
                "Switch on Microsoft Teams in Office 365 E1",
                "Switch off Exchange Online (Plan 1) in Office 365 E1",
                "Unassign Office 365 E1",
                "Reprocess the group's assignment",
            ],
        ),
        ("dependency", ["Assign Microsoft 365 E3 again"]),
        ("blocked", []),
        ("guest", []),
        ("in order", []),
        ("pending", []),
    ],
)
@pytest.mark.one_database
def test_each_failure_has_what_can_help(
    people: dict[str, str], customer: Customer, staff_client: Client, who: str, expected: list[str]
) -> None:
    assert list(buttons(page_of(staff_client, customer, people[who]))) == expected


def test_a_plan_is_switched_on_and_the_check_passes(
    people: dict[str, str], customer: Customer, sandbox: Sandbox, staff_client: Client
) -> None:
    who = people["off directly"]
    mended(staff_client, customer, who, "Switch on Microsoft Teams in Office 365 E1")
    assert TEAMS not in at_microsoft(sandbox, customer, who).direct[E1][0]
    assert verdict(page_of(staff_client, customer, who)) == "No check fails; there are notes."


def test_a_product_comes_with_the_location_that_was_missing(
    people: dict[str, str], customer: Customer, sandbox: Sandbox, staff_client: Client
) -> None:
    who = people["no location"]
    mended(staff_client, customer, who, "Add Microsoft Teams Enterprise", location="us")
    user = at_microsoft(sandbox, customer, who)
    assert (user.location, TEAMS_ALONE in user.direct) == ("US", True)


def test_a_location_alone_is_set(
    people: dict[str, str], customer: Customer, sandbox: Sandbox, staff_client: Client
) -> None:
    mended(staff_client, customer, people["no location"], "Set location")
    assert at_microsoft(sandbox, customer, people["no location"]).location == "JP"


@pytest.mark.parametrize("location", ["", "XX", "JPN", "United States"])
@pytest.mark.one_database
def test_a_location_that_is_none_is_refused_at_its_field(
    people: dict[str, str], customer: Customer, staff_client: Client, location: str
) -> None:
    answer = press(staff_client, customer, people["no location"], "Set location", location=location)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'aria-describedby="problem-location"' in page
    assert text_of(page.split('id="problem-location">')[1].split("</span>")[0]) == (
        "This location is not known. Choose one of the list."
    )
    assert not LicenseChange.objects.exists()


def test_the_clashing_product_goes_and_the_group_gives_its_own(
    people: dict[str, str], customer: Customer, sandbox: Sandbox, staff: StaffUser, staff_client: Client
) -> None:
    who = people["clash"]
    mended(staff_client, customer, who, "Unassign Office 365 E1")
    answer = press(staff_client, customer, who, "Reprocess the group's assignment")
    assert answer["Location"] == address(customer, who)
    user = at_microsoft(sandbox, customer, who)
    assert E3 in tenant_of(sandbox).held_skus(user)
    page = staff_client.get(address(customer, who)).content.decode()
    assert "Microsoft has processed what the groups give anew: it is in order now." in page
    event = LicenseEvent.objects.filter(object_id=who, product__sku_id=E3).latest("pk")
    assert (event.staff, event.change) == (staff, None)
    assert f"{staff.display_name}, reprocessed" in page


def test_a_direct_path_in_error_is_assigned_again_with_what_was_off(sandbox: Sandbox, staff_client: Client) -> None:
    tenant = tenant_of(sandbox)
    who = user_id("joiner", 2)
    sway = next(plan.plan_id for plan in tenant.skus[E3].plans if plan.name == "SWAY")
    give(tenant, tenant.users[who], E3, sway, error="CountViolation")
    customer = story_rows.read(sandbox.story_tenant_id)
    mended(staff_client, customer, who, "Assign Microsoft 365 E3 again")
    assert at_microsoft(sandbox, customer, who).direct[E3][0] == {sway}
    assert verdict(page_of(staff_client, customer, who)) == "No check fails; there are notes."


def _without_seat(sandbox: Sandbox) -> Customer:
    """A member whose group finds no license of Entra ID P2."""
    tenant = tenant_of(sandbox)
    del tenant.users[MEMBER].direct[P2]
    tenant.skus[P2].enabled = 0
    return story_rows.read(sandbox.story_tenant_id)


@pytest.mark.one_database
def test_an_error_on_the_page_is_explained_and_has_its_button(sandbox: Sandbox, staff_client: Client) -> None:
    customer = _without_seat(sandbox)
    page = page_of(staff_client, customer, MEMBER, app="")
    message = text_of(page.split('<div class="msg bad" role="note">')[1].split("</div></div>")[0])
    assert message.startswith(
        "Microsoft Entra ID P2 (by group セキュリティ強化): Not enough licenses No license of the product"
    )
    assert list(buttons(page)) == ["Reprocess the group's assignment"]


@pytest.mark.one_database
def test_a_page_with_errors_takes_no_more_queries_than_any(
    sandbox: Sandbox,
    staff_client: Client,
    django_assert_max_num_queries: Callable[[int], AbstractContextManager[object]],
) -> None:
    customer = _without_seat(sandbox)
    with django_assert_max_num_queries(12):
        page_of(staff_client, customer, MEMBER, app="")


def test_reprocess_says_what_still_fails_in_our_words(sandbox: Sandbox, staff_client: Client) -> None:
    customer = _without_seat(sandbox)
    press(staff_client, customer, MEMBER, "Reprocess the group's assignment", app="")
    page = staff_client.get(address(customer, MEMBER, "")).content.decode()
    assert "Microsoft has tried it again: Not enough licenses. No license of this product was free." in page


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            {
                "match": "POST *reprocessLicenseAssignment",
                "status": 400,
                "body": {"error": {"code": "X", "message": "Odd."}},
            },
            "Microsoft has tried it again: Refused by Microsoft. Microsoft gave this reason, which the portal does not"
            " know yet: Odd.",
        ),
        (
            {"match": "POST *reprocessLicenseAssignment", "status": 403},
            "Microsoft has not done it: Access refused. Microsoft did not allow it.",
        ),
        ({"match": "POST *reprocessLicenseAssignment", "status": 200, "body": {}}, "an assignment is still in error."),
        (
            {"match": "POST */$batch", "skip": 1, "status": 403},
            "Microsoft has not done it: Access refused. Microsoft did not allow it.",
        ),
        (
            {"match": "POST *reprocessLicenseAssignment", "status": 429},
            "Microsoft asked to wait: nothing was done. Try again later.",
        ),
        (
            {"match": "POST *reprocessLicenseAssignment", "status": 500},
            "Microsoft did not answer: whether it was done is not known. Refresh to see.",
        ),
        (
            {"match": "POST */$batch", "skip": 1, "reset": "before"},
            "Microsoft did not answer: whether it was done is not known. Refresh to see.",
        ),
        (
            {"match": "GET /graph/v1.0/users", "skip": 1, "status": 400},
            "the user could not be read again.",
        ),
    ],
    ids=["unknown", "forbidden", "nothing happened", "all refused", "to wait", "error", "lost", "not read"],
)
@pytest.mark.one_database
def test_reprocess_tells_each_answer_for_what_it_is(
    sandbox: Sandbox, staff_client: Client, fault: dict[str, object], words: str
) -> None:
    customer = _without_seat(sandbox)
    if "GET" in str(fault["match"]):
        # Microsoft gives it, and the answer to the reading is lost.
        tenant_of(sandbox).skus[P2].enabled = 500
    sandbox.faults.add(fault)
    press(staff_client, customer, MEMBER, "Reprocess the group's assignment", app="")
    assert words in html.unescape(staff_client.get(address(customer, MEMBER, "")).content.decode())


@pytest.mark.parametrize(
    ("fault", "pill", "result"),
    [
        (None, "Failed", "Not enough licenses"),
        ({"match": "POST *reprocessLicenseAssignment", "status": 200, "body": {}}, "", "Microsoft has taken it"),
        ({"match": "POST *reprocessLicenseAssignment", "status": 429}, "Failed", "Microsoft asked to wait"),
        ({"match": "POST */$batch", "skip": 1, "status": 403}, "Failed", "Access refused"),
        (
            {"match": "POST */$batch", "skip": 1, "reset": "before"},
            "Unknown",
            "whether it was done is not known",
        ),
    ],
    ids=["refused", "taken", "to wait", "no access", "lost"],
)
@pytest.mark.one_database
def test_the_history_tells_who_asked_to_reprocess_what_and_what_came_of_it(
    sandbox: Sandbox, staff: StaffUser, staff_client: Client, fault: dict[str, object] | None, pill: str, result: str
) -> None:
    customer = _without_seat(sandbox)
    if fault is not None:
        sandbox.faults.add(fault)
    press(staff_client, customer, MEMBER, "Reprocess the group's assignment", app="")
    page = staff_client.get(address(customer, MEMBER, "")).content.decode()
    words = text_of(page)
    told = f"Asked Microsoft to reprocess Microsoft Entra ID P2 of group セキュリティ強化: {result}"
    assert f"{pill} {told}".strip() in words
    assert f"{staff.display_name}, reprocessed" in words
    assert not LicenseEvent.objects.exists()


def test_what_somebody_else_changed_meanwhile_is_not_the_doing_of_who_asked(
    people: dict[str, str], customer: Customer, sandbox: Sandbox, staff: StaffUser, staff_client: Client
) -> None:
    tenant = tenant_of(sandbox)
    who = people["no seat"]
    sandbox.faults.add({"match": "POST *reprocessLicenseAssignment", "status": 200, "body": {}})

    def give_directly() -> None:
        give(tenant, tenant.users[who], E3)

    with meanwhile('INSERT INTO "licenses_reprocess"', give_directly, after=True):
        press(staff_client, customer, who, "Reprocess the group's assignment")
    event = LicenseEvent.objects.get(object_id=who, product__sku_id=E3)
    assert set(event.after["paths"]) > {"direct"}
    assert event.staff is None


@pytest.mark.one_database
def test_reprocess_sent_twice_asks_once(sandbox: Sandbox, staff_client: Client) -> None:
    customer = _without_seat(sandbox)
    form = buttons(page_of(staff_client, customer, MEMBER, app=""))["Reprocess the group's assignment"]
    sandbox.journal.clear()
    for _ in range(2):
        assert staff_client.post(address(customer, MEMBER, ""), form).status_code == 303
    calls = [call for call in sandbox.journal.show()["calls"] if call["path"].endswith("reprocessLicenseAssignment")]
    assert len(calls) == 1


def test_pressed_twice_it_makes_one_draft_also_when_it_has_run(
    people: dict[str, str], customer: Customer, staff_client: Client
) -> None:
    who = people["off directly"]
    form = buttons(page_of(staff_client, customer, who))["Switch on Microsoft Teams in Office 365 E1"]
    places = {staff_client.post(address(customer, who), form)["Location"] for _ in range(2)}
    assert len(places) == 1
    change = pumped(save.start(LicenseChange.objects.get()))
    assert staff_client.post(address(customer, who), form)["Location"] == f"/changes/{change.pk}/"


@pytest.mark.parametrize(
    "changes", [{"repair": "add:anything"}, {"repair": ""}, {"at": "plan"}, {"at": ""}, {"repair": f"add:{E1}"}]
)
@pytest.mark.one_database
def test_what_is_not_offered_is_refused(
    people: dict[str, str], customer: Customer, staff_client: Client, changes: dict[str, str]
) -> None:
    who = people["suite without Teams"]
    form = buttons(page_of(staff_client, customer, who))["Add Microsoft Teams Enterprise"]
    answer = staff_client.post(address(customer, who), form | changes)
    assert answer.status_code == 422
    assert "This repair is not offered any more" in answer.content.decode()
    assert not LicenseChange.objects.exists()


@pytest.mark.one_database
def test_a_repair_is_judged_by_what_microsoft_says_now(
    people: dict[str, str], customer: Customer, sandbox: Sandbox, staff_client: Client
) -> None:
    who = people["no product"]
    form = buttons(page_of(staff_client, customer, who))["Add Microsoft Teams Enterprise"]
    tenant_of(sandbox).skus[TEAMS_ALONE].enabled = 0
    assert staff_client.post(address(customer, who), form).status_code == 422


@pytest.mark.one_database
def test_a_button_that_the_page_does_not_have_does_nothing(
    people: dict[str, str], customer: Customer, staff_client: Client
) -> None:
    answer = staff_client.post(address(customer, people["no product"]), {"go": "delete"})
    assert answer.status_code == 422
    assert "This button is not known." in answer.content.decode()


@pytest.mark.one_database
def test_review_of_a_repair_leads_back_to_the_user(
    people: dict[str, str], customer: Customer, staff_client: Client
) -> None:
    who = people["off directly"]
    place = press(staff_client, customer, who, "Switch on Microsoft Teams in Office 365 E1")["Location"]
    page = staff_client.get(place).content.decode()
    assert f'<a class="btn quiet" href="{address(customer, who, "")}">Back</a>' in page
    draft = LicenseChange.objects.get()
    answer = staff_client.post(place.split("?")[0], {"change": str(draft.pk), "go": "discard"})
    assert answer["Location"] == address(customer, who, "")


@pytest.mark.one_database
def test_repairs_are_for_who_may_see_the_customer(
    people: dict[str, str], customer: Customer, staff_client: Client, client: Client
) -> None:
    who = people["off directly"]
    form = buttons(page_of(staff_client, customer, who))["Switch on Microsoft Teams in Office 365 E1"]
    place = address(customer, who)
    assert client.post(place, form)["Location"].startswith("/signin/")
    agent = StaffUserFactory.create(roles=[Role.HELPDESK_AGENT.value])
    client.force_login(agent)
    assert client.post(place, form | {"key": uuid.uuid4().hex}).status_code == 404
    assert client.get(place).status_code == 404
    CustomerGrant.objects.create(customer=customer, staff=agent)
    assert client.post(place, form | {"key": uuid.uuid4().hex}).status_code == 303
    client.force_login(StaffUserFactory.create(roles=["Nonsense"]))
    assert client.post(place, form).status_code == 403


@pytest.mark.one_database
def test_the_first_failure_of_a_group_is_named_for_the_others(sandbox: Sandbox, staff_client: Client) -> None:
    tenant = tenant_of(sandbox)
    who = user_id("joiner", 3)
    tenant.groups[EVERYBODY].licenses[P2] = frozenset()
    join(tenant, tenant.users[who], EVERYBODY, SPE_E3="Other", AAD_PREMIUM_P2="CountViolation")
    customer = story_rows.read(sandbox.story_tenant_id)
    assert verdict(page_of(staff_client, customer, who)) == (
        "1 check fails: The assignment is in error: Not enough licenses."
    )
    assert SECURITY not in tenant.users[who].groups
