"""Manage licenses starts from another user's licences: boxes are filled, nothing is saved."""

import html
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer, DirectoryUser
from customers.one_user import find_one
from licenses.models import Entitlement, LicenseChange, ServicePlan, UserChange
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests.factories import DirectoryUserFactory, StaffUserFactory
from tests.integration.saving import pumped, sku
from tests.integration.test_manage import JOINERS, form, page_of, product, select
from tests.integration.test_review_back import chosen

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

# E1 directly with Teams off, and Entra ID P2 by the group セキュリティ強化.
SALES_4 = user_id("sales", 4)
JOINER_1 = user_id("joiner", 1)


def plan(part_number: str, name: str) -> str:
    """Return the name of a plan's field."""
    return f"plan-{sku(part_number)}-{ServicePlan.objects.get(name=name).plan_id}"


def address_of(user: DirectoryUser | str) -> str:
    """Return somebody's sign-in name."""
    found = user if isinstance(user, DirectoryUser) else DirectoryUser.objects.get(object_id=user)
    return found.user_principal_name


def words(page: str, start: str = 'class="msg filled') -> str:
    """Return the words of the note that says what was filled in."""
    assert start in page
    part = page.split(start, 1)[1].split("</div></div>", 1)[0].partition(">")[2]
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", part).split()))


def chosen_boxes(page: str) -> dict[str, str]:
    """Return what a browser would post of the boxes of a page."""
    return {name: chosen(page, name) for name in re.findall(r'name="((?:product|plan)-[^"]+)"', page)}


@pytest.fixture
def copy(story: Customer, staff: StaffUser, staff_client: Client) -> Callable[..., tuple[int, str]]:
    """Press "Copy licenses" for these users; return status and page."""

    def press(typed: str, users: list[str] | None = None, **fields: str) -> tuple[int, str]:
        select(staff, story, JOINERS if users is None else users)
        data = form(staff, story, **fields) | {"go": "copy", "from": typed}
        answer = staff_client.post(page_of(story), data)
        return answer.status_code, answer.content.decode()

    return press


def test_copy_fills_the_boxes_with_products_and_plans_and_saves_nothing(copy: Callable[..., tuple[int, str]]) -> None:
    status, page = copy(address_of(SALES_4))

    assert status == 200
    assert chosen(page, product("STANDARDPACK")) == "all"
    assert chosen(page, plan("STANDARDPACK", "TEAMS1")) == "none"
    assert chosen(page, plan("STANDARDPACK", "SHAREPOINTSTANDARD")) == "keep"
    assert chosen(page, product("AAD_PREMIUM_P2")) == "all"
    assert chosen(page, product("SPE_E3")) == "keep"
    said = words(page)
    assert "Office 365 E1 with 1 plan off (Microsoft Teams), Microsoft Entra ID P2" in said
    assert "From a group there, to be assigned directly here: Microsoft Entra ID P2" in said
    assert "nothing is saved yet" in said
    assert not LicenseChange.objects.exists()


def test_what_was_filled_in_is_saved_like_what_is_ticked(
    story: Customer, staff: StaffUser, staff_client: Client, copy: Callable[..., tuple[int, str]], sandbox: Sandbox
) -> None:
    _status, page = copy(address_of(SALES_4), users=JOINERS[:2])
    answer = staff_client.post(page_of(story), form(staff, story, **chosen_boxes(page)) | {"go": "review"})
    change = LicenseChange.objects.get(pk=answer["Location"].rpartition("=")[2])
    # A plan that is off makes Review ask.
    assert change.status == LicenseChange.Status.DRAFT
    staff_client.post(answer["Location"], {"change": str(change.pk), "key": "k" * 32, "go": "save"})
    change.refresh_from_db()
    assert set(pumped(change).user_changes.values_list("state", flat=True)) == {UserChange.State.UPDATED}
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    for object_id in JOINERS[:2]:
        direct = {sku_id: off for sku_id, (off, _since) in tenant.users[object_id].direct.items()}
        assert direct == {
            sku("STANDARDPACK"): {ServicePlan.objects.get(name="TEAMS1").plan_id},
            sku("AAD_PREMIUM_P2"): frozenset(),
        }


def test_the_summary_shows_the_figures_of_what_was_filled_in(
    story: Customer, staff: StaffUser, staff_client: Client, copy: Callable[..., tuple[int, str]]
) -> None:
    _status, page = copy(address_of(SALES_4))
    place = reverse("licenses:manage-summary", args=[story.tenant_id])
    summary = staff_client.post(place, form(staff, story, **chosen_boxes(page))).content.decode()
    # Four joiners and three free seats: applied, and shown as short.
    assert re.search(r"Office 365 E1 · .*1 short", " ".join(re.sub(r"<[^>]+>", " ", summary).split()))


