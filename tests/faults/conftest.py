"""What the experiments share: their place in the table, and how long the longest lasts."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from service.supervisor import shared_memory
from tests.faults.table import Row, as_markdown
from tests.running import ROOT

TABLE = ROOT / ".loadtest" / "faults.md"

ROWS = pytest.StashKey[list[Row]]()
ROW = pytest.StashKey[Row]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--minutes", type=float, default=20, help="of mixed traffic with crashing clients"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ROWS] = []


@pytest.fixture
def minutes(pytestconfig: pytest.Config) -> float:
    given: float = pytestconfig.getoption("--minutes")
    return given


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Row:
    """Where a test puts what it finds."""
    name = request.node.name.removeprefix("test_").replace("_", " ")
    request.node.stash[ROW] = found = Row(name)
    request.config.stash[ROWS].append(found)
    return found


@pytest.fixture
def kept() -> Iterator[Path]:
    """A folder for the ledger, where the service keeps its numbers, too: files can be linked."""
    with TemporaryDirectory(prefix="kept-", dir=shared_memory()) as folder:
        yield Path(folder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call" and (found := item.stash.get(ROW, None)):
        found.held = report.passed
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if rows := config.stash[ROWS]:
        table = as_markdown(rows)
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(table)
        terminalreporter.section("faults")
        terminalreporter.write_line(table)
        terminalreporter.write_line(f"The table is in {TABLE.relative_to(ROOT)}.")
