"""MNIST digits as a service must still read them: moved, shrunk, inverted, faint, striped, noisy,
turned, blurred."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import cv2
import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from service.contract.decoding import Grey

MOST_SHIFT = 8  # pixels
MOST_CUT = 1  # pixels of the digit that a shift may push over the edge
STROKE = 64  # the least grey level that counts as ink

Corruption = Callable[[Grey, Generator], Grey]


def shifted(digit: Grey, rng: Generator) -> Grey:
    """By up to 8 pixels each way, and no further than one pixel over the edge."""
    left, top, width, height = cv2.boundingRect((digit >= STROKE).astype(np.uint8))
    rows, columns = digit.shape
    down = _shift(rng, top, rows - top - height)
    right = _shift(rng, left, columns - left - width)
    return _warped(digit, np.array([[1, 0, right], [0, 1, down]]))


def half_size(digit: Grey, rng: Generator) -> Grey:  # noqa: ARG001 - every digit in the same way
    """Half as wide and high, in the middle."""
    rows, columns = digit.shape
    small = cv2.resize(digit, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
    frame = np.zeros_like(digit)
    top, left = (rows - small.shape[0]) // 2, (columns - small.shape[1]) // 2
    frame[top : top + small.shape[0], left : left + small.shape[1]] = small
    return frame


def inverted(digit: Grey, rng: Generator) -> Grey:  # noqa: ARG001 - as above
    """Black on white."""
    return 255 - digit


def low_contrast(digit: Grey, rng: Generator) -> Grey:
    """20 to 30% of the range, about the middle of it."""
    return _levels(127.5 + (digit - 127.5) * rng.uniform(0.2, 0.3))


def striped(digit: Grey, rng: Generator) -> Grey:
    """Stripes behind the digit: of any direction, 3 to 10 pixels apart, hard or soft, grey."""
    rows, columns = np.indices(digit.shape)
    angle, period = rng.uniform(0, math.pi), rng.uniform(3, 10)
    along = columns * math.cos(angle) + rows * math.sin(angle)
    waves = np.sin(2 * math.pi * (along / period + rng.uniform()))
    hardness = rng.uniform(1, 6)  # 1 is nearly a sine, 6 nearly a step
    stripes = (1 + np.tanh(waves * hardness) / math.tanh(hardness)) / 2 * rng.uniform(50, 130)
    return _levels(digit + (1 - digit / 255) * stripes)


def noisy(digit: Grey, rng: Generator) -> Grey:
    """Gaussian noise with a standard deviation of 20 to 40% of the range."""
    return _levels(digit + rng.normal(0, 255 * rng.uniform(0.2, 0.4), digit.shape))


def salt_and_pepper(digit: Grey, rng: Generator) -> Grey:
    """5 to 15% of the pixels black or white."""
    chance, hit = rng.uniform(size=digit.shape), rng.uniform(0.05, 0.15)
    return np.where(chance < hit, np.where(chance < hit / 2, 0, 255), digit).astype(np.uint8)


def rotated(digit: Grey, rng: Generator) -> Grey:
    """By 20 to 40 degrees, either way, about the middle."""
    degrees = rng.uniform(20, 40) * rng.choice([-1, 1])
    rows, columns = digit.shape
    turn = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), degrees, 1)
    return _warped(digit, turn)


def blurred(digit: Grey, rng: Generator) -> Grey:
    """By a Gaussian with a standard deviation of 0.8 to 1.6 pixels."""
    return _levels(cv2.GaussianBlur(digit, (0, 0), rng.uniform(0.8, 1.6)))


CORRUPTIONS: Mapping[str, Corruption] = {
    "shifted": shifted,
    "half size": half_size,
    "inverted": inverted,
    "low contrast": low_contrast,
    "striped": striped,
    "noisy": noisy,
    "salt and pepper": salt_and_pepper,
    "rotated": rotated,
    "blurred": blurred,
}
"""Each takes a digit (28, 28), white on black, and gives one of the same size."""


def _shift(rng: Generator, before: int, behind: int) -> int:
    """Pixels to move what has so much room before and behind it."""
    most = (min(MOST_SHIFT, room + MOST_CUT) for room in (before, behind))
    back, forth = most
    return int(rng.integers(-back, forth, endpoint=True))


def _warped(digit: Grey, matrix: npt.NDArray[np.number]) -> Grey:
    size = digit.shape[1], digit.shape[0]
    return _levels(cv2.warpAffine(digit, matrix.astype(np.float64), size, flags=cv2.INTER_LINEAR))


def _levels(values: npt.NDArray[np.number]) -> Grey:
    levels: Grey = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return levels
