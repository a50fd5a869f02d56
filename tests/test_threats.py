"""THREATS.md promises nothing that no test shows."""

from __future__ import annotations

import ast
import re
from functools import cache

from tests.running import ROOT

NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
ROW = re.compile(r"^\| (?!Threat|-)(.+) \|$", re.MULTILINE)

THREATS = (ROOT / "THREATS.md").read_text()


@cache
def defined_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def test_every_test_that_is_named_exists() -> None:
    named = NAMED.findall(THREATS)
    assert named
    assert [(file, test) for file, test in named if test not in defined_in(file)] == []


def test_every_threat_has_what_is_done_and_a_test() -> None:
    rows = [row.split(" | ") for row in ROW.findall(THREATS)]
    assert len(rows) > 20
    for row in rows:
        assert len(row) == 3, row
        assert all(row)
        assert NAMED.search(row[2]), row
