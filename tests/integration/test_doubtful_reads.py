"""Reads that contradict each other: nobody is lost or called deleted by one answer alone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from customers.models import Customer, DirectoryUser
from licenses.models import Holding
from licenses.services.refresh import delete_users
from licenses.services.sync import refresh_customer, sync_customer
from licensing_portal.gateways.errors import GatewayError
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from tests import story_rows
from tests.integration.test_rounds import asked, behind_our_back

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(sandbox: Sandbox, db: None) -> Customer:
    """コントソ商事 as this sandbox told it: the next round goes on from there."""
    return story_rows.read(sandbox.story_tenant_id)


_NOBODY = {"match": "GET /graph/v1.0/users", "status": 200, "body": {"value": []}, "times": 1}


def test_one_empty_answer_deletes_nobody_and_the_round_is_told_again(sandbox: Sandbox, story: Customer) -> None:
    link, who = story.delta_link, user_id("joiner", 2)
    held = Holding.objects.filter(user__object_id=who).count()
    behind_our_back("PATCH", story, f"users/{who}", {"department": "X"})
    sandbox.faults.add(_NOBODY)
    refresh_customer(story)
    user = DirectoryUser.objects.get(object_id=who)
    assert (user.deleted_at, user.department) == (None, "X")
    assert Holding.objects.filter(user=user).count() == held
    story.refresh_from_db()
    assert story.delta_link == link
    refresh_customer(story)
    story.refresh_from_db()
    assert story.delta_link != link


def test_a_new_user_whom_one_answer_leaves_out_is_not_lost(sandbox: Sandbox, story: Customer) -> None:
    new = behind_our_back("POST", story, "users", {"displayName": "新人", "userPrincipalName": "new@x.test"})
    sandbox.faults.add(_NOBODY)
    refresh_customer(story)
    assert DirectoryUser.objects.of(story).filter(object_id=new["id"]).exists()


def test_who_cannot_be_asked_for_alone_is_not_called_deleted(sandbox: Sandbox, story: Customer) -> None:
    link, who = story.delta_link, user_id("joiner", 2)
    behind_our_back("PATCH", story, f"users/{who}", {"department": "X"})
    sandbox.faults.add(_NOBODY)
    sandbox.faults.add({"match": f"GET /graph/v1.0/users/{who}", "status": 403, "times": 1})
    with pytest.raises(GatewayError):
        refresh_customer(story)
    assert DirectoryUser.objects.get(object_id=who).deleted_at is None
    story.refresh_from_db()
    assert story.delta_link == link


def test_who_is_removed_needs_no_second_question(sandbox: Sandbox, story: Customer) -> None:
    link = story.delta_link
    behind_our_back("DELETE", story, f"users/{user_id('leaver', 1)}")
    sandbox.journal.clear()
    refresh_customer(story)
    assert DirectoryUser.objects.get(object_id=user_id("leaver", 1)).deleted_at is not None
    assert "GET /graph/v1.0/users/{id}" not in asked(sandbox)
    story.refresh_from_db()
    assert story.delta_link != link


def test_a_later_answer_is_not_overruled_by_an_earlier_one(sandbox: Sandbox, story: Customer) -> None:
    user = story.users.get(object_id=user_id("joiner", 2))
    asked_at = user.read_at - timedelta(seconds=1)
    held = Holding.objects.filter(user__object_id=user_id("leaver", 1)).count()
    everybody = [user.pk, story.users.get(object_id=user_id("leaver", 1)).pk]
    delete_users(story, everybody, at=asked_at)
    assert not story.users.exclude(deleted_at=None).exists()
    assert Holding.objects.filter(user__object_id=user_id("leaver", 1)).count() == held > 0
    delete_users(story, everybody, at=timezone.now())
    assert story.users.exclude(deleted_at=None).count() == 2
    assert not Holding.objects.filter(user_id__in=everybody).exists()


def test_who_cannot_be_read_stays_as_stored(sandbox: Sandbox, story: Customer) -> None:
    """A whole list that passes a user over, and answers by id that cannot be read either."""
    odd = story.users.get(object_id=user_id("joiner", 2))
    entry = {"id": odd.object_id, "assignedLicenses": "none"}
    others = story.users.exclude(pk=odd.pk).values_list("object_id", flat=True)
    list_without = {"value": [entry, *({"id": one} for one in others)]}
    sandbox.faults.add({"match": "GET /graph/v1.0/users", "status": 200, "body": list_without, "times": 1})
    sandbox.faults.add({"match": "GET /graph/v1.0/users", "status": 200, "body": {"value": [entry]}, "times": 1})
    story.users.update(read_at=timezone.now() - timedelta(days=1))
    report = sync_customer(story)
    odd.refresh_from_db()
    assert (report.users, report.deleted, odd.deleted_at) == (136, 0, None)
    assert odd.department
