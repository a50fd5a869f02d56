"""Shapes as other hands and pens would have drawn them: ink (SHAPE, SHAPE), light on black."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from numpy.random import Generator
from scipy.interpolate import CubicSpline
from skimage.morphology import skeletonize

from service.contract.decoding import Grey

SHAPE = 96
DIGIT = 60  # of it is the longest side of an undistorted digit
LETTERS = "ACEFGHJKLMNPQRTUVWXY" + "acdefhkmnprtuvwxy" + "+=?@#%&*<>{}[]~^"
"""What is drawn as no digit; without O, S, Z, l and others that could be one."""


def handwritten(image: Grey, rng: Generator) -> Grey:
    """An MNIST image (28, 28) by another hand, with another pen."""
    zoom = DIGIT / 20
    place = np.array([[zoom, 0, SHAPE / 2 - 14 * zoom], [0, zoom, SHAPE / 2 - 14 * zoom]])
    large = cv2.warpAffine(image, place, (SHAPE, SHAPE), flags=cv2.INTER_CUBIC)
    return with_pen(distorted(large, rng), rng)


STYLES: tuple[tuple[int, tuple[str, ...]], ...] = (
    (1, ("30,25 52,3 50,97",)),
    (1, ("18,38 55,3 53,97",)),
    (1, ("32,22 52,4 51,96", "25,96 78,95")),
    (1, ("50,3 50,97", "30,97 72,97")),
    (1, ("28,8 55,6 53,96", "24,96 80,95")),
    (4, ("62,3 12,66 90,64", "64,34 62,98")),
    (4, ("22,4 18,50 78,48", "76,4 72,98")),
    (4, ("55,2 14,60 88,60", "58,2 58,98")),
    (7, ("14,8 84,6 42,97", "30,50 72,48")),
    (7, ("14,18 16,6 84,6 40,97",)),
    (7, ("12,8 86,7 60,40 50,97",)),
    (9, ("78,20 60,4 34,8 24,28 38,46 62,40 78,20 74,60 68,97",)),
    (9, ("80,12 50,4 24,24 34,46 66,42 80,12 76,70 56,95 22,90",)),
    (9, ("76,14 46,4 26,22 40,44 72,34 76,14 70,97",)),
    (9, ("78,8 40,6 24,28 44,46 74,30 72,97",)),
    (5, ("34,6 28,44 60,40 78,66 58,94 20,90", "34,6 84,6")),
    (2, ("18,24 40,4 72,16 66,46 14,94 50,86 86,95",)),
    (3, ("20,6 80,6 44,42 76,62 60,94 18,88",)),
    (6, ("62,4 30,40 22,76 46,96 74,78 58,56 26,70",)),
    (8, ("76,16 48,4 26,22 50,46 76,72 50,96 24,74 50,46 76,16",)),
    (0, ("52,4 24,30 26,72 50,96 76,68 74,26 48,3",)),
)
"""Ways of writing a digit that American census workers and pupils had not; strokes as places of a
pen, "x,y" of 100."""


def styled(rng: Generator) -> tuple[Grey, int]:
    """A digit in one of STYLES, and its label."""
    label, strokes = STYLES[rng.integers(len(STYLES))]
    shape = np.zeros((SHAPE, SHAPE), np.uint8)
    wide = rng.uniform(0.45, 0.85)
    for stroke in strokes:
        turns = np.array([place.split(",") for place in stroke.split()], float)
        turns += rng.normal(0, 3, 2)
        turns += rng.normal(0, 2.5, turns.shape)
        at = (turns / 100 - 0.5) * (DIGIT * wide, DIGIT) + SHAPE / 2
        _drawn(shape, at, rng.random() < 0.5 or len(turns) > 5, 3)
    return with_pen(distorted(shape, rng), rng), label


def figure(rng: Generator) -> Grey:
    """Outlines with corners, and lines across each other."""
    shape = np.zeros((SHAPE, SHAPE), np.uint8)
    for _ in range(int(rng.integers(3, 6))):
        corners = int(rng.integers(2, 8))
        angles = np.sort(rng.uniform(0, 2 * math.pi, corners))
        radius = rng.uniform(8, 34) * rng.uniform(0.5, 1, corners)
        turns = np.stack([np.cos(angles), np.sin(angles)], 1) * radius[:, None]
        turns += rng.uniform(34, SHAPE - 34, 2)
        _drawn(shape, np.vstack([turns, turns[:1]]), corners > 3 and rng.random() < 0.3, 3)
    return with_pen(distorted(shape, rng), rng)


def _drawn(shape: Grey, turns: npt.NDArray[np.float64], smooth: bool, width: int) -> None:
    """A stroke through places (n, 2), added to the shape."""
    times = np.linspace(0, len(turns) - 1, 12 * len(turns))
    if smooth:
        path = CubicSpline(np.arange(len(turns)), turns)(times)
    else:
        whole = np.arange(len(turns))
        path = np.stack([np.interp(times, whole, turns[:, i]) for i in (0, 1)], axis=1)
    cv2.polylines(shape, [np.rint(path * 8).astype(np.int32)], False, 255, width, cv2.LINE_AA, 3)


def letter(rng: Generator) -> Grey:
    """One of LETTERS or, rarely, two of them."""
    shape = np.zeros((SHAPE, SHAPE), np.uint8)
    text = "".join(rng.choice(list(LETTERS), 1 + int(rng.random() < 0.1)))
    font = int(rng.choice([0, 2, 3, 4, 6, 7])) | (16 if rng.random() < 0.3 else 0)  # italic
    (width, height), below = cv2.getTextSize(text, font, 1.0, 1)
    size = DIGIT / max(width, height)
    corner = round((SHAPE - width * size) / 2), round((SHAPE + (height - below / 2) * size) / 2)
    cv2.putText(shape, text, corner, font, size, 255, int(rng.integers(2, 6)), cv2.LINE_AA)
    return with_pen(distorted(shape, rng), rng)


def scribble(rng: Generator) -> Grey:
    """A pen moved about without meaning."""
    shape = np.zeros((SHAPE, SHAPE), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        turns = rng.uniform(15, SHAPE - 15, (int(rng.integers(5, 12)), 2))
        _drawn(shape, turns, rng.random() < 0.6, int(rng.integers(2, 7)))
    return with_pen(shape, rng)


def blob(rng: Generator) -> Grey:
    """Filled areas, some with a pattern: a silhouette of nothing in particular."""
    shape: Grey = np.zeros((SHAPE, SHAPE), np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        centre = rng.uniform(30, SHAPE - 30, 2)
        size, turn = rng.uniform(6, 32, 2), math.degrees(rng.uniform(0, math.pi))
        level = int(rng.integers(90, 256))
        corners: npt.NDArray[Any] = cv2.boxPoints((tuple(centre), tuple(2 * size), turn))
        if rng.random() < 0.5:
            corners += rng.normal(0, 6, corners.shape)
            cv2.fillPoly(shape, [np.rint(corners).astype(np.int32)], level, cv2.LINE_AA)
        else:
            cv2.ellipse(shape, (tuple(centre), tuple(2 * size), turn), level, -1, cv2.LINE_AA)
    if rng.random() < 0.5:
        coarse = rng.integers(60, 256, (int(rng.integers(2, 24)), int(rng.integers(2, 24))))
        weave = cv2.resize(coarse.astype(np.uint8), (SHAPE, SHAPE), interpolation=cv2.INTER_LINEAR)
        shape = cv2.multiply(shape, weave, scale=1 / 255)
    return distorted(shape, rng)


def shuffled(images: Sequence[Grey], rng: Generator) -> Grey:
    """Quarters of digits, put together wrongly."""
    first, second = (cv2.resize(image[4:24, 4:24], (DIGIT, DIGIT)) for image in images[:2])
    half = DIGIT // 2
    quarters = [
        (first if rng.random() < 0.6 else second)[y : y + half, x : x + half]
        for y in (0, half)
        for x in (0, half)
    ]
    turned = [np.rot90(quarters[i], int(rng.integers(4))) for i in rng.permutation(4)]
    shape = np.zeros((SHAPE, SHAPE), np.uint8)
    start = (SHAPE - DIGIT) // 2
    joined = np.block([[turned[0], turned[1]], [turned[2], turned[3]]])
    shape[start : start + DIGIT, start : start + DIGIT] = joined
    return with_pen(distorted(shape, rng), rng)


def side_by_side(images: Sequence[Grey], rng: Generator) -> Grey:
    """Two or three digits apart, touching or one over the other."""
    count = 2 if rng.random() < 0.8 else 3
    size = DIGIT * 0.75 * 2 / (count + 1)
    shape = np.zeros((SHAPE, SHAPE), np.uint8)
    step = size * rng.uniform(0.55, 1.2)
    for i, image in enumerate(images[:count]):
        zoom = size * rng.uniform(0.85, 1.15) / 20
        x = SHAPE / 2 + (i - (count - 1) / 2) * step - 14 * zoom
        y = SHAPE / 2 - 14 * zoom + rng.uniform(-0.15, 0.15) * size
        place = np.array([[zoom, 0, x], [0, zoom, y]])
        shape = np.maximum(shape, cv2.warpAffine(image, place, (SHAPE, SHAPE)))
    return with_pen(distorted(shape, rng), rng)


def cut(image: Grey, rng: Generator) -> Grey | None:
    """The left or right part of a digit, as a wrong cut between two would leave it; None where so
    little is missing, or left, that it could be a digit."""
    columns = image.sum(axis=0, dtype=np.int64).cumsum()
    at = int(rng.integers(9, 20))
    share = columns[at] / columns[-1]
    width = np.ptp(np.flatnonzero(image.any(axis=0))) + 1
    if not 0.3 < share < 0.7 or width < 12:
        return None
    part = image.copy()
    part[:, at:] = 0
    if rng.random() < 0.5:
        part = image - part
    return handwritten(part, rng)


def distorted(shape: Grey, rng: Generator) -> Grey:
    """Turned (mostly a little, up to 45 degrees), stretched, slanted, and bent."""
    degrees = rng.normal(0, 7) if rng.random() < 0.65 else rng.uniform(-42, 42)
    angle, slant = math.radians(degrees), rng.normal(0, 0.15)
    stretch = np.exp(rng.normal(0, 0.12, 2)) * rng.uniform(0.85, 1.1)
    cos, sin = math.cos(angle), math.sin(angle)
    affine = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, slant], [0, 1]]) / stretch
    places = np.stack(np.meshgrid(np.arange(SHAPE), np.arange(SHAPE)), axis=-1) - SHAPE / 2
    source = places @ affine.T + SHAPE / 2
    grid = rng.normal(0, rng.uniform(0, 2.2), (int(rng.integers(4, 8)),) * 2 + (2,))
    bent = cv2.resize(grid, (SHAPE, SHAPE), interpolation=cv2.INTER_CUBIC)
    places = (source + bent).astype(np.float32)
    return cv2.remap(shape, places, None, cv2.INTER_LINEAR)  # type: ignore[call-overload,no-any-return]


def with_pen(shape: Grey, rng: Generator) -> Grey:
    """The same strokes from hairline to marker."""
    kind = rng.random()
    if kind < 0.3:
        return shape
    if kind < 0.55:
        size = int(rng.integers(2, 5))
        nib = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        return cv2.dilate(shape, nib) if rng.random() < 0.6 else cv2.erode(shape, nib)
    line = skeletonize(shape > 100).astype(np.uint8) * 255  # type: ignore[no-untyped-call]
    width = round(math.exp(rng.uniform(math.log(1.2), math.log(15))))
    flat = max(1, round(width * rng.uniform(0.4, 1))) if rng.random() < 0.3 else width
    line = cv2.dilate(line, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, flat)))
    return cv2.GaussianBlur(line, (3, 3), 0) if rng.random() < 0.7 else line


def noise(rng: Generator) -> Grey:
    """Clouds and grain of any size."""
    cells = int(rng.integers(3, 64))
    coarse = rng.integers(0, 256, (cells, cells)).astype(np.uint8)
    shape = cv2.resize(coarse, (SHAPE, SHAPE), interpolation=cv2.INTER_CUBIC)
    return (shape > 150).astype(np.uint8) * 255 if rng.random() < 0.5 else shape
