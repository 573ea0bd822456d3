"""Retry failed users, and Undo: drafts made from a change that has ended."""

import uuid

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from licenses import doorbell
from licenses.core.diff import Wish
from licenses.core.planning import Cause
from licenses.models import LicenseChange, UserChange
from licenses.services import again, save
from licenses.services.refresh import refresh_users
from licensing_portal.gateways.errors import GatewayError
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.factories import StaffUserFactory
from tests.integration.saving import ALL, NONE, at_microsoft, draft, pumped, row, saved, sku, states

pytestmark = pytest.mark.django_db

Kind, State, Status = LicenseChange.Kind, UserChange.State, LicenseChange.Status
SALES = [user_id("sales", number) for number in (1, 2, 3)]
# The first one has no usage location.
JOINERS = [user_id("joiner", number) for number in (1, 2)]


def _press(client: Client, change: LicenseChange, go: str, key: str | None = None) -> HttpResponse:
    address = reverse("licenses:change", args=[change.pk])
    answer: HttpResponse = client.post(address, {"go": go, "key": key or uuid.uuid4().hex}, follow=True)  # type: ignore[assignment]
    return answer


def _made(parent: LicenseChange) -> LicenseChange:
    return LicenseChange.objects.get(parent=parent)


def _licences(sandbox: Sandbox, story: Customer, people: list[str]) -> list[object]:
    found = [at_microsoft(sandbox, story, object_id) for object_id in people]
    return [({key: value[0] for key, value in one.direct.items()}, one.location) for one in found]


@pytest.fixture
def swapped(sandbox: Sandbox, story: Customer, staff: StaffUser) -> LicenseChange:
    """A finished swap of Office 365 E1 for Microsoft 365 E3 for three people."""
    return saved(staff, story, SALES, Wish(products={sku("SPE_E3"): ALL, sku("STANDARDPACK"): NONE}))


@pytest.fixture
def halved(sandbox: Sandbox, story: Customer, staff: StaffUser) -> LicenseChange:
    """A finished change of which one user failed for want of a location."""
    return saved(staff, story, JOINERS, Wish(products={sku("SPE_E3"): ALL}))


def test_retry_plans_those_who_failed_by_what_microsoft_says_now(
    halved: LicenseChange, sandbox: Sandbox, story: Customer, staff_client: Client
) -> None:
    assert states(halved) == {JOINERS[0]: State.FAILED, JOINERS[1]: State.UPDATED}
    at_microsoft(sandbox, story, JOINERS[0]).location = "JP"
    answer = _press(staff_client, halved, "retry")
    made = _made(halved)

    assert (made.kind, made.status, made.reference) == (Kind.RETRY, Status.DRAFT, halved.reference)
    assert states(made) == {JOINERS[0]: State.PENDING}
    assert "Review changes" in answer.content.decode()
    finished = pumped(save.start(made))
    assert states(finished) == {JOINERS[0]: State.UPDATED}
    # The old change stays what it was.
    assert row(halved, JOINERS[0]).state == State.FAILED


