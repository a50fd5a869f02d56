"""Results as a picture: how many times the reference, and which targets are reached."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import matplotlib as mpl

mpl.use("Agg")  # no display is needed
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loadtest.bench.results import Results, Row

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#777777"  # told apart by colour-blind readers, too

WORST, BEST = 0.25, 4.0  # where the panel of targets ends


def draw(results: Results, path: Path, title: str) -> None:
    """Two panels, one above the other; a panel with nothing to show is left out. `title` is that of
    the ratios."""
    ratios = [row for row in results.rows if row.unit == "/s" and row.ratios]
    targets = [row for row in results.rows if row.target and row.judged]
    panels: list[tuple[Callable[[Axes, list[Row]], None], list[Row]]] = [
        (partial(_draw_ratios, title), ratios),
        (_draw_targets, targets),
    ]
    panels = [(draw_panel, rows) for draw_panel, rows in panels if rows]
    if not panels:
        return
    heights = [len(rows) + 2 for _, rows in panels]
    figure = Figure(figsize=(9, 0.36 * sum(heights) + 0.6), layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for (draw_panel, rows), panel in zip(panels, axes, strict=True):
        draw_panel(panel, rows)
    figure.savefig(path, dpi=150)


def _draw_ratios(title: str, axes: Axes, rows: list[Row]) -> None:
    middles = [median(row.ratios) for row in rows]
    axes.barh(range(len(rows)), middles, color=BLUE, height=0.6)
    for place, (row, middle) in enumerate(zip(rows, middles, strict=True)):
        axes.plot([min(row.ratios), max(row.ratios)], [place, place], color="black", lw=1.5)
        if row.target and row.target.of == "ratio":
            axes.plot([row.target.value] * 2, [place - 0.4, place + 0.4], color=ORANGE, lw=2.5)
        # Beyond the target's mark, which would cross it.
        end = max(*row.ratios, row.target.value if row.target else 0)
        axes.text(end, place, f"  {middle:.2f}x  {median(row.ours):,.0f}/s", va="center")
    axes.axvline(1, color=GREY, lw=1, ls="--")
    furthest = [max(row.ratios) for row in rows]
    furthest += [row.target.value for row in rows if row.target]
    axes.set_xlim(0, 1.3 * max(furthest))
    _label(axes, rows, title)


def _draw_targets(axes: Axes, rows: list[Row]) -> None:
    """How far beyond its target each figure is, to the right of 1 if it is reached."""
    for place, row in enumerate(rows):
        if row.target is None:
            continue
        reached = [_reached(figure, row) for figure in row.judged]
        colour = BLUE if row.met else ORANGE
        axes.plot([min(reached), max(reached)], [place, place], color=colour, lw=1.5)
        axes.plot([_reached(median(row.judged), row)], [place], "o", color=colour)
    axes.axvline(1, color=GREY, lw=1, ls="--")
    axes.set_xscale("log", base=2)
    axes.set_xlim(0.9 * WORST, 1.1 * BEST)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}x")
    _label(axes, rows, "Targets: right of 1x reached (blue), left of it not (orange)")


def _reached(figure: float, row: Row) -> float:
    """Times better than the target, held between WORST and BEST."""
    assert row.target is not None  # noqa: S101 - for the type checker
    if row.target.bound == "at least":
        share = figure / row.target.value
    else:
        share = row.target.value / figure if figure else BEST
    return min(max(share, WORST), BEST)


def _label(axes: Axes, rows: list[Row], title: str) -> None:
    axes.set_yticks(range(len(rows)), [f"{row.part}: {row.figure}" for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_title(title, loc="left", fontsize="medium")
    axes.spines[["top", "right"]].set_visible(False)
