"""The report of a load test: all there is, in one page that loads nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loadtest.plots import figure, scale
from loadtest.report import Result, page, summary
from loadtest.slo import Limits, Slo, judge
from loadtest.timeline import Level, Timeline
from loadtest.watch import Sample, cpu_seconds, sample

PLOTS = (
    "Throughput",
    "Time to answer",
    "Errors",
    "Load",
    "Queue",
    "Batch size",
    "Processor",
    "Memory of the service",
)


def result(*, measured: bool = True, p95_ms: float = 100) -> Result:
    timeline = Timeline(began=1000.0)
    for second in range(10):
        for milliseconds in (10, 20, 90):
            timeline.add(second, "/digits", "answered", milliseconds)
        timeline.levels[second] = Level(users=5)
    timeline.add(4, "/digits", "refused", 3)
    timeline.failures["/digits: <b>what</b> & why"] += 1
    samples = [
        Sample(1000.0 + second, 3, 2 * second, 8 * second, 0.5 * second, 200_000_000, 0.1 * second)
        if measured
        else Sample(1000.0 + second)
        for second in range(10)
    ]
    verdicts = judge(Slo(every=Limits(p95_ms=p95_ms)), timeline.kinds())
    return Result(timeline, samples, verdicts, {"load": "<i>heavy</i>"}, ["It is < or > & so."])


def figures(html: str) -> dict[str, str]:
    found = re.findall(r"<figure><figcaption><b>(.*?)</b>(.*?)</figure>", html, re.DOTALL)
    return dict(found)


def test_it_has_every_plot_with_a_line_in_it() -> None:
    drawn = figures(page(result()))
    assert tuple(drawn) == PLOTS
    for name, inside in drawn.items():
        assert "<path" in inside, name
        assert 'role="img"' in inside, name


def test_a_plot_says_what_it_cannot_know() -> None:
    drawn = figures(page(result(measured=False)))
    assert [name for name, inside in drawn.items() if "Not known" in inside] == [
        "Queue",
        "Batch size",
        "Processor",
        "Memory of the service",
    ]


def test_rates_are_taken_from_counters() -> None:
    drawn = figures(page(result()))
    assert 'at most 4"' in drawn["Batch size"]  # rows of a run, of 8 rows and 2 runs a second
    assert 'at most 0.5"' in drawn["Processor"]
    assert 'at most 200"' in drawn["Memory of the service"]
    assert 'at most 3"' in drawn["Throughput"]


def test_the_verdicts_come_first() -> None:
    kept, broken = page(result()), page(result(p95_ms=50))
    assert "SLO kept" in kept
    assert "SLO broken in 1 place<" in broken
    assert '<td class="broken">90 ms<small>at most 50 ms</small>' in broken
    assert broken.index("at most 50 ms") < broken.index("<figure>")


def test_a_ramp_that_broke_has_not_kept_the_slo() -> None:
    ramp = result()
    assert ramp.kept
    ramp.timeline.broke = "after 20 s"
    assert not ramp.kept
    assert "SLO broken by the last of the ramp" in page(ramp)


def test_text_is_escaped() -> None:
    html = page(result())
    assert "<b>what" not in html
    assert "<i>heavy" not in html
    assert "It is &lt; or &gt; &amp; so." in html


def test_it_loads_nothing() -> None:
    html = page(result())
    assert not re.search(r"https?:|url\(|src=|href=|@import|<script", html)


def test_the_summary_has_a_row_for_each_kind_and_one_for_all() -> None:
    lines = summary(result()).splitlines()
    assert [line.split()[0] for line in lines] == ["requests", "/digits", "all"]
    assert lines[-1].split() == ["all", "31", "3.1", "20", "90", "90", "1", "0", "0"]


def test_a_line_is_cut_where_nothing_is_known() -> None:
    drawn = figure("Cut", "ms", [0, 1, 2, 3], {"cut": [1, None, 2, 3]}, last=3)
    assert (drawn.count("<path"), drawn.count("M")) == (2, 2)


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (0.3, 0.4), (1, 1), (7, 8), (41, 50), (950, 1000)]
)
def test_an_axis_ends_at_a_round_number(most: float, top: float) -> None:
    assert scale(most) == pytest.approx(top)


def test_a_service_that_is_not_there_is_no_error_of_the_watch() -> None:
    nothing = sample("http://127.0.0.1:9", None, None)
    assert (nothing.queue_rows, nothing.service_cpu, nothing.service_memory) == (None, None, None)


def test_the_processor_time_of_a_process_is_read() -> None:
    own = cpu_seconds(int(Path("/proc/self").readlink().name))
    assert own is not None
    assert own > 0
