"""Lines over time as SVG, to stand in a page that brings the colours (report.css)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

Series = Sequence[float | None]

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 18, 10, 26
MOST_POINTS = 240
TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)


def figure(
    title: str, unit: str, seconds: Sequence[float], lines: Mapping[str, Series], last: float
) -> str:
    """A <figure>: title and legend above, and a line of class s-NAME for each series, cut where
    it is None, from 0 to the `last` second. Of no value at all it says so."""
    known = [value for line in lines.values() for value in line if value is not None]
    head = f"<figcaption><b>{escape(title)}</b> <span>{escape(unit)}</span>{_legend(lines)}"
    if not known:
        return f"<figure>{head}</figcaption><p class=none>Not known for this service.</p></figure>"
    top = scale(max(known))
    said = f"{title}, {unit}: at most {number(max(known))}"
    marks = [*_level_lines(top), *_time_marks(last)]
    for name, line in lines.items():
        marks += [
            f'<path class="s-{css_name(name)}" d="{path}"/>'
            for path in _paths(seconds, line, last, top)
        ]
    return (
        f"<figure>{head}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(said)}">'
        f"{''.join(marks)}</svg></figure>"
    )


def scale(most: float) -> float:
    """The least of 1, 2, 4, 5 and 8 times a power of ten that is not below `most`."""
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= most * (1 - 1e-9))


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def css_name(name: str) -> str:
    return "".join(each if each.isalnum() else "-" for each in name)


def _legend(lines: Mapping[str, Series]) -> str:
    if len(lines) == 1:
        return ""
    names = (f'<i class="s-{css_name(name)}">{escape(name)}</i>' for name in lines)
    return f"<div>{' '.join(names)}</div>"


def _level_lines(top: float) -> Iterator[str]:
    for quarter in range(5):
        y = _y(top * quarter / 4, top)
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield (
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{number(top * quarter / 4)}</text>"
        )


def _time_marks(last: float) -> Iterator[str]:
    """At most seven, a round number of seconds, minutes or hours apart."""
    step = next((each for each in TIME_STEPS if last / each <= 6), TIME_STEPS[-1])
    for second in range(0, int(last) + 1, step):
        x = _x(second, last)
        clock = f"{second // 60}:{second % 60:02}"
        yield f'<text x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{clock}</text>'


def _paths(seconds: Sequence[float], line: Series, last: float, top: float) -> Iterator[str]:
    """One for each stretch without a gap."""
    path = ""
    for second, value in zip(seconds, line, strict=True):
        if value is None:
            if path:
                yield path
            path = ""
            continue
        # A line to where it begins shows a point that stands alone.
        path += (
            f"L{_x(second, last):.1f} {_y(value, top):.1f}"
            if path
            else (f"M{_x(second, last):.1f} {_y(value, top):.1f}h.01")
        )
    if path:
        yield path


def _x(second: float, last: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * second / last


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top
