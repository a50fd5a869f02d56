"""Ink to the parts that hang together, and these to the lines that they stand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from service.contract.decoding import Grey
from service.contract.ink import FULL_INK

MOST_PARTS = 160  # of a picture, the largest
FEWEST_PIXELS = 4  # of a part
TALL, TALLEST = 0.4, 2.2  # of the usual height: what is less or more high is no digit
SPECK = 0.05  # of the usual height: what is smaller is dirt
BAR, HAIR = 0.7, 0.07  # of the usual height: what is wider and lower is a rule
NEAR = 0.5  # usual heights between a small part and the digit that it goes with
BESIDE = 0.5  # of the smaller height, by which neighbours on a line stand beside each other
REACH = 2.0  # usual heights between neighbours on a line
SMUDGE = 0.5  # of the strength of the darkest ink, less of which is none
FRAME_INK = 0.3  # of its box, less of which a frame fills

Counts = npt.NDArray[np.int32]
Places = npt.NDArray[np.intp]
Truth = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Part:
    """Ink (h, w), 0 where it is not of this part, and where that lies in the picture."""

    ink: Grey
    left: int
    top: int

    @property
    def height(self) -> int:
        return len(self.ink)

    @property
    def width(self) -> int:
        return len(self.ink[0])

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def bottom(self) -> int:
        return self.top + self.height


def parts_by_line(ink: Grey) -> list[list[Part]]:
    """Lines from top to bottom, on each what may be digits or belong to them, left to right.

    Dirt, frames and what is far too large for a digit are left out.
    """
    mask = (ink >= FULL_INK).view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    left, top, wide, high, area = stats.T
    order = np.argsort(-(wide + high), kind="stable")
    order = order[(order > 0) & (area[order] >= FEWEST_PIXELS)][:MOST_PARTS]
    if len(order) == 0:
        return []
    boxes = np.stack([left, top, left + wide, top + high], axis=1)[order]
    kept = ~_frames(boxes, area[order])
    order, boxes = order[kept], boxes[kept]
    lines = _lines(boxes, ink.shape)

    def part(at: np.intp) -> Part:
        x, y, x2, y2 = (int(side) for side in boxes[at])
        own = (labels[y:y2, x:x2] == order[at]).astype(np.uint8)
        # Its edges are fainter than what counts as ink.
        grown = cv2.dilate(own, np.ones((3, 3), np.uint8)).astype(np.uint8, copy=False)
        return Part(ink[y:y2, x:x2] * grown, x, y)

    centres = boxes[:, 0] + boxes[:, 2]
    found = [[part(at) for at in line[np.argsort(centres[line], kind="stable")]] for line in lines]
    return _without_smudges(found)


def _without_smudges(lines: Sequence[Sequence[Part]]) -> list[list[Part]]:
    """Lines of what is about as dark as the darkest of the ink."""
    strengths = [[float(part.ink[part.ink > 0].mean()) for part in line] for line in lines]
    darkest = max(map(max, strengths), default=0.0)
    kept = [
        [part for part, own in zip(*line, strict=True) if own >= SMUDGE * darkest]
        for line in zip(lines, strengths, strict=True)
    ]
    return [line for line in kept if line]


def _frames(boxes: Counts, area: Counts) -> Truth:
    """Which of the parts (n, 4) are printed around others."""
    left, top, right, bottom = boxes.T
    high = bottom - top
    within = (
        (left[None] > left[:, None])
        & (right[None] < right[:, None])
        & (top[None] > top[:, None])
        & (bottom[None] < bottom[:, None])
        & (high[None] >= TALL * high[:, None])
    )
    frames: Truth = within.any(axis=1) & (area < FRAME_INK * (right - left) * high)
    return frames


def _lines(boxes: Counts, shape: tuple[int, ...]) -> list[Places]:
    """The parts (n, 4) of each line, top to bottom."""
    left, top, right, bottom = boxes.T
    high, wide = bottom - top, right - left
    inside = (left > 0) & (top > 0) & (right < shape[1]) & (bottom < shape[0])
    usual = _usual(high[inside] if inside.any() else high)
    tall = np.flatnonzero((high >= TALL * usual) & (high <= TALLEST * usual))
    rule = (wide > BAR * usual) & (high < HAIR * usual)
    speck = np.maximum(high, wide) < SPECK * usual
    small = np.flatnonzero((high < TALL * usual) & ~speck & ~rule)
    if len(tall) == 0:
        return []
    chosen = boxes[tall]
    beside = _shared(chosen, 1) >= BESIDE * np.minimum(high[tall][:, None], high[tall])
    near = _shared(chosen, 0) >= -REACH * usual
    group = _linked(beside & near)
    group = _rejoined(chosen, group)
    if len(small):
        across = np.maximum(-_between(boxes[small], chosen, 0), 0)
        down = np.maximum(-_between(boxes[small], chosen, 1), 0)
        away = np.hypot(across, down)
        nearest = away.argmin(axis=1)
        joins = (away.min(axis=1) <= NEAR * usual) & (wide[small] <= usual)
        tall = np.concatenate([tall, small[joins]])
        group = np.concatenate([group, group[nearest[joins]]])
    middles = {number: float(np.mean(top[tall[group == number]])) for number in np.unique(group)}
    return [tall[group == number] for number in sorted(middles, key=middles.__getitem__)]


def _usual(high: Counts) -> float:
    """The median height, in which a part counts for as much as its square."""
    heights = np.sort(high)
    weights = np.cumsum(np.square(heights.astype(float)))
    return float(heights[np.searchsorted(weights, weights[-1] / 2)])


def _between(first: Counts, second: Counts, axis: int) -> Counts:
    """By how many pixels each pair overlaps along an axis (n, m); below 0, how far apart it is."""
    start = np.maximum(first[:, None, axis], second[None, :, axis])
    end = np.minimum(first[:, None, axis + 2], second[None, :, axis + 2])
    overlap: Counts = end - start
    return overlap


def _shared(boxes: Counts, axis: int) -> Counts:
    return _between(boxes, boxes, axis)


def _linked(linked: Truth) -> Places:
    """A number for each of n that is the same for all that are linked (n, n) at any remove."""
    group = np.arange(len(linked))
    while True:
        lowest = np.where(linked, group[None], len(group)).min(axis=1)
        if np.array_equal(lowest, group):
            return group
        group = lowest


def _rejoined(boxes: Counts, group: Places) -> Places:
    """Pieces of one line with much space between them get the same number."""
    numbers = np.unique(group)
    spans = np.array(
        [
            [*boxes[group == number].min(axis=0)[:2], *boxes[group == number].max(axis=0)[2:]]
            for number in numbers
        ]
    )
    high = spans[:, 3] - spans[:, 1]
    beside = _shared(spans, 1) >= BESIDE * np.minimum(high[:, None], high)
    apart = _shared(spans, 0) <= 0
    same = _linked((beside & apart) | np.eye(len(numbers), dtype=bool))
    joined: Places = same[np.searchsorted(numbers, group)]
    return joined