def test_what_was_ticked_before_stays_unless_the_copy_touches_it(copy: Callable[..., tuple[int, str]]) -> None:
    ticked = {product("SPE_E5"): "all", product("STANDARDPACK"): "none", "location": "DE", "reference": "INC-7"}
    _status, page = copy(address_of(SALES_4), **ticked)
    assert chosen(page, product("SPE_E5")) == "all"
    assert chosen(page, product("STANDARDPACK")) == "all"
    assert chosen(page, "location") == "DE"
    assert 'value="INC-7"' in page


def test_filled_rows_come_first_marked_and_with_their_plans_folded(copy: Callable[..., tuple[int, str]]) -> None:
    _status, page = copy(address_of(SALES_4))
    rows = re.findall(r'<tr id="row-([^"]+)" class="(\w*)".*?<details( open)?>', page, re.DOTALL)
    assert [row[1:] for row in rows[:2]] == [("changed", "")] * 2
    assert {row[0] for row in rows[:2]} == {sku("STANDARDPACK"), sku("AAD_PREMIUM_P2")}
    assert {row[1] for row in rows[2:]} == {""}


def test_what_all_selected_users_have_is_said_and_not_marked(copy: Callable[..., tuple[int, str]]) -> None:
    others = [user_id("sales", number) for number in (1, 2)]
    _status, page = copy(address_of(SALES_4), users=others)
    assert chosen(page, product("STANDARDPACK")) == "keep"
    assert chosen(page, plan("STANDARDPACK", "TEAMS1")) == "none"
    said = words(page)
    assert "All selected users have it already: Office 365 E1" in said
    # Both have it by the group: there is no box to fill.
    assert "Left out, a group gives it to all selected users: Microsoft Entra ID P2" in said


def test_a_plan_that_somebody_has_off_is_switched_on_when_the_other_user_has_it_on(
    copy: Callable[..., tuple[int, str]],
) -> None:
    _status, page = copy(address_of(user_id("sales", 1)), users=[SALES_4, user_id("sales", 2)])
    assert chosen(page, plan("STANDARDPACK", "TEAMS1")) == "all"
    assert chosen(page, plan("STANDARDPACK", "SHAREPOINTSTANDARD")) == "keep"


def test_only_on_request_others_licenses_are_set_to_be_unassigned(
    story: Customer, staff: StaffUser, staff_client: Client, copy: Callable[..., tuple[int, str]]
) -> None:
    users = [user_id("sales", 6), JOINERS[0]]
    _status, page = copy(address_of(user_id("sales", 1)), users=users)
    assert chosen(page, product("POWER_BI_PRO")) == "keep"

    _status, page = copy(address_of(user_id("sales", 1)), users=users, also_unassign="1")
    assert chosen(page, product("POWER_BI_PRO")) == "none"
    assert chosen(page, product("STANDARDPACK")) == "all"
    assert "To be unassigned: Power BI Pro" in words(page)
    # The box is for one copy, not for the next.
    assert re.search(r'name="also_unassign" value="1" autocomplete', page)
    answer = staff_client.post(page_of(story), form(staff, story, **chosen_boxes(page)) | {"go": "save"})
    assert "/licenses/review/" in answer["Location"]


def test_the_user_may_be_named_in_many_ways(story: Customer) -> None:
    user = story.users.get(object_id=SALES_4)
    for typed in (
        user.user_principal_name.upper(),
        f" {user.mail} ",
        user.object_id.upper(),
        user.user_principal_name.replace("@", "＠"),
        f"{user.display_name} <{user.mail}>",
        user.display_name,
    ):
        assert find_one(story, typed).user == user


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Name a user."),
        ("nobody@nowhere.example", "No user has the name, sign-in name, mail address or object ID"),
        ("00000000-0000-4000-8000-000000000000", "No user has the name"),
        ("営業部", "users match “営業部”. Type a whole sign-in name, for example of "),
    ],
)
def test_a_text_that_means_nobody_is_refused_with_a_sentence_and_nothing_is_lost(
    copy: Callable[..., tuple[int, str]], typed: str, sentence: str
) -> None:
    status, page = copy(typed, **{product("SPE_E5"): "all", "also_unassign": "1"})
    assert status == 422
    assert sentence in html.unescape(page)
    assert re.search(rf'id="f-from"[^>]* value="{typed}"[^>]*aria-invalid="true" aria-describedby="from-error"', page)
    assert chosen(page, product("SPE_E5")) == "all"
    assert 'name="also_unassign" value="1" checked' in page
    assert ('<datalist id="meant">' in page) is (typed == "営業部")


