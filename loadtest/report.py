"""A run as one page that needs nothing from elsewhere: verdicts, figures, lines over time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from itertools import pairwise
from pathlib import Path

from loadtest.plots import MOST_POINTS, Series, figure
from loadtest.slo import Limits, Verdict
from loadtest.timeline import Cell, Timeline, percentile, together
from loadtest.watch import Sample

STYLE = Path(__file__).with_name("report.css")
BEHIND_MS = 10  # by which a generator keeps up no more
COLUMNS = list(Limits.model_fields)


@dataclass(frozen=True)
class Result:
    """All that is told of a run; `settings` are shown as they are, `remarks` are sentences."""

    timeline: Timeline
    samples: Sequence[Sample]
    verdicts: Sequence[Verdict]
    settings: Mapping[str, str]
    remarks: Sequence[str] = ()

    @property
    def kept(self) -> bool:
        """By the whole run, and by a ramp to its end."""
        return all(verdict.kept for verdict in self.verdicts) and not self.timeline.broke

    @property
    def duration(self) -> float:
        """Seconds in which requests ended."""
        return max(self.timeline.seconds, default=0) + 1.0


def page(result: Result) -> str:
    """HTML."""
    broken = sum(not verdict.kept for verdict in result.verdicts)
    word = "SLO kept" if result.kept else f"SLO broken in {broken} place{'s' * (broken > 1)}"
    if result.timeline.broke and not broken:
        word = "SLO broken by the last of the ramp"
    remarks = "".join(f"<p>{escape(remark)}</p>" for remark in result.remarks)
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
        for name, value in result.settings.items()
    )
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Load test: {word}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{STYLE.read_text("utf-8")}</style>
<main><h1>Load test</h1>
<div class="verdict{"" if result.kept else " broken"}">{word}</div>
{remarks}
<h2>What was asked, and what was measured</h2>{_verdict_table(result.verdicts)}
<h2>Requests</h2>{_summary_table(result)}{_failures(result.timeline)}
<h2>Over time</h2><div class="plots">{"".join(plots(result))}</div>
<h2>Settings</h2><dl>{rows}</dl>
</main></html>
"""


