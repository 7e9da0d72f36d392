"""The page of `inpainter serve` in a real browser: one server and one browser for all tests.

Without a browser they skip and say so.
"""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from browser import hands

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SWITCHES = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """A server of its own, on a free port."""
    with serving() as address:
        yield address


@contextlib.contextmanager
def serving(*options: str) -> Iterator[str]:
    command = [sys.executable, "-m", "inpainter", "serve", "--no-browser", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        try:
            yield next(word for word in line.split() if word.startswith("http")).rstrip(".,")
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium as the system has it."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.skip("no Chromium found: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api").sync_playwright().start()
    browser = playwright.chromium.launch(executable_path=found, args=list(SWITCHES))
    yield browser
    browser.close()
    playwright.stop()


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Any]:
    """Opens pages: `opened(**context)` is one; when the test ends none may have complained or moved its layout."""
    with contextlib.ExitStack() as stack:

        def open_page(where: str = address, *, grumbles: tuple[str, ...] = (), **context: Any) -> Any:
            page = stack.enter_context(hands.watched(browser, grumbles, **context))
            page.goto(where)
            return page

        yield open_page


@pytest.fixture
def page(opened: Any) -> Any:
    """A page of a common size, open."""
    return opened()
