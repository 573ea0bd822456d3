"""`python -m tests.screenshots`: walks a fresh demo and takes the README's pictures anew (`make screenshots`)."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.chromium import CHROMIUM

BASE = Path(__file__).resolve().parent.parent
FOLDER = BASE / "docs" / "screenshots"
_STARTS_WITHIN = 120.0
CUSTOMER = "コントソ商事"
E1, E3 = "Office 365 E1", "Microsoft 365 E3"


def main() -> int:
    """Take every picture; return the exit code."""
    if CHROMIUM is None:
        print("Chromium is needed and was not found.", file=sys.stderr)
        return 1
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with demo() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        _walk(browser, address)
        browser.close()
    return 0


@contextmanager
def demo() -> Iterator[str]:
    """Run a demo of its own, on free ports and with data of its own; give its address."""
    port, sandbox_port = _free_port(), _free_port()
    with tempfile.TemporaryDirectory(prefix="licensing-portal-demo-") as folder:
        environment = {**os.environ, "VAR_DIR": folder, "DEMO": "1"}
        environment["GRAPH_BASE_URL"] = f"http://127.0.0.1:{sandbox_port}/graph/v1.0"
        command = [sys.executable, "manage.py", "demo", "--port", str(port), "--sandbox-port", str(sandbox_port)]
        process = subprocess.Popen(command, cwd=BASE, env=environment, stdout=subprocess.DEVNULL)
        try:
            _wait_for(f"http://127.0.0.1:{port}/readyz")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(address: str) -> None:
    ends = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < ends:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    raise TimeoutError(address)


def _page(browser: Browser, address: str, *, language: str, scheme: str = "light", width: int = 1280) -> Page:
    """Sign in as the global admin and open the story's customer."""
    context = browser.new_context(
        locale={"en": "en-US", "ja": "ja-JP"}[language],
        viewport={"width": width, "height": 860},
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(address)
    page.get_by_role("button", name="Mika Mori").click()
    page.get_by_role("main").get_by_role("link", name=CUSTOMER).click()
    return page


def _take(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=FOLDER / f"{name}.png")
    print(name)


def _walk(browser: Browser, address: str) -> None:
    """Swap E1 for E3 for the sales department, and give ten others what is short."""
    page = _page(browser, address, language="en")
    page.get_by_role("searchbox").fill("営業部")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Select all 36 matching users").click()
    page.get_by_role("link", name="Selected users (36)").wait_for()
    _take(page, "users-en")
    page.get_by_role("link", name="Manage licenses").click()
    # A partly ticked box turns to ticked, then to unticked.
    for product in (E3, E1, E1):
        page.get_by_role("row", name=product).first.get_by_role("checkbox", name=product, exact=True).click()
    page.locator("#impact").get_by_text(E1).first.wait_for()
    _take(page, "manage-en")
    page.get_by_label("Ticket or reason").fill("INC-20488")
    page.get_by_role("button", name="Review changes").click()
    page.get_by_role("heading", name="Review changes").wait_for()
    _take(page, "review-en")
    page.get_by_role("button", name="Save for").click()
    page.get_by_role("heading", name="Licenses updated").wait_for()
    page.locator("#progress").wait_for(state="detached", timeout=60_000)
    result = page.url.removeprefix(address)
    other = _page(browser, address, language="ja", scheme="dark")
    other.goto(address + result)
    _take(other, "result-ja-dark")
    phone = _page(browser, address, language="ja", width=390)
    _take(phone, "users-ja-phone")


if __name__ == "__main__":
    sys.exit(main())