def test_two_users_of_one_name_are_told_apart_by_their_sign_in_names(
    story: Customer, copy: Callable[..., tuple[int, str]]
) -> None:
    twins = [DirectoryUserFactory.create(customer=story, display_name="双子 一郎") for _ in range(2)]
    status, page = copy("双子一郎")
    assert status == 422
    for twin in twins:
        assert f'<option value="{twin.user_principal_name}">双子 一郎</option>' in page


def test_a_text_that_means_very_many_is_answered_without_reading_them_all(story: Customer) -> None:
    DirectoryUserFactory.create_batch(201, customer=story, display_name="大勢 太郎")
    assert find_one(story, "大勢").reason == "More than 200 users match “大勢”. Type a whole sign-in name."


def test_a_whole_name_means_one_user_though_others_names_hold_it(story: Customer) -> None:
    user = story.users.get(object_id=SALES_4)
    DirectoryUserFactory.create(customer=story, display_name=f"{user.display_name}子")
    assert find_one(story, user.display_name).user == user


def test_a_whole_sign_in_name_means_one_user_though_another_one_ends_with_it(story: Customer) -> None:
    user = story.users.get(object_id=SALES_4)
    DirectoryUserFactory.create(customer=story, user_principal_name=f"x{user.user_principal_name}")
    assert find_one(story, user.user_principal_name).user == user


def test_a_part_of_an_address_or_a_department_means_nobody_and_its_user_is_offered(story: Customer) -> None:
    user = DirectoryUserFactory.create(
        customer=story,
        display_name="羽朴 善三",
        user_principal_name="zenzo.hapax@contoso.example",
        mail="zenzo.hapax@contoso.example",
        department="秘書室",
    )
    for typed in ("enzo.hapax@contoso.example", "zenzo.hapax@contoso.exampl", "enzo.hapax@", "秘書室"):
        meant = find_one(story, typed)
        assert (meant.user, meant.candidates) == (None, (user,))
        assert meant.reason == (
            f"No user is called “{typed}”. If you mean 羽朴 善三 (zenzo.hapax@contoso.example), type that sign-in name."
        )
    DirectoryUserFactory.create(customer=story, display_name="hapax@contoso.example")
    assert find_one(story, "hapax@contoso.example").user is None
    for typed in ("羽朴善", "zenzo.hapax", "zenzo.hapax@contoso.example"):
        assert find_one(story, typed).user == user


def test_users_of_another_customer_and_deleted_ones_are_not_found(story: Customer) -> None:
    gone = story.users.get(object_id=SALES_4)
    gone.deleted_at = gone.read_at
    gone.save()
    for user in (DirectoryUserFactory.create(), gone):
        for typed in (user.user_principal_name, user.object_id, user.display_name):
            assert find_one(story, typed).user is None


def test_a_user_without_licenses_fills_nothing_in(copy: Callable[..., tuple[int, str]]) -> None:
    status, page = copy(address_of(JOINER_1))
    assert status == 200
    assert words(page).endswith("has no licenses. Nothing was filled in.")
    assert 'class="changed"' not in page


def test_an_odd_box_is_refused_before_anything_is_filled_in(copy: Callable[..., tuple[int, str]]) -> None:
    status, page = copy(address_of(SALES_4), **{product("SPE_E5"): "boom"})
    assert status == 422
    assert "This choice is not known" in page
    assert chosen(page, product("STANDARDPACK")) == "keep"


def test_what_is_copied_is_what_microsoft_says_now(
    sandbox: Sandbox, story: Customer, copy: Callable[..., tuple[int, str]]
) -> None:
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    tenant.users[SALES_4].direct = {sku("POWER_BI_PRO"): (frozenset(), 0)}
    _status, page = copy(address_of(SALES_4))
    assert (chosen(page, product("POWER_BI_PRO")), chosen(page, product("STANDARDPACK"))) == ("all", "keep")


def test_without_microsofts_answer_the_stored_licenses_are_copied_and_it_is_said(
    sandbox: Sandbox, story: Customer, staff_client: Client, copy: Callable[..., tuple[int, str]]
) -> None:
    sandbox.faults.add({"match": "* /graph/*", "status": 403, "times": 99})
    status, page = copy(address_of(SALES_4))
    assert (status, chosen(page, product("STANDARDPACK"))) == (200, "all")
    assert page.count("Microsoft did not answer") == 1
    page = staff_client.get(f"{page_of(story)}?from={SALES_4}").content.decode()
    assert page.count("Microsoft did not answer") == 1


