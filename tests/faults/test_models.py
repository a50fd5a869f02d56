"""Models that are not as published, at start and while others serve; and many reloads."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.judge import usage
from tests.faults.ledger import Ledger, ends_well
from tests.faults.load import Load
from tests.faults.questions import mixed, of_version_1
from tests.faults.table import Row
from tests.running import RunningService, eventually, run_to_its_end
from tests.shelf import cut_short, flip_a_byte, publish_again

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

GRAPH = "model.onnx"
RELOADS = 100
WARM_UP = 5  # reloads
MEGABYTES = 20.0  # that may be added by all of them
DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "truncated": cut_short,
    "bit flipped": flip_a_byte,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_model_at_start_is_named_or_passed_over(
    row: Row, kept: Path, models: Path, damage: str
) -> None:
    DAMAGES[damage](publish_again(models / "digits", 2) / GRAPH)
    with RunningService(models_dir=str(models)) as service:
        ledger = Ledger(service, kept)
        with Load(service.url, of_version_1(mixed()), clients=4) as tally:
            time.sleep(2)
        row.tallies.append(tally)
        tally.check()
        assert tally.answered("ok") == tally.sent > 0
        ledger.agrees_with(tally)
        assert ends_well(service)
    shutil.rmtree(models / "digits" / "1")
    alone = run_to_its_end(models_dir=str(models))
    [line] = alone.stderr.splitlines()
    assert alone.returncode == 1
    assert GRAPH in line
    row.measured.append("another version serves; without one it ends and says why")


def test_damaged_models_at_reload_leave_all_as_it_was(row: Row, kept: Path, models: Path) -> None:
    with RunningService(workers="2", models_dir=str(models)) as service:
        ledger = Ledger(service, kept)
        before = service.workers()
        with Load(service.url, of_version_1(mixed()), clients=4) as tally:
            for version, damage in enumerate(DAMAGES, start=2):
                DAMAGES[damage](publish_again(models / "digits", version) / GRAPH)
                reload(service, ledger, "failed")
        row.tallies.append(tally)
        row.measured.append(f"{', '.join(DAMAGES)}; the log names the file each time")
        tally.check()
        assert tally.answered("ok") == tally.sent - tally.crossed > 0
        assert service.workers() == before
        ledger.agrees_with(tally)
        assert ledger.total("reloads_total", outcome="failed") == len(DAMAGES)
        assert service.written().count(GRAPH) >= len(DAMAGES)
        assert ends_well(service)


def test_100_reloads_fail_no_request_and_take_no_memory(row: Row, kept: Path, models: Path) -> None:
    with RunningService(models_dir=str(models)) as service:
        ledger = Ledger(service, kept)
        with Load(service.url, of_version_1(mixed()), rate=20) as tally:
            for number in range(RELOADS):
                if number == WARM_UP:
                    before = settled(service)
                reload(service, ledger, "ok")
            after = settled(service)
        row.tallies.append(tally)
        row.measured += [
            f"{RELOADS} reloads",
            f"memory {after - before:+.1f} MB at {after:.0f} MB",
            f"{tally.crossed} crossed the end of their connection unread",
        ]
        tally.check()
        assert tally.lost == []
        assert tally.answered("ok") == tally.answered() > 0
        assert after - before < MEGABYTES
        ledger.agrees_with(tally)
        assert ends_well(service)


def reload(service: RunningService, ledger: Ledger, outcome: str) -> None:
    """Returns when new versions serve, or, where it must fail, when that is known."""
    before = ledger.total("reloads_total", outcome=outcome)
    service.process.send_signal(signal.SIGHUP)
    eventually(lambda: ledger.total("reloads_total", outcome=outcome) > before)


def settled(service: RunningService) -> float:
    """Megabytes, as soon as those that were replaced have gone."""
    eventually(lambda: len(service.workers()) == 1)
    time.sleep(2)
    return usage(service).megabytes
