"""A digit in the form of MNIST, written again at any size and with any pen."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from training.worlds.strokes import Grey, Line, strokes_of

Mask = npt.NDArray[Any]
"""float32 (height, width), how much of each pixel ink covers, 0 to 1."""

ENLARGED = 6  # strokes are traced, and outlines smoothed, at so many times 28x28
INK_LEVEL = 100  # of 255; what is darker in an enlarged image is paper


def enlarged(image: Grey, rng: Generator, turn: float = 12.0) -> Grey:
    """Six times as large and smooth, turned by up to `turn` degrees and slanted a little; 255 for
    ink, 0 for paper."""
    angle, slant = math.radians(rng.uniform(-turn, turn)), rng.uniform(-0.1, 0.1)
    cos, sin = math.cos(angle), math.sin(angle)
    matrix = np.array([[cos, -sin + slant * cos], [sin, cos + slant * sin]]) * ENLARGED
    shift = ENLARGED * 14 - matrix @ [14, 14]
    side = ENLARGED * 28
    large = cv2.warpAffine(
        image, np.column_stack([matrix, shift]), (side, side), flags=cv2.INTER_CUBIC
    )
    large = cv2.GaussianBlur(large, (0, 0), ENLARGED * 0.4)
    return np.where(large > min(INK_LEVEL, int(large.max()) // 2), 255, 0).astype(np.uint8)


def outline(shape: Grey, size: float, thicker: float = 0.0) -> Mask:
    """The shape as it is, its longer side `size`, every edge moved out by `thicker` pixels."""
    x, y, width, height = cv2.boundingRect(shape)
    ratio = size / max(width, height)
    edge = math.ceil((max(thicker, 0) + 1) / ratio) + 2 * ENLARGED
    framed = cv2.copyMakeBorder(
        shape[y : y + height, x : x + width], edge, edge, edge, edge, cv2.BORDER_CONSTANT
    )
    inside = cv2.distanceTransform(framed, cv2.DIST_L2, 5)
    outside = cv2.distanceTransform(255 - framed, cv2.DIST_L2, 5)
    distance = cv2.GaussianBlur(inside - outside, (0, 0), ENLARGED / 2)
    how = cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC
    distance = cv2.resize(distance, None, fx=ratio, fy=ratio, interpolation=how)
    return cropped(np.clip(distance * ratio + thicker + 0.5, 0, 1))


def redrawn(
    shape: Grey, size: float, width: float, wobble: float = 0.0, rng: Generator | None = None
) -> Mask:
    """The strokes of the shape, drawn again with a pen `width` pixels wide, the longer side of it
    all about `size`; `wobble` is the unsteadiness of the hand as a share of the size."""
    lines = strokes_of(shape)
    if rng is not None and wobble:
        reach = max(np.ptp(np.concatenate(lines), axis=0)) * wobble
        lines = [line + reach * _drift(len(line), rng) for line in lines]
    return inked(lines, size, width)


def inked(lines: list[Line], size: float, width: float) -> Mask:
    """Lines in any unit of length, drawn as `redrawn` says."""
    points = np.concatenate(lines)
    corner, extent = points.min(axis=0), float(max(np.ptp(points, axis=0)))
    fine = max(1, math.ceil(4 / width))
    # A stroke is drawn half its width beyond its line.
    ratio = fine * max(size - width, 4.0) / extent
    # OpenCV draws a smooth line of even thickness wider than that by 1.4 pixels.
    thickness = max(2, 2 * round((width * fine - 1.4) / 2))
    margin = thickness / 2 + 2 * fine
    across, down = np.ceil(np.ptp(points, axis=0) * ratio + 2 * margin).astype(int)
    across, down = (math.ceil(side / fine) * fine for side in (across, down))
    canvas = np.zeros((down, across), np.uint8)
    drawn = [np.rint(((line - corner) * ratio + margin) * 16).astype(np.int32) for line in lines]
    cv2.polylines(canvas, drawn, False, 255, thickness, cv2.LINE_AA, 4)
    small = cv2.resize(canvas, (across // fine, down // fine), interpolation=cv2.INTER_AREA)
    return cropped(small.astype(np.float32) / 255)


def thick(shape: Grey, size: float, width: float) -> Mask:
    """As `redrawn`, with the widest pen up to `width` that closes no hole of the digit."""
    lines = strokes_of(shape)
    holes = _holes(inked(lines, size, size * 0.06))
    while True:
        mask = inked(lines, size, width)
        if _holes(mask) == holes or width < size * 0.08:
            return mask
        width *= 0.85


def cropped(mask: Mask) -> Mask:
    """Without the empty rows and columns at its edges."""
    x, y, width, height = cv2.boundingRect((mask > 0.1).astype(np.uint8))
    return mask[y : y + height, x : x + width]


def laid(mask: Mask, canvas: tuple[int, int], left: float, top: float) -> Mask:
    """On an empty canvas of height and width; what lies outside is cut off."""
    page = np.zeros(canvas, np.float32)
    x, y = round(left), round(top)
    height, width = mask.shape
    inner = page[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)]
    inner[:] = mask[max(-y, 0) :, max(-x, 0) :][: inner.shape[0], : inner.shape[1]]
    return page


def anywhere(mask: Mask, canvas: tuple[int, int], rng: Generator, margin: float = 0.03) -> Mask:
    """On a canvas that is larger than it, at a place by chance."""
    free = np.subtract(canvas, mask.shape)
    least = np.minimum(np.multiply(canvas, margin), free / 2)
    top, left = rng.uniform(least, free - least)
    return laid(mask, canvas, left, top)


def _holes(mask: Mask) -> int:
    paper = np.pad((mask < 0.5).astype(np.uint8), 1, constant_values=1)
    return cv2.connectedComponents(paper, connectivity=4)[0] - 2


def _drift(count: int, rng: Generator) -> npt.NDArray[np.float32]:
    """(count, 2) of about unit size, changing slowly along a line."""
    knots = rng.standard_normal((2, max(2, count // 12) + 1))
    at = np.linspace(0, knots.shape[1] - 1, count)
    return np.stack([np.interp(at, range(len(k)), k) for k in knots], axis=1).astype(np.float32)
