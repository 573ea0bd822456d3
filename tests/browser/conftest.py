"""Fixtures of the browser tests: Debian's Chromium, the portal on a port, its sandbox and its worker."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from customers.demo import grant_demo_customers
from customers.models import Customer
from licensing_portal.sandbox import Sandbox, SandboxServer
from licensing_portal.staff.demo_people import PEOPLE, ensure_demo_people
from licensing_portal.staff.models import StaffUser
from tests.chromium import CHROMIUM
from tests.conftest import IN_CI

MANAGE = Path(settings.BASE_DIR) / "manage.py"
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # A request to another host fails, and so does the test that made it.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_LOCALES = {"en": "en-US", "ja": "ja-JP"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder; without a Chromium they are skipped, but never in CI."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None and not IN_CI:
                item.add_marker(pytest.mark.skip(reason="no Chromium: install chromium-headless-shell"))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium. It ends with this folder's tests: its event loop would be in the way of other tests' loops."""
    assert CHROMIUM is not None, "CI has no Chromium: install the package chromium-headless-shell"
    # Chromium's own sandbox does not work as root.
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@dataclass(frozen=True, slots=True)
class Portal:
    """A portal that people can use: `url` without a slash at its end."""

    url: str
    sandbox: Sandbox
    customer: Customer

    def address(self, path: str) -> str:
        """Return the address of a page below the customer: `users/`, `licenses/manage/`, …"""
        return f"{self.url}/customers/{self.customer.tenant_id}/{path}"


@pytest.fixture
def portal(live_server: Any, sandbox: Sandbox, story: Customer) -> Portal:
    """The portal with the five people of the demo and コントソ商事; nothing works in the background."""
    ensure_demo_people()
    grant_demo_customers()
    return Portal(live_server.url, sandbox, story)


@pytest.fixture
def worker(portal: Portal) -> Iterator[None]:
    """A worker of its own process on the test's database, speaking to the same sandbox over HTTP."""
    server = SandboxServer(portal.sandbox, 0)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    root = f"http://127.0.0.1:{server.port}"
    environment = {
        **os.environ,
        "DATABASE_URL": _database_url(),
        "GRAPH_BASE_URL": f"{root}/graph/v1.0",
        "ENTRA_AUTHORITY": f"{root}/entra",
        "LICENSING_PORTAL_PARENT": str(os.getpid()),
    }
    process = subprocess.Popen([sys.executable, str(MANAGE), "db_worker", "--interval", "0.05"], env=environment)
    yield
    process.terminate()
    process.wait(30)
    server.close()


def _database_url() -> str:
    """Return the address of the test's own database."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    host, port = database["HOST"], database["PORT"]
    return f"postgresql://{database['USER']}@{host}:{port}/{database['NAME']}"


@dataclass
class Watch:
    """What the console of a page may say, and what it said beyond that."""

    expected: tuple[str, ...] = ()
    complaints: list[str] = field(default_factory=list)

    def console(self, message: ConsoleMessage) -> None:
        """Note warnings and errors; a breach of the content security policy is one."""
        if message.type in {"warning", "error"} and not any(re.search(text, message.text) for text in self.expected):
            self.complaints.append(message.text)

    def crash(self, error: Exception) -> None:
        """Note an exception that no script caught."""
        self.complaints.append(str(error))


@pytest.fixture
def open_page(browser: Browser, portal: Portal) -> Iterator[Callable[..., Page]]:
    """Give a maker of pages; when the test ends, their consoles must be silent but for the `expected` patterns."""
    contexts: list[BrowserContext] = []
    watches: list[Watch] = []

    def make(
        *,
        person: str | None = "global-admin",
        language: str = "en",
        width: int = 1280,
        scheme: str = "light",
        javascript: bool = True,
        expected: tuple[str, ...] = (),
        **device: Any,
    ) -> Page:
        context = browser.new_context(
            locale=_LOCALES[language],
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            java_script_enabled=javascript,
            # More of Playwright's context: has_touch, forced_colors, …
            **{"reduced_motion": "reduce", **device},
        )
        contexts.append(context)
        if person is not None:
            context.add_cookies([_session_cookie(portal.url, person)])  # type: ignore[list-item]
        watch = Watch(expected)
        watches.append(watch)
        page = context.new_page()
        page.on("console", watch.console)
        page.on("pageerror", watch.crash)
        page.set_default_timeout(10_000)
        return page

    yield make
    for context in contexts:
        context.close()
    assert [complaint for watch in watches for complaint in watch.complaints] == []


def _session_cookie(url: str, person: str) -> dict[str, str]:
    """Sign one of the demo's people in, without the sign-in page."""
    subject = next(one.subject for one in PEOPLE if one.key == person)
    client = Client()
    client.force_login(StaffUser.objects.get(subject=subject))
    return {
        "name": settings.SESSION_COOKIE_NAME,
        "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
        "url": url,
    }


@pytest.fixture
def accessibility_problems() -> Callable[[Page], list[str]]:
    """Give a function that runs axe on a page and returns what breaks WCAG 2.2 AA."""

    def run(page: Page) -> list[str]:
        page.evaluate(AXE_SCRIPT)
        size = page.viewport_size
        if size is not None:
            # In a window as high as the page: what a bar happens to cover half of would count as too small.
            height = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": size["width"], "height": max(size["height"], height)})
        answer = page.evaluate("tags => axe.run({runOnly: tags, resultTypes: ['violations']})", WCAG)
        if size is not None:
            page.set_viewport_size(size)
        return [
            f"{found['id']} at {node['target']}: {node['failureSummary']}"
            for found in answer["violations"]
            for node in found["nodes"]
        ]

    return run
