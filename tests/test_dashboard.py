"""The dashboard is one that Grafana can show. test_monitoring tries what it asks Prometheus."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

from tests.dashboard import dashboard, expressions
from tests.running import ROOT

PROVISIONED = ROOT / "deploy" / "grafana" / "provisioning"
WIDTH = 24  # columns of Grafana's grid


def panels() -> list[dict[str, Any]]:
    return list(dashboard()["panels"])


def test_panels_have_a_place_of_their_own() -> None:
    assert len({panel["id"] for panel in panels()}) == len(panels())
    for panel in panels():
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= WIDTH, panel["title"]
    for one, other in combinations((panel["gridPos"] for panel in panels()), 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        ), (one, other)


def test_panels_say_what_they_show() -> None:
    for panel in panels():
        if panel["type"] != "row":
            assert panel["title"], panel
            assert panel["description"], panel["title"]
            letters = [target["refId"] for target in panel["targets"]]
            assert letters == sorted(set(letters)), panel["title"]


def test_all_is_asked_of_the_data_source_that_is_provisioned() -> None:
    [known] = re.findall(
        r"^ +uid: (\w+)", (PROVISIONED / "datasources/prometheus.yml").read_text(), re.M
    )
    shown = dashboard()
    asking = [*shown["templating"]["list"], *shown["annotations"]["list"]]
    for panel in panels():
        asking += [panel, *panel["targets"]] if panel["type"] != "row" else []
    for each in asking:
        assert each["datasource"] == {"type": "prometheus", "uid": known}


def test_no_variable_is_used_that_is_not_known() -> None:
    for title, expression in expressions():
        assert "$" not in expression, title
