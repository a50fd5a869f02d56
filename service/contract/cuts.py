"""Where touching digits may be cut apart: paths from top to bottom through little ink.

The shortest paths of J. Wang and J. Jean, Segmentation of merged characters by neural networks and
shortest path (1994); more of them than needed, so that a model chooses among what they leave.
"""

from __future__ import annotations

import math
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from service.contract.decoding import Grey

CUT_HEIGHT = 48  # pixels; on a higher line, paths are sought in the ink reduced to so many
FAINT = 4  # the power of the ink that it costs to cut: where two edges meet, it is less than full
ASIDE = 0.07  # what a step aside costs, where a step through full ink costs 1
DEAREST = 0.6  # of the height of a line, of which no cut goes through more ink

Costs = npt.NDArray[np.float32]
Path = npt.NDArray[np.intp]
"""(h,): in each row the first column to the right of a cut."""


def find_cuts(ink: Grey, height: float, apart: float) -> list[Path]:
    """Where ink (h, w) on a line so high may be cut, left to right: the cheapest path from top to
    bottom, then the cheapest at least `apart` heights from it, and so on; they never cross."""
    ratio = min(1.0, CUT_HEIGHT / height)
    size = max(1, round(ink.shape[1] * ratio)), max(1, round(ink.shape[0] * ratio))
    small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA)
    cost = np.power(small.astype(np.float32) / 255, FAINT)
    down, up = _cheapest(cost), _cheapest(cost[::-1])[::-1]
    middle = len(cost) // 2
    through = (down + up - cost)[middle]
    reach = max(1, math.ceil(apart * height * ratio))
    through[:reach] = through[-reach:] = math.inf
    places = []
    while through[place := int(through.argmin())] <= DEAREST * height * ratio:
        places.append(place)
        through[max(0, place - reach + 1) : place + reach] = math.inf
    return [_enlarged(_path(down, up, place), ink.shape, small.shape) for place in sorted(places)]


def _cheapest(cost: Costs) -> Costs:
    """What it costs to reach each pixel (h, w) from above, itself included."""
    total = cost.copy()
    for before, here in pairwise(total):
        step = before.copy()
        np.minimum(step[1:], before[:-1] + ASIDE, out=step[1:])
        np.minimum(step[:-1], before[1:] + ASIDE, out=step[:-1])
        here += step
    return total


def _path(down: Costs, up: Costs, place: int) -> Path:
    """The cheapest path through `place` in the middle row."""
    height, width = down.shape
    path = np.full(height, place, np.intp)
    middle = height // 2
    for rows, total in ((range(middle - 1, -1, -1), down), (range(middle + 1, height), up)):
        x = place
        for y in rows:
            first = max(x - 1, 0)
            steps = total[y, first : min(x + 2, width)] + ASIDE
            steps[x - first] -= ASIDE
            x = first + int(steps.argmin())
            path[y] = x
    return path


def _enlarged(path: Path, shape: tuple[int, ...], small: tuple[int, ...]) -> Path:
    if shape == small:
        return path
    rows = (np.arange(shape[0]) + 0.5) * small[0] / shape[0] - 0.5
    columns = np.interp(rows, np.arange(small[0]), path) * shape[1] / small[1]
    enlarged: Path = np.rint(columns).astype(np.intp)
    return enlarged
