"""Look up at Microsoft: whom a list names and the portal has not read yet, and what happens when nobody answers."""

import re
from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from customers.models import Customer, DirectoryUser
from customers.views.from_list import MAX_LOOKED_UP
from licenses.models import Holding, LicenseEvent
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.catalog import sku_id
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.integration.list_page import address_of, arrivals, box_of, page_of
from tests.integration.test_rounds import asked, behind_our_back

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def post(staff_client: Client, story: Customer) -> Callable[..., HttpResponse]:
    """Post a text as the page's form does, by "Look up at Microsoft" unless told otherwise."""

    def send(text: str, go: str = "lookup", **more: object) -> HttpResponse:
        data = {"lines": text, "go": go, **more}
        return staff_client.post(address_of(story), data)  # type: ignore[return-value]

    return send


@pytest.fixture
def arrived(staff: StaffUser, story: Customer) -> Callable[[], list[str]]:
    """Tell the sign-in names of the selected users in their order of arrival."""
    return arrivals(staff, story, "user_principal_name")


def _problems(response: HttpResponse) -> list[str]:
    return re.findall(r"<li>(Line [^<]+)</li>", page_of(response))


def _new(story: Customer, upn: str, **fields: object) -> str:
    """Make a user at Microsoft whom the portal has not read; return the object id."""
    body = {"displayName": upn.partition("@")[0], "userPrincipalName": upn, **fields}
    return str(behind_our_back("POST", story, "users", body)["id"])


OFFER = 'name="go" value="lookup"'


def test_it_is_offered_for_lines_that_name_somebody_unknown(
    story: Customer, post: Callable[..., HttpResponse], staff_client: Client
) -> None:
    known = story.users.all()[0].user_principal_name
    assert OFFER not in staff_client.get(address_of(story)).content.decode()
    assert OFFER in page_of(post(f"new@x.test\n{known}", go=""))
    assert OFFER not in page_of(post(f"no address\n{known}\n{known}", go=""))


def test_new_users_are_read_stored_with_their_licences_and_selected(
    sandbox: Sandbox, story: Customer, post: Callable[..., HttpResponse], arrived: Callable[[], list[str]]
) -> None:
    by_name = _new(story, "new@x.test")
    by_mail = _new(story, "second@x.test", mail="Second.Mail@x.test")
    by_other = _new(story, "third@x.test", proxyAddresses=["smtp:maiden.name@x.test"])
    by_id = _new(story, "fourth@x.test")
    licence = [{"skuId": sku_id("POWER_BI_PRO"), "disabledPlans": []}]
    behind_our_back("PATCH", story, f"users/{by_name}", {"assignedLicenses": licence})
    known = story.users.all()[0].user_principal_name
    sandbox.journal.clear()

    response = post(f"NEW@x.test\nsecond.mail@x.test\n{known}\nMaiden.Name@x.test\n{by_id}")

    assert response.status_code == 303
    assert arrived() == ["new@x.test", "second@x.test", known, "third@x.test", "fourth@x.test"]
    assert Holding.objects.filter(user__object_id=by_name).count() == 1
    assert set(DirectoryUser.objects.of(story).values_list("object_id", flat=True)) >= {by_mail, by_other}
    # As a round would tell it.
    assert LicenseEvent.objects.filter(object_id=by_name).count() == 1
    # Three questions for addresses and one for ids.
    assert asked(sandbox)["POST /graph/v1.0/$batch"] == 4


def test_whom_microsoft_does_not_know_either_stays_in_the_box_and_is_said(
    story: Customer, post: Callable[..., HttpResponse], arrived: Callable[[], list[str]]
) -> None:
    _new(story, "new@x.test")
    nowhere = "00000000-0000-4000-8000-000000000000"

    response = post(f"no address\nnobody@x.test\n{nowhere}\nnew@x.test")

    assert response.status_code == 200
    assert _problems(response) == [
        "Line 1: no sign-in name, mail address or object ID in this line",
        "Line 2: no user has “nobody@x.test”, not at Microsoft either",
        f"Line 3: no user has “{nowhere}”, not at Microsoft either",
    ]
    assert box_of(response) == ["no address", "nobody@x.test", nowhere]
    assert OFFER not in page_of(response)
    assert arrived() == ["new@x.test"]


def test_a_deleted_user_who_was_restored_comes_back(
    story: Customer, post: Callable[..., HttpResponse], arrived: Callable[[], list[str]]
) -> None:
    user = story.users.get(object_id=user_id("joiner", 1))
    DirectoryUser.objects.filter(pk=user.pk).update(deleted_at=timezone.now())

    assert post(user.user_principal_name).status_code == 303
    assert arrived() == [user.user_principal_name]


