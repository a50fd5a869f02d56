"""Digits and signs set beside each other on a line, with gaps or touching."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from training.worlds.ink import Mask, enlarged, outline
from training.worlds.strokes import Grey

INK = 0.4  # of a pixel being covered, it counts as ink


def as_they_are(images: Sequence[Grey]) -> list[Mask]:
    """Digits at MNIST's own size, about 20 high."""
    return [_cropped(image / np.float32(255)) for image in images]


def written_large(images: Sequence[Grey], height: float, rng: Generator) -> list[Mask]:
    """Digits about `height` high, with strokes somewhat thinner or thicker than they are."""
    thicker = height * rng.uniform(-0.02, 0.02)
    masks = []
    for image in images:
        _, _, across, down = cv2.boundingRect(image)
        size = height * max(across, down) / 20 * rng.uniform(0.93, 1.07)
        masks.append(outline(enlarged(image, rng, turn=3), size, thicker))
    return masks


def sign(kind: str, height: float, rng: Generator) -> Mask:
    """A dash, a dot or a slash (`-`, `.`, `/`) that goes with digits of this height."""
    pen = max(1, round(height * rng.uniform(0.06, 0.09)))
    if kind == "/":
        tall, wide = round(height * rng.uniform(1.1, 1.4)), round(height * rng.uniform(0.3, 0.55))
        canvas = np.zeros((tall + 2 * pen, wide + 2 * pen), np.uint8)
        cv2.line(canvas, (pen, tall + pen), (wide + pen, pen), 255, pen, cv2.LINE_AA)
        return _cropped(canvas / np.float32(255))
    canvas = np.zeros((round(height), round(height * 0.4)), np.uint8)
    if kind == "-":
        y = round(height * rng.uniform(0.45, 0.55))
        cv2.line(canvas, (pen, y), (canvas.shape[1] - pen, y), 255, pen, cv2.LINE_AA)
    else:
        middle = canvas.shape[1] // 2, canvas.shape[0] - pen
        cv2.circle(canvas, middle, max(1, round(pen * 0.8)), 255, -1, cv2.LINE_AA)
    return canvas / np.float32(255)


def set_in_line(
    masks: Sequence[Mask],
    gaps: Sequence[float],
    rng: Generator,
    *,
    drift: float = 0.0,
    along: bool = False,
) -> Mask:
    """One beside the other; see `places`."""
    found = places(masks, gaps, rng, drift=drift, along=along)
    right = max(left + mask.shape[1] for mask, (left, _) in zip(masks, found, strict=True))
    bottom = max(top + len(mask) for mask, (_, top) in zip(masks, found, strict=True))
    page = np.zeros((bottom, right), np.float32)
    for mask, (left, top) in zip(masks, found, strict=True):
        part = page[top : top + len(mask), left : left + mask.shape[1]]
        np.maximum(part, mask, out=part)
    return _cropped(page)


def places(
    masks: Sequence[Mask],
    gaps: Sequence[float],
    rng: Generator,
    *,
    drift: float = 0.0,
    along: bool = False,
) -> list[tuple[int, int]]:
    """Left and top of each on a line, after its gap in pixels, up to `drift` above or below the
    middle.

    A gap is what lies between the two boxes or, where `along`, between the nearest pixels of a row;
    below 0 that many pixels lie on each other.
    """
    height = max(len(mask) for mask in masks) + 2 * math.ceil(drift)
    reached = np.full(height, -np.inf)  # the last column with ink in each row
    found = []
    for mask, gap in zip(masks, gaps, strict=True):
        top = round((height - len(mask)) / 2 + rng.uniform(-drift, drift))
        rows = slice(top, top + len(mask))
        starts, ends = _reach(mask)
        before = reached[rows] if along else np.full(len(mask), reached.max())
        begin = starts if along else np.zeros(len(mask))
        nearest = float(np.max(before + 1 - begin))
        left = max(0, round(nearest + gap)) if math.isfinite(nearest) else 0
        reached[rows] = np.maximum(reached[rows], left + ends)
        found.append((left, top))
    return found


def below(first: Mask, second: Mask, gap: int, rng: Generator) -> Mask:
    """The second line `gap` pixels below the first, not quite where that begins."""
    width = max(first.shape[1], second.shape[1])
    page = np.zeros((len(first) + gap + len(second), width), np.float32)
    for mask, top in ((first, 0), (second, len(first) + gap)):
        left = round((width - mask.shape[1]) * rng.random())
        page[top : top + len(mask), left : left + mask.shape[1]] = mask
    return page


def turned(line: Mask, degrees: float) -> Mask:
    """The whole line, rising to the right where `degrees` are above 0."""
    height, width = line.shape
    reach = math.ceil(width * math.sin(math.radians(abs(degrees)))) + 2
    line = cv2.copyMakeBorder(line, reach, reach, height, height, cv2.BORDER_CONSTANT)
    size = line.shape[::-1]
    matrix = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), degrees, 1)
    return _cropped(cv2.warpAffine(line, matrix, size, flags=cv2.INTER_LINEAR))


def cut_through(mask: Mask, rng: Generator) -> Mask:
    """With a straight gap of a pixel somewhere in the middle."""
    height, width = mask.shape
    angle, middle = rng.uniform(0, math.pi), rng.uniform(0.3, 0.7, 2) * (width, height)
    y, x = np.mgrid[:height, :width]
    across = (x - middle[0]) * math.sin(angle) - (y - middle[1]) * math.cos(angle)
    cut: Mask = np.where(np.abs(across) > 0.6, mask, np.float32(0))
    return cut


def _cropped(mask: Mask) -> Mask:
    x, y, width, height = cv2.boundingRect((mask > 0).astype(np.uint8))
    return mask[y : y + height, x : x + width].astype(np.float32)


def _reach(mask: Mask) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """First and last column with ink of each row; infinite where there is none."""
    ink = mask > INK
    empty = ~ink.any(axis=1)
    starts = np.where(empty, np.inf, ink.argmax(axis=1))
    ends = np.where(empty, -np.inf, mask.shape[1] - 1 - ink[:, ::-1].argmax(axis=1))
    return starts, ends
