"""A real browser on the page; every test also fails for an error in the browser's console."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.browser.shown import DEADLINE_MS
from tests.running import RunningService


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("there is no chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    context.set_default_timeout(DEADLINE_MS)
    yield context
    context.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console has of errors and warnings, such as of the content policy."""
    return []


@pytest.fixture
def blank(context: BrowserContext, complaints: list[str]) -> Page:
    """A tab that has not asked for anything yet."""

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    tab = context.new_page()
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", note)
    return tab


@pytest.fixture
def page(blank: Page, service: RunningService, complaints: list[str]) -> Iterator[Page]:
    """The page; a test that has the browser complain must clear `complaints`."""
    blank.goto(service.url)
    yield blank
    assert complaints == []
