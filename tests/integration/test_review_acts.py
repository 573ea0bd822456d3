"""Review's buttons: leave people out, give them a location, mend a clash, choose who gets the last seats."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers import selection as selections
from customers.models import Customer
from licenses.core.diff import Wish
from licenses.core.failures import FailureKind
from licenses.core.planning import Cause
from licenses.core.rules import EXCHANGE_STANDARD
from licenses.models import Holding, LicenseChange, LicenseEvent, RefusalSeen, UserChange
from licenses.services import save
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.factories import StaffUserFactory
from tests.integration.saving import ALL, NONE, at_microsoft, draft, pumped, saved, sku
from tests.integration.test_manage import form, post, product, select

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

WANT_E5 = [user_id("wants-e5", number) for number in range(1, 11)]
State = UserChange.State


def address(change: LicenseChange) -> str:
    return reverse("licenses:review", args=[change.customer.tenant_id])


def press(client: Client, change: LicenseChange, go: str, **more: object) -> LicenseChange:
    answer = client.post(address(change), {"change": change.pk, "go": go, "key": "k" * 8, **more})
    assert answer.status_code == 303, answer.content.decode()
    change.refresh_from_db()
    return change


def text(client: Client, change: LicenseChange, **more: object) -> str:
    return str(client.get(address(change), {"change": str(change.pk), **more}).content.decode())


def in_change(change: LicenseChange, *states: str) -> set[str]:
    rows = change.user_changes.filter(state__in=states) if states else change.user_changes.all()
    return set(rows.values_list("object_id", flat=True))


@pytest.mark.parametrize(
    ("go", "person", "cause"),
    [
        ("leave-out-blocked", user_id("blocked", 1), Cause.BLOCKED_NEWLY_LICENSED),
        ("leave-out-guests", user_id("guest", 1), Cause.GUEST_NEWLY_LICENSED),
    ],
)
def test_whom_a_warning_is_about_can_be_left_out_and_put_back(
    go: str, person: str, cause: Cause, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    story.users.filter(object_id=person).update(usage_location="JP")
    change = draft(staff, story, [user_id("joiner", 2), person], Wish(products={sku("SPE_E3"): ALL}))
    assert change.figures[cause] == 1
    assert f'value="{go}"' in text(staff_client, change)

    press(staff_client, change, go)
    assert in_change(change) == {user_id("joiner", 2)}
    assert (change.total, cause in change.causes) == (1, False)
    page = text(staff_client, change)
    assert "Left out of this change" in page
    assert story.users.get(object_id=person).display_name in page
    # Pressed again, by an older page, it lets nobody in.
    press(staff_client, change, go)
    assert in_change(change) == {user_id("joiner", 2)}

    press(staff_client, change, "put-back")
    assert in_change(change) == {user_id("joiner", 2), person}
    assert change.left_out == {}


def test_whom_review_left_out_stays_selected_and_is_not_sent(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, [user_id("joiner", 2), user_id("blocked", 1)])
    post(staff_client, story, form(staff, story, **{product("SPE_E3"): "all"}))
    change = LicenseChange.objects.get()
    press(staff_client, change, "leave-out-blocked")
    pumped(press(staff_client, change, "save"))

    assert not at_microsoft(sandbox, story, user_id("blocked", 1)).direct.get(sku("SPE_E3"))
    assert sku("SPE_E3") in at_microsoft(sandbox, story, user_id("joiner", 2)).direct
    left = selections.get(staff, story).users.values_list("object_id", flat=True)
    assert list(left) == [user_id("blocked", 1)]


def test_a_location_is_given_in_review(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    change = draft(staff, story, [user_id("joiner", 1)], Wish(products={sku("SPE_E3"): ALL}))
    assert "Update location" in text(staff_client, change)
    press(staff_client, change, "location", location="XX")
    assert Cause.NO_LOCATION in change.causes

    press(staff_client, change, "location", location="JP")
    row = change.user_changes.get()
    assert (row.state, row.location, Cause.NO_LOCATION in change.causes) == (State.PENDING, "JP", False)


def test_a_foreseen_clash_is_mended_before_it_happens(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    people = [user_id("sales", 1), user_id("sales", 2)]
    change = draft(staff, story, people, Wish(products={sku("SPE_E5"): ALL}))
    page = text(staff_client, change)
    assert "Microsoft will probably refuse this" in page
    code = f"off:{sku('STANDARDPACK')}:{EXCHANGE_STANDARD}"
    assert f'value="{code}"' in page

    press(staff_client, change, "repair", repair="off:nonsense")
    assert change.user_changes.exclude(cautions=[]).count() == 2
    press(staff_client, change, "repair", repair=code)
    assert "Microsoft will probably refuse this" not in text(staff_client, change)
    done = pumped(save.start(change))
    assert in_change(done, State.UPDATED) == set(people)


def test_somebody_chooses_who_gets_the_last_seats(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    change = draft(staff, story, WANT_E5, Wish(products={sku("SPE_E5"): ALL}))
    first = in_change(change, State.PENDING)
    assert len(first) == 7
    page = text(staff_client, change, choose=sku("SPE_E5"))
    assert page.count('name="user"') == 10
    assert page.count(" checked") == 7

    wanted = set(WANT_E5[3:])
    assert wanted != first
    press(staff_client, change, "choose", choose=sku("SPE_E5"), user=sorted(wanted))
    assert in_change(change, State.PENDING) == in_change(change) == wanted
    assert Cause.SHORT not in change.causes
    # Whoever chose may choose again.
    assert text(staff_client, change, choose=sku("SPE_E5")).count('name="user"') == 10
    pumped(save.start(change))
    has = {one for one in WANT_E5 if sku("SPE_E5") in at_microsoft(sandbox, story, one).direct}
    assert has == wanted


def test_nobody_chooses_more_than_there_are(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    change = draft(staff, story, WANT_E5, Wish(products={sku("SPE_E5"): ALL}))
    data = {"change": change.pk, "go": "choose", "choose": sku("SPE_E5"), "user": WANT_E5[:9]}
    answer = staff_client.post(address(change), data)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "7 licenses are free and 9 users are ticked. Untick 2." in page
    assert page.count(" checked") == 9
    assert in_change(change) == set(WANT_E5)


def test_there_is_nothing_to_choose_where_all_get_one(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    change = draft(staff, story, WANT_E5[:3], Wish(products={sku("SPE_E5"): ALL}))
    assert "Let me choose" not in text(staff_client, change)
    assert staff_client.get(address(change), {"change": str(change.pk), "choose": sku("SPE_E5")}).status_code == 302
    data = {"change": change.pk, "go": "choose", "choose": sku("SPE_E5")}
    assert staff_client.post(address(change), data).status_code == 404


@pytest.mark.parametrize(
    ("typed", "starts"), [("51", True), (" ５１ ", True), ("50", False), ("", False), ("x", False)]
)
def test_the_number_of_many_losers_is_typed(
    typed: str, starts: bool, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    change = _taking_from(51, story, staff)
    assert 'name="confirm"' in text(staff_client, change)
    answer = staff_client.post(address(change), {"change": change.pk, "go": "save", "key": "k" * 8, "confirm": typed})
    change.refresh_from_db()
    assert (answer.status_code, change.status != LicenseChange.Status.DRAFT) == (303 if starts else 422, starts)
    if not starts:
        assert "Type 51: so many users lose licenses." in answer.content.decode()


def test_fifty_losers_need_no_typing(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    change = _taking_from(50, story, staff)
    assert 'name="confirm"' not in text(staff_client, change)
    press(staff_client, change, "save")
    assert change.status != LicenseChange.Status.DRAFT


def _taking_from(number: int, story: Customer, staff: StaffUser) -> LicenseChange:
    """Return a draft in which so many users lose a product, whichever they have."""
    holdings = Holding.objects.filter(user__customer=story, user__deleted_at=None, direct=True)
    people = list(holdings.order_by("user_id").values_list("user__object_id", flat=True).distinct()[:number])
    assert len(people) == number
    wish = Wish(products=dict.fromkeys(holdings.values_list("product__sku_id", flat=True), NONE))
    return draft(staff, story, people, wish)


def test_review_finds_a_user_by_name(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    people = list(story.users.order_by("pk")[:20])
    change = draft(staff, story, [one.object_id for one in people], Wish(products={sku("POWER_BI_PRO"): ALL}))
    page = text(staff_client, change, q=people[3].user_principal_name)
    assert people[3].display_name in page
    assert people[4].display_name not in page
    assert "No user of this change matches." in text(staff_client, change, q="nobody at all")


def test_an_unknown_button_changes_nothing(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    change = draft(staff, story, WANT_E5, Wish(products={sku("SPE_E5"): ALL}))
    answer = staff_client.post(address(change), {"change": change.pk, "go": "nonsense"})
    assert answer.status_code == 422
    change.refresh_from_db()
    assert change.status == LicenseChange.Status.DRAFT


def test_what_changed_behind_a_draft_is_shown_with_whose_doing_it_was(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    people = [user_id("joiner", 2), user_id("joiner", 3)]
    change = draft(staff, story, people, Wish(products={sku("SPE_E3"): ALL}))
    assert "Changed meanwhile" not in text(staff_client, change)
    colleague = StaffUserFactory.create(display_name="Somebody Else")
    saved(colleague, story, people[:1], Wish(products={sku("POWER_BI_PRO"): ALL}))

    press(staff_client, change, "save")
    assert (change.status, Cause.DRIFT in change.causes) == (LicenseChange.Status.DRAFT, True)
    page = text(staff_client, change)
    told = page[page.index("Changed meanwhile") : page.index("What will happen")]
    name = story.users.get(object_id=people[0]).display_name
    assert [word in told for word in (name, "Power BI Pro assigned", "Somebody Else")] == [True, True, True]
    assert story.users.get(object_id=people[1]).display_name not in told
    press(staff_client, change, "save")
    assert change.status != LicenseChange.Status.DRAFT


def test_another_tab_that_plans_anew_stops_a_save(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    people = [user_id("sales", 1), user_id("sales", 2)]
    change = draft(staff, story, people, Wish(products={sku("SPE_E5"): ALL}))
    number = change.plan_number
    assert f'name="plan" value="{number}"' in text(staff_client, change)
    press(staff_client, change, "repair", repair=f"remove:{sku('STANDARDPACK')}")
    press(staff_client, change, "save", plan=number)
    assert change.status == LicenseChange.Status.DRAFT
    page = text(staff_client, change)
    assert "This draft was changed in another tab." in page
    press(staff_client, change, "save", plan=change.plan_number)
    assert change.status != LicenseChange.Status.DRAFT


def test_half_of_a_swap_is_no_repair(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    now = timezone.now()
    RefusalSeen.objects.create(
        customer=story,
        key="k",
        kind=FailureKind.NOT_USER_SKU.value,
        combination={"given": [sku("SPE_E5")]},
        skus=[sku("SPE_E5")],
        first_seen=now,
        last_seen=now,
    )
    code = f'value="without:{sku("SPE_E5")}"'
    both = Wish(products={sku("SPE_E5"): ALL, sku("POWER_BI_PRO"): ALL})
    assert code in text(staff_client, draft(staff, story, WANT_E5[:2], both))
    swap = Wish(products={sku("SPE_E5"): ALL, sku("STANDARDPACK"): NONE})
    page = text(staff_client, draft(staff, story, [user_id("sales", 1)], swap))
    assert "Microsoft refused this here before" in page
    assert code not in page


def test_a_colleague_who_had_licenses_reprocessed_is_named(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    people = [user_id("joiner", 2), user_id("joiner", 3)]
    change = draft(staff, story, people, Wish(products={sku("SPE_E3"): ALL}))
    saved(staff, story, people, Wish(products={sku("POWER_BI_PRO"): ALL}))
    events = LicenseEvent.objects.filter(object_id__in=people)
    events.update(change=None)
    colleague = StaffUserFactory.create(display_name="Somebody Else")
    events.filter(object_id=people[0]).update(staff=colleague)

    press(staff_client, change, "save")
    page = text(staff_client, change)
    told = page[page.index("Changed meanwhile") : page.index("What will happen")]
    assert "Somebody Else, reprocessed" in told
    assert told.count("outside this portal, seen by sync") == 1


def test_a_ticket_is_entered_in_review(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    change = draft(staff, story, WANT_E5[:1], Wish(products={sku("SPE_E5"): ALL}))
    long = staff_client.post(address(change), {"change": change.pk, "go": "save", "reference": "x" * 201})
    assert (long.status_code, "At most 200 characters" in long.content.decode()) == (422, True)
    press(staff_client, change, "save", reference=" INC-7 ")
    assert (change.status == LicenseChange.Status.DRAFT, change.reference) == (False, "INC-7")


def test_a_save_without_the_field_keeps_the_ticket(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    change = draft(staff, story, WANT_E5[:1], Wish(products={sku("SPE_E5"): ALL}))
    LicenseChange.objects.filter(pk=change.pk).update(reference="INC-8")
    assert press(staff_client, change, "save").reference == "INC-8"


def test_a_short_product_can_be_left_out_for_the_rest(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    story.entitlements.filter(product__part_number="POWER_BI_PRO").update(enabled=0, warning=0)
    change = draft(staff, story, WANT_E5[:2], Wish(products={sku("SPE_E5"): ALL, sku("POWER_BI_PRO"): ALL}))
    assert in_change(change, State.PENDING) == set()
    code = f"without:{sku('POWER_BI_PRO')}"
    assert f'value="{code}"' in text(staff_client, change)
    press(staff_client, change, "repair", repair=code)
    assert in_change(change, State.PENDING) == set(WANT_E5[:2])

    alone = draft(staff, story, WANT_E5[:2], Wish(products={sku("POWER_BI_PRO"): ALL}))
    assert code not in text(staff_client, alone)
