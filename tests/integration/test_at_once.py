"""Several calls and several workers at once, on real transactions of both databases."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from customers import selection as selections
from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import LicenseChange, Throttle, UserChange
from licenses.services import run, save
from licenses.services.budget import Budget
from licensing_portal.sandbox import Sandbox
from licensing_portal.staff.models import StaffUser
from tests.integration.saving import ALL, at_microsoft, draft, pks, sku, states, writes
from tests.integration.test_manage import form, post, select

pytestmark = pytest.mark.django_db(transaction=True)


def everybody(story: Customer) -> list[str]:
    """Return all who can be licensed, most of whom lack the product."""
    return list(story.users.exclude(usage_location="").values_list("object_id", flat=True))


def at_once(number: int, work: Any) -> list[Any]:
    """Run the same work in several threads that start together; return what each returned or raised."""
    gate = threading.Barrier(number)
    results: list[Any] = [None] * number

    def one(index: int) -> None:
        gate.wait()
        try:
            results[index] = work()
        except Exception as error:
            results[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_four_calls_at_once_change_everybody_once(
    sandbox: Sandbox, story: Customer, staff: StaffUser, settings: Any
) -> None:
    settings.CALLS_AT_ONCE = 4
    people = everybody(story)
    change = save.start(draft(staff, story, people, Wish(products={sku("FLOW_FREE"): ALL})))
    sandbox.journal.clear()
    run.pump(str(change.pk))
    change.refresh_from_db()
    assert change.status == LicenseChange.Status.DONE
    assert set(states(change).values()) == {UserChange.State.UPDATED}
    assert set(Counter(call["user"] for call in writes(sandbox)).values()) == {1}
    assert all(sku("FLOW_FREE") in at_microsoft(sandbox, story, object_id).direct for object_id in people)


def test_two_workers_on_one_change_do_not_repeat_each_other(
    sandbox: Sandbox, story: Customer, staff: StaffUser
) -> None:
    people = everybody(story)
    change = save.start(draft(staff, story, people, Wish(products={sku("FLOW_FREE"): ALL})))
    sandbox.journal.clear()
    assert at_once(2, lambda: run.pump(str(change.pk))) == [None, None]
    run.pump(str(change.pk))
    change.refresh_from_db()
    assert change.status == LicenseChange.Status.DONE
    assert set(states(change).values()) == {UserChange.State.UPDATED}
    assert set(Counter(call["user"] for call in writes(sandbox)).values()) == {1}


def test_forty_posts_at_once_make_one_change(
    sandbox: Sandbox, story: Customer, staff: StaffUser, sign_in: Callable[[StaffUser], Client]
) -> None:
    select(staff, story, everybody(story)[:5])
    data = form(staff, story, **{f"product-{sku('FLOW_FREE')}": "all"})
    clients = [sign_in(staff) for _ in range(40)]

    def save_form() -> tuple[int, str]:
        answer = post(clients.pop(), story, data)
        return answer.status_code, answer["Location"]

    answers = set(at_once(40, save_form))
    change = LicenseChange.objects.get()
    assert answers == {(303, reverse("licenses:change", args=[change.pk]))}
    assert change.total == 5


def test_two_tabs_at_once_start_one_change(
    sandbox: Sandbox, story: Customer, staff: StaffUser, sign_in: Callable[[StaffUser], Client]
) -> None:
    people = everybody(story)[:5]
    select(staff, story, people)
    tabs = [(sign_in(staff), form(staff, story, **{f"product-{sku('FLOW_FREE')}": "all"})) for _ in range(2)]

    def save_tab() -> int:
        client, data = tabs.pop()
        return post(client, story, data).status_code

    assert at_once(2, save_tab) == [303, 303]
    begun = LicenseChange.objects.exclude(status=LicenseChange.Status.DRAFT)
    assert [change.total for change in begun] == [5]


def test_forty_takers_share_one_budget(sandbox: Sandbox, story: Customer, settings: Any) -> None:
    settings.WRITES_PER_SECOND, settings.WRITE_BURST = 0.001, 25
    Budget.of(story.tenant_id)
    granted = at_once(40, lambda: Budget(story.tenant_id, 0.001, 25).take(1))
    assert Counter(granted) == {True: 25, False: 15}
    assert Throttle.objects.get(key=story.tenant_id).tokens >= 0


def test_forty_ticks_at_once_are_all_kept(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    people = pks(story, everybody(story)[:40])
    selection = selections.get(staff, story)
    waiting = list(people)

    def tick() -> None:
        selections.add(selections.get(staff, story), [waiting.pop()])

    assert set(at_once(40, tick)) == {None}
    selection.refresh_from_db()
    assert selections.count(selection) == 40
    assert selection.counter == 40
