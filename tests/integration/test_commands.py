"""Commands: what they refuse, and how they speak of one failing customer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from customers.models import Customer
from licensing_portal.sandbox import Sandbox

MANAGE = Path(settings.BASE_DIR) / "manage.py"


def test_the_demo_is_served_on_this_machine_only() -> None:
    with pytest.raises(CommandError, match="this machine only"):
        call_command("serve", "--host", "0.0.0.0", "--workers", "0")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"SECRET_KEY": "", "DEMO": "0"}, "SECRET_KEY is not set"),
        ({"DEMO": "perhaps"}, "DEMO must be 1 or 0"),
        ({"WRITES_PER_SECOND": "many"}, "WRITES_PER_SECOND must be a number"),
        ({"CALLS_AT_ONCE": "0"}, "CALLS_AT_ONCE must be at least 1"),
        ({"DATABASE_URL": "mysql://x/y"}, "SQLite or PostgreSQL"),
        ({"GRAPH_BASE_URL": "http://graph.example/v1.0"}, "must use https outside this machine"),
        ({"GRAPH_BASE_URL": "https://graph.microsoft.com/v1.0"}, "a stand-in on this machine only"),
        ({"GATEWAY_STATIC_TOKEN": "x"}, "belong together"),
        ({"DIRECTORY_BACKEND": "carrier-pigeon"}, "DIRECTORY_BACKEND must be one of"),
        ({"SECRET_KEY_FILE": "/nowhere/key"}, "cannot be read"),
    ],
)
@pytest.mark.one_database
def test_a_bad_setting_stops_the_start_with_a_sentence(changes: dict[str, str], words: str) -> None:
    environment = {**os.environ, **changes}
    done = subprocess.run([sys.executable, str(MANAGE), "check"], env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert words in done.stderr


@pytest.mark.django_db
@pytest.mark.one_database
def test_one_failing_customer_does_not_stop_the_others(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    tenant = sandbox.tenant(sandbox.tenants[2])
    assert tenant is not None
    # The list still calls the relationship active, but every call is refused.
    sandbox.faults.add({"match": "GET /graph/v1.0/subscribedSkus", "status": 403})
    with pytest.raises(CommandError, match="1 customers could not be read"):
        call_command("sync")
    assert Customer.objects.filter(sync_error="").count() == 2
    assert Customer.objects.exclude(synced_at=None).count() == 2
    call_command("sync", "--customer", sandbox.story_tenant_id.upper())
    assert "コントソ商事: 137 users, 0 deleted" in capsys.readouterr().out


@pytest.mark.django_db
def test_an_unknown_customer_is_named(sandbox: Sandbox) -> None:
    with pytest.raises(CommandError, match="there is no customer nobody"):
        call_command("sync", "--customer", "nobody")


@pytest.mark.django_db
@pytest.mark.one_database
def test_an_ended_relationship_is_passed_over(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    tenant = sandbox.tenant(sandbox.story_tenant_id)
    assert tenant is not None
    tenant.relationship = "terminated"
    call_command("sync")
    assert "コントソ商事: skipped, the relationship is terminated" in capsys.readouterr().out
    assert not Customer.objects.get(tenant_id=sandbox.story_tenant_id).is_reachable


@pytest.mark.django_db
def test_customers_without_a_listed_relationship_are_read(sandbox: Sandbox) -> None:
    relationships = "GET /graph/v1.0/tenantRelationships/delegatedAdminRelationships*"
    sandbox.faults.add({"match": relationships, "times": 9, "status": 200, "body": {"value": []}})
    call_command("sync", "--customer", sandbox.story_tenant_id)
    story = Customer.objects.get(tenant_id=sandbox.story_tenant_id)
    assert (story.relationship, story.users.count()) == ("none", 137)
