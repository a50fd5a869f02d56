"""The dashboard of deploy/, as tests read it."""

from __future__ import annotations

import json
from typing import Any

from tests.running import ROOT

DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "moodigit.json"

# What Grafana puts in place of its variables.
VARIABLES = {"$__rate_interval": "10s", "$instance": ".*"}


def dashboard() -> dict[str, Any]:
    return dict(json.loads(DASHBOARD.read_text()))


def expressions() -> list[tuple[str, str]]:
    """Every query with the name of its panel, as Prometheus gets it."""
    shown = dashboard()
    found = [
        (panel["title"], target["expr"])
        for panel in shown["panels"]
        for target in panel.get("targets", ())
    ]
    found += [(each["name"], each["expr"]) for each in shown["annotations"]["list"]]
    for variable, value in VARIABLES.items():
        found = [(title, expression.replace(variable, value)) for title, expression in found]
    return found