def test_undo_gives_back_what_people_had(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    before = _licences(sandbox, story, SALES)
    wish = Wish(products={sku("SPE_E3"): ALL, sku("STANDARDPACK"): NONE})
    change = saved(staff, story, SALES, wish)
    assert _licences(sandbox, story, SALES) != before
    text = _press(staff_client, change, "undo").content.decode()
    made = _made(change)

    assert "undo of the change of" in text
    assert (made.kind, made.status) == (Kind.UNDO, Status.DRAFT)
    assert Cause.REMOVES_PRODUCT.value in made.causes
    finished = pumped(save.start(made))
    assert set(states(finished).values()) == {State.UPDATED}
    assert _licences(sandbox, story, SALES) == before
    # Undone once more, it is what it was after the change.
    _press(staff_client, finished, "undo")
    pumped(save.start(_made(finished)))
    assert _licences(sandbox, story, SALES) != before


def test_whom_somebody_else_changed_since_is_left_alone_by_name(
    swapped: LicenseChange, sandbox: Sandbox, story: Customer, staff_client: Client
) -> None:
    other = at_microsoft(sandbox, story, SALES[1])
    moment = other.direct.pop(sku("SPE_E3"))[1]
    other.direct[sku("STANDARDPACK")] = (frozenset({"somebody-elses-choice"}), moment)
    text = _press(staff_client, swapped, "undo").content.decode()
    made = _made(swapped)

    assert states(made) == {SALES[0]: State.PENDING, SALES[1]: State.FAILED, SALES[2]: State.PENDING}
    assert "Changed by somebody else" in text
    assert other.name in text
    pumped(save.start(made))
    assert set(other.direct) == {sku("STANDARDPACK")}


@pytest.mark.one_database
def test_a_location_that_was_not_set_stays_and_review_says_so(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    change = saved(staff, story, JOINERS[:1], Wish(products={sku("SPE_E3"): ALL}, location="JP"))
    text = _press(staff_client, change, "undo").content.decode()

    assert "usage locations that were not set before stay" in text
    pumped(save.start(_made(change)))
    assert _licences(sandbox, story, JOINERS[:1]) == [({}, "JP")]


def test_who_may_have_been_changed_is_left_alone_by_name(
    swapped: LicenseChange, sandbox: Sandbox, story: Customer, staff_client: Client
) -> None:
    lost, changed = SALES[:2]
    swapped.user_changes.filter(object_id=lost).update(state=State.UNKNOWN, failure_kind="unreadable")
    swapped.user_changes.filter(object_id=changed).update(state=State.FAILED, failure_kind="changed_elsewhere")
    as_they_are = _licences(sandbox, story, [lost, changed])
    text = _press(staff_client, swapped, "undo").content.decode()
    for object_id in (lost, changed):
        assert story.users.get(object_id=object_id).display_name in text
    undo = _made(swapped)
    assert Cause.UNCLEAR_LEFT_OUT.value in undo.causes
    pumped(save.start(undo))
    assert states(undo) == {lost: State.FAILED, changed: State.FAILED, SALES[2]: State.UPDATED}
    assert {row(undo, one).failure_kind for one in (lost, changed)} == {"unreadable", "changed_elsewhere"}
    assert _licences(sandbox, story, [lost, changed]) == as_they_are


def test_a_change_of_which_nothing_is_known_offers_no_undo(swapped: LicenseChange, staff_client: Client) -> None:
    swapped.user_changes.update(state=State.UNKNOWN, failure_kind="unreadable")
    text = staff_client.get(reverse("licenses:change", args=[swapped.pk])).content.decode()
    assert 'value="undo"' not in text


def test_an_undo_that_waited_is_planned_anew_from_the_deeds(
    swapped: LicenseChange, sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    _press(staff_client, swapped, "undo")
    made = save.start(_made(swapped))
    # Between its start and its turn somebody switches a plan off.
    user = at_microsoft(sandbox, story, SALES[0])
    plan = next(iter(story.entitlements.get(product__sku_id=sku("SPE_E3")).plans.all()))
    user.direct[sku("SPE_E3")] = (frozenset({plan.plan_id}), user.direct[sku("SPE_E3")][1])
    refresh_users(story, SALES[:1])
    finished = pumped(made)
    assert states(finished)[SALES[0]] == State.FAILED
    assert row(finished, SALES[0]).failure_kind == "changed_elsewhere"
    assert sku("SPE_E3") in user.direct


@pytest.mark.one_database
def test_what_failed_of_an_undo_is_undone_again(
    swapped: LicenseChange, sandbox: Sandbox, story: Customer, staff_client: Client
) -> None:
    _press(staff_client, swapped, "undo")
    part = "POST /graph/v1.0/users/*/assignLicense"
    sandbox.faults.add({"match": part, "status": 400, "body": {"error": {"code": "x", "message": "Odd."}}})
    undone = pumped(save.start(_made(swapped)))
    assert sorted(states(undone).values()) == [State.FAILED, State.UPDATED, State.UPDATED]
    _press(staff_client, undone, "retry")
    made = LicenseChange.objects.get(status=Status.DRAFT)

    assert (made.kind, made.parent) == (Kind.UNDO, swapped)
    assert set(states(pumped(save.start(made))).values()) == {State.UPDATED}
    assert all(sku("STANDARDPACK") in found[0] for found in _licences(sandbox, story, SALES))  # type: ignore[index]


def test_a_large_undo_is_read_and_planned_by_a_worker(
    swapped: LicenseChange, sandbox: Sandbox, story: Customer, staff_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "READ_IN_REQUEST", 2)
    _press(staff_client, swapped, "undo")
    made = _made(swapped)
    assert made.status == Status.PLANNING
    # Behind the portal's back, after the button was pressed.
    at_microsoft(sandbox, story, SALES[1]).direct.pop(sku("SPE_E3"))
    sandbox.faults.add({"match": "* /graph/*", "status": 403, "times": 99})
    with pytest.raises(GatewayError):
        doorbell.plan_change.func(str(made.pk))
    sandbox.faults.clear()
    doorbell.plan_change.func(str(made.pk))
    assert states(made) == {SALES[0]: State.PENDING, SALES[1]: State.FAILED, SALES[2]: State.PENDING}


@pytest.mark.one_database
def test_what_somebody_else_gave_again_is_not_taken(
    swapped: LicenseChange, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    for choice in (NONE, ALL):
        saved(staff, story, SALES[:1], Wish(products={sku("SPE_E3"): choice}))
    _press(staff_client, swapped, "undo")
    # It looks as the first change left it, but is another one's.
    assert states(_made(swapped)) == {SALES[0]: State.FAILED, SALES[1]: State.PENDING, SALES[2]: State.PENDING}


@pytest.mark.one_database
def test_undone_and_done_again_it_can_be_undone(
    swapped: LicenseChange, sandbox: Sandbox, story: Customer, staff_client: Client
) -> None:
    after = _licences(sandbox, story, SALES)
    _press(staff_client, swapped, "undo")
    undone = pumped(save.start(_made(swapped)))
    _press(staff_client, undone, "undo")
    pumped(save.start(_made(undone)))
    assert _licences(sandbox, story, SALES) == after
    _press(staff_client, swapped, "undo")
    latest = LicenseChange.objects.filter(parent=swapped).latest("created_at")
    assert set(states(latest).values()) == {State.PENDING}


@pytest.mark.one_database
def test_a_location_set_before_a_refusal_is_undone_too(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    at_microsoft(sandbox, story, JOINERS[1]).location = "US"
    refresh_users(story, JOINERS[1:])
    odd = {"error": {"code": "x", "message": "Odd."}}
    sandbox.faults.add({"match": "POST /graph/v1.0/users/*/assignLicense", "status": 400, "body": odd})
    wish = Wish(products={sku("SPE_E3"): ALL}, location="JP", overwrite_location=True)
    change = draft(staff, story, JOINERS[1:], wish)
    save.start(change)
    for _turn in range(10):
        change.user_changes.update(not_before=None)
        pumped(change)
    assert states(change) == {JOINERS[1]: State.FAILED}
    _press(staff_client, change, "undo")
    made = _made(change)
    assert (row(made, JOINERS[1]).location, row(made, JOINERS[1]).add) == ("US", [])


@pytest.mark.one_database
def test_a_product_that_is_gone_is_refused_and_not_passed_over(
    halved: LicenseChange, sandbox: Sandbox, story: Customer, staff_client: Client
) -> None:
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    gone = sku("SPE_E3")
    tenant.skus.pop(gone)
    text = _press(staff_client, halved, "retry").content.decode()
    assert row(_made(halved), JOINERS[0]).failure_kind == "bad_sku"
    assert "products that the customer no longer owns cannot come back" in text


def test_one_key_makes_one_draft_for_each_button(halved: LicenseChange, staff_client: Client) -> None:
    key = uuid.uuid4().hex
    for go in ("retry", "undo", "retry", "undo"):
        assert _press(staff_client, halved, go, key).status_code == 200
    assert sorted(LicenseChange.objects.filter(parent=halved).values_list("kind", flat=True)) == ["retry", "undo"]


@pytest.mark.one_database
def test_the_page_offers_what_can_be_done_and_shows_what_came_of_it(
    halved: LicenseChange, swapped: LicenseChange, staff_client: Client
) -> None:
    def page(change: LicenseChange) -> str:
        return staff_client.get(reverse("licenses:change", args=[change.pk])).content.decode()

    assert ("Retry failed users" in page(halved), 'value="undo"' in page(halved)) == (True, True)
    assert "Retry failed users" not in page(swapped)
    assert "Made from this change" not in page(swapped)
    _press(staff_client, swapped, "undo")
    assert "Made from this change" not in page(swapped), "a draft has changed nothing"
    made = pumped(save.start(_made(swapped)))
    assert "Made from this change" in page(swapped)
    assert reverse("licenses:change", args=[swapped.pk]) in page(made)


@pytest.mark.parametrize("go", ["retry", "undo"])
@pytest.mark.one_database
def test_nobody_and_a_running_change_are_answered_in_words(
    go: str, sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    running = save.start(draft(staff, story, JOINERS[1:], Wish(products={sku("SPE_E3"): ALL})))
    assert "This change is still running" in _press(staff_client, running, go).content.decode()
    finished = pumped(running)
    finished.user_changes.update(user=None)
    assert "There is nobody left" in _press(staff_client, finished, go).content.decode()
    assert not LicenseChange.objects.filter(parent=running).exists()


@pytest.mark.one_database
def test_an_unknown_button_changes_nothing(halved: LicenseChange, staff_client: Client) -> None:
    assert _press(staff_client, halved, "boom").status_code == 422
    assert not LicenseChange.objects.filter(parent=halved).exists()


@pytest.mark.parametrize("go", ["retry", "undo"])
@pytest.mark.one_database
def test_nobody_else_may(go: str, halved: LicenseChange, sign_in: object, client: Client) -> None:
    stranger = sign_in(StaffUserFactory.create(roles=["HelpdeskAgent"]))  # type: ignore[operator]
    assert _press(stranger, halved, go).status_code == 404
    assert "/signin/" in _press(client, halved, go).redirect_chain[0][0]  # type: ignore[attr-defined]
    assert not LicenseChange.objects.filter(parent=halved).exists()


@pytest.mark.one_database
def test_microsoft_away_is_said_and_the_draft_is_made(
    swapped: LicenseChange, sandbox: Sandbox, staff_client: Client
) -> None:
    sandbox.faults.add({"match": "* /graph/*", "status": 403, "times": 99})
    assert "Microsoft did not answer" in _press(staff_client, swapped, "undo").content.decode()
    assert again.to_undo(swapped).count() == _made(swapped).total == 3


@pytest.mark.one_database
def test_the_undo_of_a_location_says_so_in_the_history(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    change = saved(staff, story, SALES[:1], Wish(location="US", overwrite_location=True))
    _press(staff_client, change, "undo")
    pumped(save.start(_made(change)))

    assert at_microsoft(sandbox, story, SALES[0]).location == "JP"
    assert "as before the change" in staff_client.get(reverse("licenses:all-changes")).content.decode()


@pytest.mark.one_database
@pytest.mark.parametrize("is_taken_already", [False, True])
def test_an_undo_that_takes_nothing_is_no_removal(
    is_taken_already: bool, sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    change = saved(staff, story, JOINERS[1:], Wish(products={sku("SPE_E3"): ALL}))
    if is_taken_already:
        at_microsoft(sandbox, story, JOINERS[1]).direct.clear()
    _press(staff_client, change, "undo")

    assert [line.takes_away for line in _made(change).products.all()] == [not is_taken_already]


@pytest.mark.one_database
def test_an_undo_that_switches_a_plan_off_is_a_removal(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    e1 = sku("STANDARDPACK")
    plan = story.entitlements.get(product__sku_id=e1).plan_rows.filter(plan__family="teams")[0].plan.plan_id
    off = saved(staff, story, SALES[:1], Wish(plans={(e1, plan): NONE}))
    on = saved(staff, story, SALES[:1], Wish(plans={(e1, plan): ALL}))
    _press(staff_client, on, "undo")

    assert [(line.sku_id, line.takes_away) for line in _made(on).products.all()] == [(e1, True)]
    pumped(save.start(_made(on)))
    _press(staff_client, off, "undo")
    assert [(line.sku_id, line.takes_away) for line in _made(off).products.all()] == [(e1, False)]