def test_an_address_of_two_users_at_microsoft_is_ambiguous(
    story: Customer, post: Callable[..., HttpResponse], arrived: Callable[[], list[str]]
) -> None:
    _new(story, "one@x.test", mail="both@x.test")
    _new(story, "two@x.test", mail="both@x.test")

    response = post("both@x.test")

    assert response.status_code == 422
    assert "2 users have “both@x.test” as sign-in name or mail" in page_of(response)
    assert arrived() == []


def test_another_customers_users_are_not_asked_for(
    sandbox: Sandbox, story: Customer, post: Callable[..., HttpResponse]
) -> None:
    other = sandbox.tenant(next(tenant for tenant in sandbox.tenants if tenant != story.tenant_id))
    assert other is not None
    assert post(next(iter(other.users.values())).upn).status_code == 422
    assert story.users.count() == 137


@pytest.mark.parametrize("status", [403, 503])
def test_when_microsoft_does_not_answer_nothing_is_lost(
    status: int,
    sandbox: Sandbox,
    story: Customer,
    post: Callable[..., HttpResponse],
    arrived: Callable[[], list[str]],
) -> None:
    known = story.users.all()[0].user_principal_name
    # Longer than a page waits for it.
    sandbox.faults.add({"match": "POST /graph/v1.0/$batch", "status": status, "headers": {"Retry-After": "60"}})

    response = post(f"{known}\nnew@x.test")

    assert response.status_code == 200
    assert "Microsoft did not answer. Nobody was looked up; the lines stay in the box." in page_of(response)
    assert box_of(response) == ["new@x.test"]
    assert OFFER in page_of(response)
    assert arrived() == [known]
    sandbox.faults.add({"match": "POST /graph/v1.0/$batch", "status": status, "headers": {"Retry-After": "60"}})
    again = post("new@x.test\nno address")
    assert again.status_code == 422
    assert box_of(again) == ["new@x.test", "no address"]


def test_the_index_of_other_addresses_may_lag_and_can_be_asked_again(
    make_sandbox: Callable[..., Sandbox], sandbox: Sandbox, story: Customer, post: Callable[..., HttpResponse]
) -> None:
    tenant = sandbox.tenant(story.tenant_id)
    assert tenant is not None
    tenant.index_lag = 60
    user_id = _new(story, "new@x.test", proxyAddresses=["smtp:maiden.name@x.test"])
    # What the control room makes is in the index at once; this one's index has not come round to it.
    user = tenant.users.pop(user_id)
    tenant.before_change(user_id)
    tenant.users[user_id] = user
    assert post("maiden.name@x.test").status_code == 422
    tenant.forget_lags()
    assert post("maiden.name@x.test").status_code == 303


def test_more_lines_than_are_looked_up_at_once_are_asked_for_in_turn(
    story: Customer, post: Callable[..., HttpResponse], arrived: Callable[[], list[str]]
) -> None:
    _new(story, "new@x.test")
    nobody = [f"n{number}@x.test" for number in range(MAX_LOOKED_UP)]

    response = post("\n".join([*nobody, "new@x.test", "n301@x.test"]))

    assert response.status_code == 422
    assert "300 lines were looked up at Microsoft; 2 more can be looked up now." in page_of(response)
    assert box_of(response)[:3] == ["new@x.test", "n301@x.test", "n0@x.test"]
    assert OFFER in page_of(response)
    left = post("\n".join(box_of(response)))
    assert left.status_code == 200
    assert arrived() == ["new@x.test"]


def test_an_address_that_no_directory_can_hold_is_not_sent(
    sandbox: Sandbox, story: Customer, post: Callable[..., HttpResponse]
) -> None:
    sandbox.journal.clear()
    assert post("x" * 400 + "@x.test").status_code == 422
    assert asked(sandbox) == {}


def test_a_customer_who_was_never_read_gets_no_history_of_it(
    sandbox: Sandbox, story: Customer, post: Callable[..., HttpResponse]
) -> None:
    Customer.objects.filter(pk=story.pk).update(synced_at=None)
    new = _new(story, "new@x.test")
    licence = [{"skuId": sku_id("POWER_BI_PRO"), "disabledPlans": []}]
    behind_our_back("PATCH", story, f"users/{new}", {"assignedLicenses": licence})
    assert post("new@x.test").status_code == 303
    assert not LicenseEvent.objects.filter(object_id=new).exists()
