"""The pictures that lie beside a published model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from training.progress import Epoch

mpl.use("agg")


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
