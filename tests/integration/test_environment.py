"""What the test environment promises: its own database, the sandbox behind the gateways, no network."""

import socket

import pytest
from django.conf import settings
from django.db import connection

from customers.models import Customer
from licenses.models import Holding
from licensing_portal.sandbox import Sandbox
from licensing_portal.wiring import directory_gateway


@pytest.mark.django_db
@pytest.mark.postgres
def test_postgres_compares_text_by_code_point() -> None:
    assert connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT datcollate, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"
        )
        assert cursor.fetchone() == ("C", "UTF8")


@pytest.mark.django_db
@pytest.mark.postgres
def test_postgres_plans_for_short_queries() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW random_page_cost")
        assert cursor.fetchone() == ("1.1",)


@pytest.mark.django_db
def test_database_is_the_one_that_was_asked_for(pytestconfig: pytest.Config) -> None:
    vendors = {"sqlite": "sqlite", "postgres": "postgresql"}

    assert connection.vendor == vendors[pytestconfig.getoption("database")]


def test_gateways_talk_to_the_sandbox_of_the_test(sandbox: Sandbox) -> None:
    skus = directory_gateway(sandbox.story_tenant_id).subscribed_skus()

    assert skus
    assert any(path.endswith("/subscribedSkus") for path in sandbox.journal.show()["counts"])


def test_story_is_read_whole(story: Customer) -> None:
    assert story.users.count() == 137
    assert Holding.objects.filter(customer=story).exists()


def test_no_installation_is_reachable() -> None:
    assert settings.GRAPH_BASE_URL == "http://sandbox.test/graph/v1.0"
    with socket.socket() as connecting, pytest.raises(RuntimeError, match="wanted to connect"):
        connecting.connect(("192.0.2.1", 443))
