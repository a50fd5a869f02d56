"""The models and how they are doing, as the page tells it."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.shown import asked_of, sample
from tests.running import RunningService

pytestmark = pytest.mark.browser

BEFORE = """
# HELP moodigit_request_seconds From the head of a request to its answer
moodigit_request_seconds_bucket{le="0.001",route="/digits"} 10.0
moodigit_request_seconds_bucket{le="0.005",route="/digits"} 10.0
moodigit_request_seconds_bucket{le="+Inf",route="/digits"} 10.0
moodigit_request_seconds_count{route="/digits"} 10.0
moodigit_batch_rows_sum{model="digits",stage="infer"} 10.0
moodigit_batch_rows_count{model="digits",stage="infer"} 10.0
"""
AFTER = """
moodigit_request_seconds_bucket{le="0.001",route="/digits"} 10.0
moodigit_request_seconds_bucket{le="0.005",route="/digits"} 90.0
moodigit_request_seconds_bucket{le="+Inf",route="/digits"} 90.0
moodigit_request_seconds_bucket{le="0.001",route="/digits/read"} 0.0
moodigit_request_seconds_bucket{le="0.005",route="/digits/read"} 0.0
moodigit_request_seconds_bucket{le="+Inf",route="/digits/read"} 20.0
moodigit_request_seconds_bucket{le="+Inf",route="/sentiment"} 500.0
moodigit_request_seconds_count{route="/digits"} 90.0
moodigit_request_seconds_count{route="/digits/read"} 20.0
moodigit_request_seconds_count{route="/sentiment"} 500.0
moodigit_batch_rows_sum{model="digits",stage="infer"} 110.0
moodigit_batch_rows_sum{model="digits",stage="decode"} 777.0
moodigit_batch_rows_count{model="digits",stage="infer"} 60.0
"""
FIGURES = """async ([before, after]) => {
    const { counted, figures } = await import("/page/metrics.js");
    return figures(counted(before, "digits"), counted(after, "digits"), 10);
}"""


def figures(page: Page, before: str, after: str) -> dict[str, Any]:
    told: dict[str, Any] = page.evaluate(FIGURES, [before, after])
    return told


def test_figures_come_from_what_was_counted_between_two_looks(page: Page) -> None:
    told = figures(page, BEFORE, AFTER)
    # 100 in 10 s, 80 of them between 1 and 5 ms: the 50th is 50/80 of the way.
    assert told["rate"] == pytest.approx(10)
    assert told["p50"] == pytest.approx(0.001 + 0.004 * 50 / 80)
    assert told["p99"] == pytest.approx(0.005)  # beyond the last bound, which is all that is known
    assert told["rows"] == pytest.approx(2)


def test_where_nothing_was_asked_nothing_is_made_up(page: Page) -> None:
    nothing = {"rate": 0, "p50": None, "p99": None, "rows": None}
    assert figures(page, AFTER, AFTER) == nothing
    assert figures(page, "", "") == nothing


def test_live_figures_follow_what_is_asked(page: Page) -> None:
    model = page.locator("#live article").first
    expect(model).to_contain_text(re.compile(r"Requests per second\s*0\.0"))
    sample(page, 4)
    expect(model).to_contain_text(re.compile(r"Requests per second\s*(0\.[1-9]|[1-9])"))
    expect(model).to_contain_text(re.compile(r"p99\)\s*\d+\.\d ms"))
    expect(model).to_contain_text(re.compile(r"Rows in a batch\s*1\.0"))


def test_cards_tell_what_serves_and_how_good_it_is(page: Page, service: RunningService) -> None:
    shown = page.locator("#live article")
    expect(shown).to_have_count(2)
    models = httpx.get(f"{service.url}/models", timeout=60).json()["models"]
    for card, model in zip(shown.all(), models, strict=True):
        text = card.inner_text()
        assert f"version {model['version']}" in text
        assert f"{model['accuracy']['accuracy']:.2%}" in text
        assert f"{model['parameters']:,}" in text


def test_a_hidden_tab_does_not_ask(blank: Page, service: RunningService) -> None:
    become = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    blank.clock.install()
    with blank.expect_response("**/metrics"):
        blank.goto(service.url)
    with blank.expect_response("**/metrics"):
        blank.clock.run_for(5_000)
    blank.evaluate(become, True)
    asked = asked_of(blank)
    blank.clock.run_for(30_000)
    assert asked == []
    with blank.expect_request("**/metrics"):
        blank.evaluate(become, False)
