"""Prometheus reads what the service tells, rules and panels with it: make test-monitoring."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.dashboard import DASHBOARD, expressions
from tests.prometheus import DEPLOY, RunningPrometheus, promtool
from tests.running import DEADLINE, RunningService, eventually
from tests.scraped import Scraped
from training.golden import as_bytes, draw_digit

pytestmark = pytest.mark.monitoring

SECONDS = 60  # before now, in which the service was busy
PICTURE = as_bytes(draw_digit(5))

FIRING = "ALERTS{"  # has no value while all is well


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with RunningService(workers="2") as running:
        yield running


@pytest.fixture(scope="module")
def prometheus(
    service: RunningService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningPrometheus]:
    """One that has seen the service at work for some scrapes."""
    target = service.url.removeprefix("http://")
    with RunningPrometheus(target, tmp_path_factory.mktemp("prometheus")) as running:

        def seen_at_work() -> bool:
            with httpx.Client(base_url=service.url, timeout=DEADLINE) as client:
                work(client)
            [*scrapes] = running.series(f"count_over_time(up[{SECONDS}s])", 1)
            return bool(scrapes) and float(scrapes[0][-1]) >= 5

        eventually(seen_at_work)
        yield running


def work(client: httpx.Client) -> None:
    """Some of everything that the dashboard tells of."""
    client.post("/digits", content=PICTURE)
    client.post("/digits", content=b"no picture")
    client.post("/digits/batch", files=[("images", ("a.png", PICTURE))] * 5)
    client.post("/sentiment", json={"text": "good"})
    client.post("/sentiment/batch", json={"texts": ["good", "a good film " * 30]})


def test_promtool_has_nothing_to_say_against_the_metrics(service: RunningService) -> None:
    with httpx.Client(base_url=service.url, timeout=DEADLINE) as client:
        work(client)
        promtool("check", "metrics", text=client.get("/metrics").content)


def test_the_configuration_is_one_and_names_the_rules() -> None:
    promtool("check", "config", "prometheus.yml")


def test_each_alert_fires_when_it_should_and_only_then() -> None:
    promtool("test", "rules", "alerts.test.yml")


def test_rules_can_be_evaluated_and_are_silent_while_all_is_well(
    prometheus: RunningPrometheus,
) -> None:
    def evaluated() -> list[dict[str, Any]]:
        [group] = prometheus.ask("rules")["groups"]
        rules: list[dict[str, Any]] = group["rules"]
        return [] if any(rule["health"] == "unknown" for rule in rules) else rules

    for rule in eventually(evaluated):
        assert (rule["health"], rule.get("lastError")) == ("ok", None), rule
        assert rule["alerts"] == [], rule


def test_a_service_that_does_not_answer_is_noticed(tmp_path: Path) -> None:
    with RunningPrometheus("127.0.0.1:1", tmp_path) as prometheus:

        def noticed() -> bool:
            alerts = prometheus.ask("alerts")["alerts"]
            said = [alert["annotations"]["description"] for alert in alerts]
            return "127.0.0.1:1 has not been scraped for a minute." in said

        assert eventually(noticed)


@pytest.mark.parametrize(("panel", "expression"), expressions())
def test_every_expression_of_the_dashboard_has_values(
    prometheus: RunningPrometheus, panel: str, expression: str
) -> None:
    found = prometheus.series(expression, SECONDS)
    if not expression.startswith(FIRING):
        values = [float(value) for series in found for value in series]
        assert any(math.isfinite(value) for value in values), f"{panel} shows nothing"


def test_every_metric_that_is_asked_for_is_told(service: RunningService) -> None:
    with httpx.Client(base_url=service.url, timeout=DEADLINE) as client:
        work(client)
    told = {sample.name for sample in Scraped(service.url).samples()}
    asked = set(
        re.findall(r"moodigit_\w+", DASHBOARD.read_text() + (DEPLOY / "alerts.yml").read_text())
    )
    assert asked <= told


def test_every_alert_is_tried_and_explained(prometheus: RunningPrometheus) -> None:
    tried = (DEPLOY / "alerts.test.yml").read_text()
    explained = (DEPLOY / "README.md").read_text()
    [group] = prometheus.ask("rules")["groups"]
    for rule in group["rules"]:
        assert f'alertname="{rule["name"]}"' in tried, rule["name"]
        assert f"| `{rule['name']}` |" in explained, rule["name"]
        assert rule["annotations"].keys() == {"summary", "description"}
        assert rule["labels"]["severity"] in {"page", "ticket"}