def test_a_product_that_cannot_be_given_is_left_out_by_name(
    sandbox: Sandbox, story: Customer, copy: Callable[..., tuple[int, str]]
) -> None:
    sandbox.faults.add({"match": "* /graph/*", "status": 403, "times": 99})
    owned = Entitlement.objects.filter(customer=story)
    owned.filter(product__part_number="STANDARDPACK").delete()
    _status, page = copy(address_of(SALES_4))
    assert "Left out, コントソ商事 does not own it: Office 365 E1" in words(page)
    owned.filter(product__part_number="AAD_PREMIUM_P2").update(capability_status="Suspended")
    _status, page = copy(address_of(SALES_4))
    assert "Left out, cannot be assigned now: Microsoft Entra ID P2" in words(page)
    assert "Nothing that" in words(page)


def test_the_address_fills_the_form_too(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, story, [user_id("sales", 6)])
    for query, removed in (("", "keep"), ("&also_unassign=1", "none"), ("&also_unassign=2", "keep")):
        page = staff_client.get(f"{page_of(story)}?from={SALES_4.upper()}{query}").content.decode()
        assert chosen(page, plan("STANDARDPACK", "TEAMS1")) == "none"
        assert chosen(page, product("POWER_BI_PRO")) == removed


def test_only_users_of_this_customer_can_be_named_in_the_address(
    story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS)
    stranger = DirectoryUserFactory.create()
    for odd in ("", "x", "%00", stranger.object_id, "00000000-0000-4000-8000-000000000000"):
        assert staff_client.get(f"{page_of(story)}?from={odd}").status_code == 404
    select(staff, story, [])
    assert staff_client.get(f"{page_of(story)}?from={stranger.object_id}").status_code == 404


def test_somebody_outside_the_scope_finds_neither_customer_nor_user(
    story: Customer, sign_in: Callable[[StaffUser], Client]
) -> None:
    stranger = sign_in(StaffUserFactory.create(roles=[Role.SALES_AGENT.value]))
    assert stranger.get(f"{page_of(story)}?from={SALES_4}").status_code == 404
    assert stranger.post(page_of(story), {"go": "copy", "from": SALES_4}).status_code == 404


def test_a_deleted_user_fills_nothing_in_and_it_is_said(
    sandbox: Sandbox, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS)
    user = story.users.get(object_id=SALES_4)
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    del tenant.users[SALES_4]
    page = staff_client.get(f"{page_of(story)}?from={SALES_4}").content.decode()
    assert f"{user.display_name} no longer exists. Nothing was filled in." in page
    assert 'class="changed"' not in page


def test_a_copy_for_nobody_leads_to_the_list(story: Customer, staff: StaffUser, staff_client: Client) -> None:
    select(staff, story, [])
    data = form(staff, story) | {"go": "copy", "from": SALES_4}
    answer = staff_client.post(page_of(story), data, follow=True)
    assert answer.redirect_chain == [(reverse("customers:users", args=[story.tenant_id]), 303)]
    assert "Nobody is selected" in answer.content.decode()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({"from": SALES_4}, "all"), ({"from": ""}, None), ({"template_name": "A"}, "keep")],
    ids=["copies", "reviews", "keeps a template"],
)
def test_enter_in_a_field_presses_the_fields_own_button(
    story: Customer, staff: StaffUser, staff_client: Client, fields: dict[str, str], expected: str | None
) -> None:
    select(staff, story, JOINERS)
    data = form(staff, story, **{product("SPE_E5"): "all"}) | fields | {"go": "enter"}
    answer = staff_client.post(page_of(story), data)
    if expected is None:
        assert "/licenses/review/" in answer["Location"]
    else:
        assert chosen(answer.content.decode(), product("STANDARDPACK")) == expected
        assert not LicenseChange.objects.exists()


def test_what_another_tab_selected_is_still_asked_about(
    story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS[:2])
    seen = form(staff, story)
    select(staff, story, [*JOINERS, user_id("sales", 1)])
    page = staff_client.post(page_of(story), seen | {"go": "copy", "from": address_of(SALES_4)}).content.decode()
    posted = {name: re.search(rf'name="{name}" value="([^"]*)"', page) for name in ("selection", "seen")}
    kept = {name: html.unescape(found[1]) for name, found in posted.items() if found}

    assert kept["selection"] == str(seen["selection"])
    assert kept["seen"][:19] == str(seen["seen"])[:19]