def plots(result: Result) -> Iterator[str]:
    """A figure for each thing that is watched."""
    timeline = result.timeline
    length = int(result.duration)
    step = -(-length // MOST_POINTS)
    starts = range(0, length, step)
    cells = [timeline.whole(range(start, start + step)) for start in starts]
    widths = [min(step, length - start) for start in starts]
    middle = [start + width / 2 for start, width in zip(starts, widths, strict=True)]
    # It was noted about once a second, and holds until it is noted anew.
    noted = [
        max((each for each in timeline.levels if each <= start), default=None) for start in starts
    ]
    levels = [None if second is None else timeline.levels[second] for second in noted]

    draw = partial(figure, last=result.duration)

    def rate(*outcomes: str) -> Series:
        counts = [sum(getattr(cell, each) for each in outcomes) for cell in cells]
        return [count / width for count, width in zip(counts, widths, strict=True)]

    yield draw(
        "Throughput",
        "requests a second",
        middle,
        {
            "answered": rate("answered"),
            "refused": rate("refused"),
            "wrong or failed": rate("wrong", "failed"),
        },
    )
    times = {
        f"p{percent}": [percentile(cell.times, percent) for cell in cells]
        for percent in (50, 95, 99)
    }
    yield draw("Time to answer", "ms", middle, times)
    errors = {name: rate(name) for name in ("refused", "wrong", "failed")}
    yield draw("Errors", "requests a second", middle, errors)
    load: dict[str, Series] = {
        "users": [each.users if each else None for each in levels],
        "arrivals a second": [each.rate if each else None for each in levels],
    }
    used = {name: line for name, line in load.items() if any(line)} or {"users": load["users"]}
    yield draw("Load", " and ".join(used), middle, used)
    during = [each for each in result.samples if each.at >= timeline.began]
    most = -(-len(during) // MOST_POINTS) or 1
    groups = [during[first : first + most] for first in range(0, len(during), most)]
    samples = [group[-1] for group in groups]
    at = [each.at - timeline.began for each in samples]
    queue = [_highest(each.queue_rows for each in group) for group in groups]
    yield draw("Queue", "rows that wait", at, {"queue": queue})
    sizes = [_ratio(a.batch_rows, b.batch_rows, a.batches, b.batches) for a, b in pairwise(samples)]
    yield draw("Batch size", "rows of a run, on average", at[1:], {"batch": sizes})
    cpu: dict[str, Series] = {
        "service": [_ratio(a.service_cpu, b.service_cpu, a.at, b.at) for a, b in pairwise(samples)],
        "load generator": [
            _ratio(a.generator_cpu, b.generator_cpu, a.at, b.at) for a, b in pairwise(samples)
        ],
    }
    yield draw("Processor", "cores", at[1:], cpu)
    peaks = [_highest(each.service_memory for each in group) for group in groups]
    memory = [peak and peak / 1e6 for peak in peaks]
    yield draw("Memory of the service", "MB (PSS)", at, {"memory": memory})


def summary(result: Result) -> str:
    """The table of requests, for a terminal."""
    lines = [f"{'requests':26} {'all':>7} {'/s':>7} {'p50':>6} {'p95':>6} {'p99':>6} ms"]
    lines[0] += "  refused  wrong  failed"
    for kind, cell in _rows(result.timeline):
        times = " ".join(f"{_milliseconds(cell, percent):>6}" for percent in (50, 95, 99))
        lines.append(
            f"{kind:26} {cell.total:7,} {cell.total / result.duration:7,.1f} {times}     "
            f"{cell.refused:7,} {cell.wrong:6,} {cell.failed:7,}"
        )
    return "\n".join(lines)


def _rows(timeline: Timeline) -> Iterator[tuple[str, Cell]]:
    kinds = timeline.kinds()
    yield from kinds.items()
    yield "all", together(kinds)


def _milliseconds(cell: Cell, percent: float) -> str:
    found = percentile(cell.times, percent)
    return "-" if found is None else f"{found:,.0f}" if found >= 10 else f"{found:.1f}"


def _summary_table(result: Result) -> str:
    heads = ["requests", "a second", "p50 ms", "p95 ms", "p99 ms", "refused", "wrong", "failed"]
    rows = ""
    for kind, cell in _rows(result.timeline):
        figures = [f"{cell.total:,}", f"{cell.total / result.duration:,.1f}"]
        figures += [_milliseconds(cell, percent) for percent in (50, 95, 99)]
        figures += [f"{count:,}" for count in (cell.refused, cell.wrong, cell.failed)]
        rows += f"<tr{' class=all' * (kind == 'all')}><th>{escape(kind)}"
        rows += "".join(f"<td>{each}" for each in figures)
    return _table(heads, rows)


def _verdict_table(verdicts: Sequence[Verdict]) -> str:
    """A row for each kind of request, a column for each limit."""
    by_kind: dict[str, dict[str, Verdict]] = {}
    for verdict in verdicts:
        by_kind.setdefault(verdict.kind, {})[verdict.what] = verdict
    columns = [each for each in ["answered", *COLUMNS] if any(each in v for v in by_kind.values())]
    heads = [each.removesuffix("_ms").removesuffix("_share") for each in columns]
    rows = ""
    for kind, found in by_kind.items():
        rows += f"<tr><th>{escape(kind)}"
        for column in columns:
            if (one := found.get(column)) is None:
                rows += "<td>"
                continue
            rows += f'<td class="{"kept" if one.kept else "broken"}">{one.found}'
            rows += f"<small>{one.limit}</small>"
    return _table(heads, rows)


def _table(heads: Sequence[str], rows: str) -> str:
    head = "".join(f"<th>{escape(each)}" for each in ["", *heads])
    return f'<div class="scroll"><table><thead><tr>{head}<tbody>{rows}</table></div>'


def _failures(timeline: Timeline) -> str:
    return "".join(
        f"<p>{count:,} times {escape(what)}</p>"
        for what, count in timeline.failures.most_common(20)
    )


def _highest(values: Iterable[float | None]) -> float | None:
    """Of those that are known."""
    return max((each for each in values if each is not None), default=None)


def _ratio(
    start: float | None, end: float | None, from_: float | None, to: float | None
) -> float | None:
    """What grew by how much for each step of the other; None where either is not known."""
    if start is None or end is None or from_ is None or to is None or to <= from_:
        return None
    return (end - start) / (to - from_)
