"""Fixtures for all tests: catalogues compiled, the sandbox in process, people and a client for each."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from hypothesis import settings as hypothesis_settings

from customers.models import Customer
from licensing_portal.catalogue import compile_all
from licensing_portal.environment import LOOPBACK_HOSTS
from licensing_portal.sandbox import Sandbox, SandboxOptions
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role
from tests import sandbox_session, story_rows
from tests.factories import StaffUserFactory

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
# Shared machines stall now and then; in CI the same examples run every time.
hypothesis_settings.register_profile("portal", deadline=None, derandomize=IN_CI)
hypothesis_settings.load_profile("portal")


def pytest_configure(config: pytest.Config) -> None:
    """Put the sandbox behind the gateways, and SQLite into a file that server threads and workers can share."""
    settings.GATEWAY_SESSION_FACTORY = "tests.sandbox_session.new_session"
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(Path(os.environ["VAR_DIR"]) / "test.sqlite3")
    # Each test's client starts the portal anew: the static folder is looked up when asked for, not read each time.
    settings.WHITENOISE_AUTOREFRESH = True
    sys.addaudithook(_refuse_network)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what concerns the other database alone and, unless asked to be thorough, what only repeats tests."""
    is_sqlite, is_thorough = config.getoption("database") == "sqlite", config.getoption("thorough")
    markers = ["postgres" if is_sqlite else "sqlite"]
    if not is_thorough:
        markers += ["thorough"] if is_sqlite else ["thorough", "one_database"]
    left_out = {item for item in items if any(map(item.get_closest_marker, markers))}
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]


def _refuse_network(event: str, args: tuple[Any, ...]) -> None:
    """Let tests reach this machine alone."""
    if event == "socket.connect" and isinstance(args[1], tuple) and str(args[1][0]) not in LOOPBACK_HOSTS:
        raise RuntimeError(f"a test wanted to connect to {args[1][0]}")


@pytest.fixture(scope="session", autouse=True)
def catalogues() -> None:
    """Compile the message catalogues, so that pages speak Japanese."""
    compile_all()


@pytest.fixture
def make_sandbox() -> Callable[..., Sandbox]:
    """Give a maker of sandboxes (SandboxOptions' fields); the last one made answers the gateways."""

    def make(**options: Any) -> Sandbox:
        calm = {"customers": 3, "writes_per_second": 0, "consumed_lag_seconds": 0, "index_lag_seconds": 0}
        sandbox = Sandbox(SandboxOptions(**{**calm, **options}))
        sandbox_session.use(sandbox)
        return sandbox

    return make


@pytest.fixture
def sandbox(make_sandbox: Callable[..., Sandbox]) -> Sandbox:
    """The stand-in for Microsoft: the story (137 users) and two more customers, without limits and lags."""
    return make_sandbox()


@pytest.fixture
def story(sandbox: Sandbox, db: None) -> Customer:
    """コントソ商事 as the first sync stores it; the other customers are listed, not read."""
    return story_rows.fill(sandbox.story_tenant_id)


@pytest.fixture
def staff(db: None) -> StaffUser:
    """A global admin: sees every customer and may do everything."""
    return StaffUserFactory.create(roles=[Role.GLOBAL_ADMIN.value])


@pytest.fixture
def sign_in() -> Callable[[StaffUser], Client]:
    """Give a client that is signed in as somebody."""

    def client_of(person: StaffUser) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return client_of


@pytest.fixture
def staff_client(staff: StaffUser, sign_in: Callable[[StaffUser], Client]) -> Client:
    """A client signed in as the global admin."""
    return sign_in(staff)
