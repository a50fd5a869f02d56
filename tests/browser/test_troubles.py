"""What goes wrong is told in plain words, and is well again by itself."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.shown import asked_of, draw, notice, sample, verdict
from tests.keyring import made
from tests.running import RunningService

pytestmark = pytest.mark.browser

APP = made("app", "predict")
OPERATOR = made("operator", "admin")


@pytest.fixture(scope="module")
def guarded() -> Iterator[RunningService]:
    """A service that asks for keys."""
    with RunningService(keys=APP.entry + OPERATOR.entry) as service:
        yield service


def test_a_service_that_is_gone_is_told_and_found_again(blank: Page) -> None:
    with RunningService() as service:
        port = str(urlsplit(service.url).port)
        blank.goto(service.url)
        draw(blank, 7)
        assert verdict(blank, "digits").startswith("7")
        service.stop(signal.SIGKILL)
    sample(blank, 3)
    blank.get_by_role("button", name="Loved it").click()
    for card in ("digits", "sentiment", "live"):
        expect(notice(blank, card)).to_contain_text("The service cannot be reached.")
    for card in ("digits", "sentiment"):
        expect(notice(blank, card)).to_contain_text("Trying again in")
        assert "Waiting for the service" in verdict(blank, card)
    with RunningService("--port", port):
        expect(blank.locator("#digits .label")).to_have_text("3")
        expect(blank.locator("#sentiment .label")).to_have_text("Positive")
        for card in ("digits", "sentiment", "live"):
            expect(notice(blank, card)).to_be_hidden()


def test_a_cleared_drawing_is_not_asked_about_when_the_service_is_back(blank: Page) -> None:
    with RunningService() as service:
        port = str(urlsplit(service.url).port)
        blank.goto(service.url)
        service.stop(signal.SIGKILL)
    sample(blank, 3)
    expect(notice(blank, "digits")).to_contain_text("The service cannot be reached.")
    blank.get_by_role("button", name="Clear").click()
    expect(blank.locator("#digits .sure")).to_have_text("Nothing drawn yet")
    asked = asked_of(blank, "digits?")
    with RunningService("--port", port):
        expect(notice(blank, "live")).to_be_hidden()
        assert asked == []
        sample(blank, 5)
        expect(blank.locator("#digits .label")).to_have_text("5")


def test_one_is_told_when_the_network_is_back(
    page: Page, context: BrowserContext, complaints: list[str]
) -> None:
    context.set_offline(True)
    page.get_by_role("button", name="Loved it").click()
    expect(notice(page, "sentiment")).to_contain_text("The service cannot be reached.")
    context.set_offline(False)
    expect(notice(page, "sentiment")).to_contain_text("The service can be reached again.")
    assert verdict(page, "sentiment").startswith("Positive")
    expect(notice(page, "sentiment")).to_be_hidden()
    complaints.clear()


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("overloaded", 503, "The service has more to do than it can take on right now."),
        ("rate_limited", 429, "This key has asked too often."),
        ("draining", 503, "The service is about to stop."),
        ("not_ready", 503, "The service is starting."),
    ],
)
def test_what_passes_is_waited_for_as_long_as_the_service_says(
    page: Page, complaints: list[str], code: str, status: int, words: str
) -> None:
    told = {"code": code, "detail": "not for people", "retry_after_ms": 2500}
    refused: list[str] = []

    def refuse_once(route: Route) -> None:
        if refused:
            route.fallback()
            return
        refused.append(route.request.url)
        route.fulfill(status=status, json=told, content_type="application/problem+json")

    page.route("**/sentiment?*", refuse_once)
    page.get_by_role("button", name="Hated it").click()
    expect(notice(page, "sentiment")).to_contain_text(f"{words} Trying again in 3 s.")
    assert verdict(page, "sentiment") == "– Waiting for the service"
    expect(page.locator("#sentiment .label")).to_have_text("Negative")
    expect(notice(page, "sentiment")).to_be_hidden()
    assert len(complaints) == 1  # the browser tells of the status by itself
    complaints.clear()


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (500, json.dumps({"code": "internal"}), "The service failed on this."),
        (504, json.dumps({"code": "deadline_exceeded"}), "The answer took too long. Try again."),
        (500, "<h1>a proxy</h1>", "The service failed on this."),
    ],
)
def test_what_does_not_pass_is_not_asked_again(
    page: Page, complaints: list[str], status: int, body: str, words: str
) -> None:
    asked = asked_of(page, "sentiment")
    page.route("**/sentiment?*", lambda route: route.fulfill(status=status, body=body))
    page.get_by_role("button", name="Hated it").click()
    expect(notice(page, "sentiment")).to_contain_text(words)
    assert verdict(page, "sentiment") == "–"
    page.unroute("**/sentiment?*")
    page.get_by_role("button", name="Loved it").click()
    expect(page.locator("#sentiment .label")).to_have_text("Positive")
    assert len(asked) == 2
    assert len(complaints) == 1
    complaints.clear()


def test_only_the_newest_text_is_answered(page: Page) -> None:
    held: list[Route] = []

    def hold_first(route: Route) -> None:
        if held:
            route.fallback()
        else:
            held.append(route)

    page.route("**/sentiment?*", hold_first)
    labels: list[str] = []
    page.expose_function("shown", lambda label: labels.append(label))
    page.evaluate(
        """new MutationObserver(([change]) => shown(change.target.textContent)).observe(
        document.querySelector("#sentiment .label"), { childList: true })"""
    )
    page.get_by_role("button", name="Hated it").click()
    expect(page.locator("#sentiment")).to_have_attribute("aria-busy", "true")
    page.get_by_role("button", name="Mixed").click()
    page.get_by_role("button", name="Loved it").click()
    held[0].fallback()
    expect(page.locator("#sentiment .label")).to_have_text("Positive")
    assert labels == ["Positive"]


def test_a_key_is_asked_for_and_used(
    blank: Page, guarded: RunningService, complaints: list[str]
) -> None:
    blank.goto(guarded.url)
    field = blank.get_by_label("This service asks for an API key")
    expect(field).to_be_visible()  # since the live figures need one
    sample(blank, 3)
    expect(notice(blank, "digits")).to_contain_text("The service asks for an API key.")
    field.fill("no key é at all")
    field.press("Enter")
    expect(notice(blank, "digits")).to_contain_text("The service asks for an API key.")
    field.fill(OPERATOR.key)
    field.press("Enter")
    expect(notice(blank, "digits")).to_contain_text("This API key may not ask for this.")
    field.fill(APP.key)
    field.press("Enter")
    expect(blank.locator("#digits .label")).to_have_text("3")
    expect(field).to_be_hidden()
    expect(notice(blank, "digits")).to_be_hidden()
    expect(notice(blank, "live")).to_be_hidden()
    blank.reload()
    draw(blank, 7)
    assert verdict(blank, "digits").startswith("7")
    expect(field).to_be_hidden()
    assert APP.key not in blank.content()
    assert APP.key not in blank.url
    complaints.clear()
