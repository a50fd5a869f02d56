"""What stands between the digits of a line and looks like one: the slashes of a date."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.contract.ink import FULL_INK
from service.contract.parts import Part

LONGER = 1.12  # times the height of both neighbours
BEYOND = 0.03  # of its height, by which it goes above and below both
STRAIGHT = 0.05  # of its height, by which its ink is off a straight line
LEAN = 0.15, 0.8  # columns to the left with each row down


def without_slashes(parts: Sequence[Part]) -> list[Part]:
    """The parts of a line, left to right, but for straight strokes that lean to the right and go
    beyond the digits on both sides, above and below."""
    return [
        part
        for before, part, after in zip([None, *parts[:-1]], parts, [*parts[1:], None], strict=True)
        if before is None or after is None or not _is_slash(before, part, after)
    ]


def _is_slash(before: Part, part: Part, after: Part) -> bool:
    beyond = BEYOND * part.height
    return (
        part.height >= LONGER * max(before.height, after.height)
        and part.top <= min(before.top, after.top) - beyond
        and part.bottom >= max(before.bottom, after.bottom) + beyond
        and _leans(part)
    )


def _leans(part: Part) -> bool:
    y, x = np.nonzero(part.ink >= FULL_INK)
    rows, columns = y - y.mean(), x - x.mean()
    slope = float((rows * columns).sum() / np.square(rows).sum())
    off = float((columns - slope * rows).std())
    return LEAN[0] <= -slope <= LEAN[1] and off <= STRAIGHT * part.height
