"""Settings of the test run, set before Django reads them (a pytest plugin, loaded by addopts)."""

import os
import tempfile
from pathlib import Path

import pytest

from licensing_portal.sandbox import PARTNER_TENANT_ID

SANDBOX = "http://sandbox.test"

# What a developer's shell holds must not reach the tests.
for _name in ("DATABASE_URL", "GATEWAY_STATIC_TOKEN", "GATEWAY_STATIC_TENANT", "DEBUG", "LANGUAGE_CODE"):
    os.environ.pop(_name, None)
os.environ.update(
    {
        "SECRET_KEY": "tests",
        "DEMO": "1",
        "ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
        "GRAPH_BASE_URL": f"{SANDBOX}/graph/v1.0",
        "ENTRA_AUTHORITY": f"{SANDBOX}/entra",
        "ENTRA_TENANT_ID": PARTNER_TENANT_ID,
        "ENTRA_CLIENT_ID": "tests",
        "ENTRA_CLIENT_SECRET": "tests",
        "TIME_ZONE": "Asia/Tokyo",
        # One call at once keeps the pump in the test's own thread and transaction.
        "CALLS_AT_ONCE": "1",
        "WRITES_PER_SECOND": "0",
        "LOG_LEVEL": "WARNING",
        # Playwright's synchronous API runs an event loop in the test's thread.
        "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
        "VAR_DIR": tempfile.mkdtemp(prefix="licensing-portal-tests-"),
    }
)


# How a worker of xdist learns which database the main process has started.
_DATABASE = "LICENSING_PORTAL_TEST_DATABASE"
if _DATABASE in os.environ:
    os.environ["DATABASE_URL"] = os.environ[_DATABASE]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice of the database, and of how much is repeated."""
    parser.addoption("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.addoption("--thorough", action="store_true", help="also what repeats tests: more widths, the other database")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Start PostgreSQL if asked for, before Django's settings are read."""
    if early_config.known_args_namespace.database != "postgres" or _DATABASE in os.environ:
        return
    url = os.environ.get("TEST_DATABASE_URL")
    if url is None:
        from tests import postgres

        server = postgres.start()
        early_config.add_cleanup(server.stop)
        url = server.url
    os.environ[_DATABASE] = os.environ["DATABASE_URL"] = url


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the folder of this run."""
    folder = Path(os.environ["VAR_DIR"])
    for file in sorted(folder.rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    folder.rmdir()
