"""The pictures that lie beside a published model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from service.contract.manifest import Abstention
from training.abstention import Judged
from training.progress import Epoch

mpl.use("agg")

ABREAST = 3  # pictures in a row


def plot_learning_curves(history: Sequence[Epoch], path: Path) -> None:
    """Loss and accuracy by epoch, train beside validation."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    numbers = [epoch.number for epoch in history]
    for axes, measure in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for part, style in (("train", "o--"), ("validation", "o-")):
            values = [getattr(epoch, f"{part}_{measure}") for epoch in history]
            axes.plot(numbers, values, style, markersize=3, label=part)
        axes.set(xlabel="epoch", ylabel=measure)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=110)


def plot_confusion(
    truth: npt.NDArray[np.int64],
    predicted: npt.NDArray[np.int64],
    labels: Sequence[str],
    path: Path,
) -> None:
    """How often each label was taken for each; the colour shows the share of the true label."""
    count = len(labels)
    table = np.bincount(truth * count + predicted, minlength=count**2).reshape(count, count)
    side = 2.2 + 0.42 * count
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), number in np.ndenumerate(table):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{number}", ha="center", va="center", color=colour, fontsize=7)
    axes.set(
        xlabel="predicted",
        ylabel="true",
        xticks=range(count),
        yticks=range(count),
        xticklabels=labels,
        yticklabels=labels,
    )
    figure.savefig(path, dpi=110)


def plot_reliability(parts: Sequence[Judged], path: Path, bins: int = 15) -> None:
    """Accuracy by confidence in bins of equal width, and how many answers are in each (DeGroot and
    Fienberg, The Statistician 32, 1983)."""
    columns = min(len(parts), ABREAST)
    rows = math.ceil(len(parts) / columns)
    figure = Figure(figsize=(3.6 * columns, 4.8 * rows), layout="constrained")
    axes = figure.subplots(2 * rows, columns, squeeze=False, height_ratios=(3, 1) * rows)
    edges = np.linspace(0, 1, bins + 1)
    for place, part in enumerate(parts):
        row, column = divmod(place, columns)
        above, below = axes[2 * row : 2 * row + 2, column]
        counts, _ = np.histogram(part.confidence, edges)
        right, _ = np.histogram(part.confidence[part.right], edges)
        sums, _ = np.histogram(part.confidence, edges, weights=part.confidence)
        used = counts > 0
        above.plot([0, 1], [0, 1], "--", color="grey", linewidth=1)
        above.bar(
            edges[:-1][used], right[used] / counts[used], 1 / bins, align="edge", edgecolor="white"
        )
        above.plot(sums[used] / counts[used], right[used] / counts[used], "k.", markersize=5)
        above.set(
            title=f"{part.part}\nexpected calibration error {part.calibration_error():.2%}",
            ylabel="accuracy",
            xlim=(0, 1),
            ylim=(0, 1),
        )
        above.title.set_fontsize(10)
        below.bar(edges[:-1], counts, 1 / bins, align="edge", color="grey", edgecolor="white")
        below.set(xlabel="confidence", ylabel="answers", yscale="log", xlim=(0, 1))
    for place in range(len(parts), rows * columns):
        row, column = divmod(place, columns)
        for unused in axes[2 * row : 2 * row + 2, column]:
            unused.set_axis_off()
    figure.savefig(path, dpi=110)


def plot_risk_by_coverage(parts: Sequence[Judged], thresholds: Abstention, path: Path) -> None:
    """How many of the surest answers are wrong; a dot stands where the thresholds leave a part."""
    covered = [part.coverage_and_risk(thresholds)[0] for part in parts]
    least = min(0.8, 0.9 * min(covered))
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for part in parts:
        coverage, risk = part.risk_by_coverage()
        shown = coverage >= least
        [line] = axes.plot(coverage[shown], risk[shown], label=part.part)
        axes.plot(*part.coverage_and_risk(thresholds), "o", color=line.get_color())
    axes.plot([], [], "o", color="grey", label="with the thresholds")
    axes.set(xlabel="coverage", ylabel="risk", xlim=(least, 1.005), ylim=(0, None))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)


def plot_deletion(
    removed: Sequence[float], curves: Mapping[str, Sequence[tuple[float, float]]], path: Path
) -> None:
    """What is left of a mood when so many of its words are gone, by the order in which they go."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    labels = "mean probability of the mood", "texts told as before"
    for place, (axes, label) in enumerate(zip(figure.subplots(1, 2), labels, strict=True)):
        for order, values in curves.items():
            axes.plot(removed, [value[place] for value in values], "o-", markersize=3, label=order)
        axes.set(xlabel="words removed", ylabel=label, ylim=(0, 1.02))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1))
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=110)
