"""Two tabs on one selection: a save that nobody watches starts only for the users that its form showed."""

from collections.abc import Callable

import pytest
from django.test import Client

from customers import selection as selections
from customers.models import Customer
from licenses.core.diff import Wish
from licenses.core.planning import Cause
from licenses.models import LicenseChange
from licenses.services import save
from licensing_portal.staff.models import StaffUser
from tests.integration.meanwhile import meanwhile
from tests.integration.saving import ALL, draft, pks, sku
from tests.integration.test_manage import JOINERS, form, post, product, select

pytestmark = pytest.mark.django_db

Status = LicenseChange.Status


@pytest.fixture
def tab(story: Customer, staff: StaffUser) -> Callable[[], LicenseChange]:
    """Give a maker of drafts for one selection: each is the save of a tab, and nothing speaks against it."""
    selection = select(staff, story, JOINERS)
    wish = Wish(products={sku("SPE_E3"): ALL})
    return lambda: draft(staff, story, None, wish, counter=selection.counter, starts_itself=True)


def _other_tab(staff: StaffUser, customer: Customer, object_id: str) -> None:
    selections.add(selections.get(staff, customer), pks(customer, [object_id]))


@pytest.mark.parametrize(
    "statement",
    ['FROM "licenses_entitlementplan"', 'AS "a" FROM "customers_directoryuser"'],
)
def test_a_user_ticked_in_another_tab_meanwhile_opens_review(
    statement: str, story: Customer, staff: StaffUser, staff_client: Client
) -> None:
    select(staff, story, JOINERS[:2])
    data = form(staff, story, **{product("SPE_E3"): "all"})

    # The view has read the selection and its counter by then.
    with meanwhile(statement, lambda: _other_tab(staff, story, JOINERS[3])):
        post(staff_client, story, data)

    change = LicenseChange.objects.get()
    assert (change.status, change.causes, change.total) == (Status.DRAFT, [Cause.SELECTION_CHANGED.value], 3)


def test_the_second_of_two_tabs_does_not_start_itself(tab: Callable[[], LicenseChange]) -> None:
    first, second = tab(), tab()
    assert first.causes == second.causes == []

    assert save.start(first, unattended=True).status == Status.QUEUED
    second = save.start(second, unattended=True)

    second.refresh_from_db()
    assert (second.status, second.causes) == (Status.DRAFT, [Cause.SELECTION_CHANGED.value])
    # Review has said it, and somebody wants it all the same.
    assert save.start(second, key="of-review").status == Status.QUEUED


def test_a_large_save_does_not_start_itself_when_the_selection_changed_before_its_turn(
    tab: Callable[[], LicenseChange], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(save, "PLANNED_IN_REQUEST", 2)
    first, second = tab(), tab()
    for change in (first, second):
        save.plan_stored(change.pk)
        change.refresh_from_db()

    assert (first.status, first.causes) == (Status.QUEUED, [])
    assert (second.status, second.causes) == (Status.DRAFT, [Cause.SELECTION_CHANGED.value])
    assert second.user_changes.count() == len(JOINERS)
