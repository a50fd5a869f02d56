"""Capacity: the bisection finds the highest rate that is kept, and a probe counts all it sent."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from loadtest.capacity import Capacity, as_markdown, highest, keeps, places
from loadtest.inputs import draw_digits
from loadtest.kinds import KINDS, SCENARIOS, Asked
from loadtest.open_loop import Record
from loadtest.probe import Order, counted, mixture, on_the_wire
from loadtest.processes import Broken
from loadtest.slo import Limits, Slo
from loadtest.timeline import Timeline, percentile
from tests.running import DEADLINE, ROOT
from tests.test_loadtest_answers import ALWAYS_THREE


@pytest.mark.parametrize("limit", [1.0, 1.7, 3, 49.9, 50, 51, 777, 12_345])
@pytest.mark.parametrize("first", [1, 50, 4000])
def test_the_highest_rate_is_found_within_the_precision(limit: float, first: float) -> None:
    asked: list[float] = []

    def keep(rate: float) -> bool:
        asked.append(rate)
        return rate <= limit

    found = highest(keep, first, precision=0.05)
    assert found <= limit < found / 0.95 + 1e-9
    assert len(asked) < 25


def test_a_service_that_keeps_nothing_has_no_capacity() -> None:
    assert highest(lambda _: False, 50) == 0


def test_what_one_core_serves_a_day() -> None:
    two = Capacity(workers=2, cores=2, rate=100, shared=True)
    table = as_markdown([two], Namespace(endpoint="mixed", seconds=5, slo=Path("slo.toml")))
    assert two.each_day == 50 * 24 * 60 * 60
    assert "| 2 | 2 (one shared with the load generator) | 100/s | 50/s | 4.3 million |" in table


@pytest.mark.parametrize(
    ("workers", "cores", "expected"),
    [
        (1, [0, 1], ([0], [1], False)),
        (2, [0, 1], ([0, 1], [1], True)),
        (2, [0, 1, 2, 3], ([0, 1], [2], False)),
        (1, [5], ([5], [5], True)),
    ],
)
def test_the_generator_has_a_core_of_its_own_where_there_is_one(
    workers: int, cores: list[int], expected: tuple[list[int], list[int], bool]
) -> None:
    assert places(workers, cores) == expected


def test_a_rate_is_kept_or_not_by_the_slo(capsys: pytest.CaptureFixture[str]) -> None:
    timeline = Timeline()
    for _ in range(100):
        timeline.add(1, "/digits", "answered", 40)
    assert keeps(Slo(every=Limits(p95_ms=50)), 20, timeline)
    assert not keeps(Slo(every=Limits(p95_ms=30)), 20, timeline)
    assert "broken: /digits, p95 40 ms" in capsys.readouterr().out


def test_no_rate_excuses_a_wrong_answer() -> None:
    timeline = Timeline()
    timeline.add(1, "/digits", "wrong", 1)
    with pytest.raises(Broken, match="wrong answers"):
        keeps(Slo(), 20, timeline)


def test_a_probe_asks_in_the_shares_of_its_scenario() -> None:
    shares = SCENARIOS["Sentiment"]
    asked = mixture(shares, random.Random(1))  # noqa: S311 - not for secrets
    for kind, share in zip(KINDS, shares, strict=True):
        assert sum(each.kind == kind for each in asked) == share * len(asked) / sum(shares)
    head, body = on_the_wire(asked[0], "host").split(b"\r\n\r\n", 1)
    assert head.startswith(b"POST /sentiment")
    assert b"Content-Length: %d" % len(body) in head


def test_a_probe_counts_from_when_requests_were_due_and_leaves_out_none() -> None:
    asked = [Asked("/digits", "/digits", "", b"", [each]) for each in draw_digits(10)]
    due = [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5]
    body = json.dumps(ALWAYS_THREE).encode()
    record = Record(
        sent=[(at, at + 0.25) for at in due],
        answers=[
            (0.5, 0.6, 200),  # before it counts
            (1.5, 1.6, 200),  # a 1, which is taken for a 3
            (2.5, 2.6, 503),
            (4.5, 4.6, 504),
            (3.5, 4.0, 200),  # a 3, half a second after it was due, though sent later
        ],
        bodies=[b"", body, b"", b"", body],
        seconds=10.0,
    )
    timeline = counted(record, due, asked, Order("", (), rate=1, seconds=8, warm=1))
    cell = timeline.whole()
    assert (cell.answered, cell.wrong, cell.refused, cell.failed) == (1, 1, 1, 3)
    assert cell.times.total() == 2
    assert percentile(timeline.whole([3]).times, 50) == pytest.approx(500, rel=0.01)
    assert percentile(timeline.lag, 50) == pytest.approx(250, rel=0.01)


@pytest.mark.parametrize("options", [["--workers", "0"], ["--slo", "nowhere.toml"]])
def test_wrong_usage_measures_nothing(options: list[str]) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "loadtest.capacity", *options],
        cwd=ROOT,
        capture_output=True,
        timeout=DEADLINE,
        check=False,
    )
    assert process.returncode == 2
    assert not process.stdout
