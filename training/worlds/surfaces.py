"""What digits are written on, the light that falls on it, and the camera that looks at it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from numpy.random import Generator
from PIL import Image

from training.golden import as_bytes
from training.worlds.ink import Mask

Picture = npt.NDArray[Any]
"""float32 (height, width, 3), red, green and blue from 0 to 255."""

Colour = Sequence[float]
PENS: list[Colour] = [(25, 40, 130), (20, 25, 95), (30, 30, 34), (15, 15, 18), (60, 20, 30)]
FELT: list[Colour] = [(20, 20, 25), (25, 50, 160), (190, 30, 40), (20, 110, 60)]


def photo_size(rng: Generator, shortest: int = 600, longest: int = 1100) -> tuple[int, int]:
    """Height and width of a photograph, upright, lying or square."""
    side = rng.uniform(shortest, longest)
    other = side * [3 / 4, 9 / 16, 1][rng.integers(3)]
    frame = round(max(side, other)), round(other)
    return frame if rng.random() < 0.6 else frame[::-1]


def field(shape: tuple[int, int], rng: Generator, cell: float) -> Mask:
    """Noise of about unit size (height, width) whose features are `cell` pixels wide."""
    rows, columns = (max(2, math.ceil(side / cell) + 1) for side in shape)
    noise = rng.standard_normal((rows, columns), dtype=np.float32)
    if cell <= 1:
        return noise[: shape[0], : shape[1]]
    return cv2.resize(noise, shape[::-1], interpolation=cv2.INTER_CUBIC)


def places(shape: tuple[int, int]) -> tuple[Mask, Mask]:
    """The row and the column of every pixel, each (height, width)."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return y, x


def plain(shape: tuple[int, int], colour: Colour) -> Picture:
    """One colour all over."""
    return np.full((*shape, 3), colour, np.float32)


def paper(shape: tuple[int, int], rng: Generator, grain: float = 3.0) -> Picture:
    """White or creamy, its grain some grey levels deep."""
    white = rng.uniform(225, 250)
    sheet = plain(shape, (white, white - rng.uniform(0, 6), white - rng.uniform(0, 18)))
    fibres = field(shape, rng, 1) * grain + field(shape, rng, 3) * grain * 0.7
    return cv2.add(sheet, cv2.merge([fibres] * 3))


def ruled(sheet: Picture, spacing: float, rng: Generator, *, squares: bool) -> Picture:
    """With printed lines across, and down too where `squares`, or a red margin by chance."""
    height, width = sheet.shape[:2]
    lines = np.zeros((height, width), np.uint8)
    thickness = max(1, round(spacing * rng.uniform(0.01, 0.03)))
    for y in np.arange(rng.uniform(0, spacing), height, spacing):
        cv2.line(lines, (0, round(y)), (width, round(y)), 255, thickness)
    if squares:
        for x in np.arange(rng.uniform(0, spacing), width, spacing):
            cv2.line(lines, (round(x), 0), (round(x), height), 255, thickness)
    colour = [(90, 140, 200), (130, 130, 140), (110, 170, 170)][rng.integers(3)]
    sheet = painted(sheet, lines.astype(np.float32) / 255 * rng.uniform(0.3, 0.75), colour)
    if not squares and rng.random() < 0.3:
        margin = np.zeros((height, width), np.float32)
        x = round(width * rng.uniform(0.04, 0.12))
        cv2.line(margin, (x, 0), (x, height), rng.uniform(0.4, 0.8), thickness)
        sheet = painted(sheet, margin, (215, 80, 90))
    return sheet


def painted(picture: Picture, cover: Mask, colour: Colour) -> Picture:
    """The colour laid over the picture where `cover` is 1, mixed with it where that is less."""
    x, y, width, height = cv2.boundingRect((cover > 0).astype(np.uint8))
    place = slice(y, y + height), slice(x, x + width)
    picture = picture.copy()
    picture[place] += cover[place][..., None] * (np.array(colour, np.float32) - picture[place])
    return picture


def daylight(shape: tuple[int, int], rng: Generator, uneven: float = 0.3) -> Mask:
    """How bright a surface is lit (height, width): falling off by `uneven` to one side."""
    y, x = (at / 15.5 - 1 for at in places((32, 32)))
    angle = rng.uniform(0, 2 * math.pi)
    slope = (x * math.cos(angle) + y * math.sin(angle)) / math.sqrt(2)
    dark = uneven * (slope + 1) / 2 + 0.5 * uneven * rng.random() * (x * x + y * y) / 2
    return cv2.resize(1 - dark, shape[::-1], interpolation=cv2.INTER_CUBIC)


def shadow(shape: tuple[int, int], rng: Generator) -> Mask:
    """The light (height, width) beside something that stands in it: a straight edge, an arm or
    a telephone, with a sharp or a soft border, right across the picture."""
    height, width = shape
    scale = 4
    small = np.zeros((height // scale + 1, width // scale + 1), np.uint8)
    rows, columns = small.shape
    middle = np.array([columns * rng.uniform(0.3, 0.7), rows * rng.uniform(0.3, 0.7)])
    angle = rng.uniform(0, 2 * math.pi)
    along = np.array([math.cos(angle), math.sin(angle)])
    away = np.array([-along[1], along[0]])
    far = rows + columns
    reach = far if rng.random() < 0.6 else columns * rng.uniform(0.25, 0.5)
    bend = away * rng.uniform(-0.1, 0.1) * columns
    corners = [middle - along * far, middle + bend, middle + along * far]
    corners += [middle + along * far + away * reach, middle - along * far + away * reach]
    cv2.fillPoly(small, [np.rint(corners).astype(np.int32)], 255)
    soft = columns * (rng.uniform(0.003, 0.01) if rng.random() < 0.5 else rng.uniform(0.03, 0.1))
    edge = cv2.GaussianBlur(small, (0, 0), soft).astype(np.float32) / 255
    light = 1 - edge * rng.uniform(0.25, 0.6)
    return cv2.resize(light, shape[::-1], interpolation=cv2.INTER_LINEAR)


def tilted(picture: Picture, rng: Generator, by: float = 0.08) -> Picture:
    """Seen askew: every corner moved by up to `by` of the side, and nothing beyond the edge."""
    height, width = picture.shape[:2]
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    inward = rng.uniform(0, by, (4, 2)) * (1 - 2 * corners)
    size = np.array([width, height])
    matrix = cv2.getPerspectiveTransform(
        ((corners + inward) * size).astype(np.float32), (corners * size).astype(np.float32)
    )
    return cv2.warpPerspective(picture, matrix, (width, height), flags=cv2.INTER_LINEAR)


def photographed(
    picture: Picture, light: Mask, rng: Generator, *, noise: float = 2.5
) -> Image.Image:
    """What a camera makes of it in that light, with a cast of colour and noise of its sensor."""
    cast = np.array([1, rng.uniform(0.96, 1), rng.uniform(0.86, 1)]) * rng.uniform(0.8, 1.02)
    seen = cv2.multiply(picture, cv2.merge([light * np.float32(c) for c in cast]))
    seen = cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.5, 1.0))
    speckle = field(picture.shape[:2], rng, 1) * noise
    return Image.fromarray(cv2.add(seen, cv2.merge([speckle] * 3)).clip(0, 255).astype(np.uint8))


def jpeg(picture: Image.Image, rng: Generator, lowest: int = 60) -> bytes:
    """As a telephone or a camera stores it."""
    return as_bytes(picture, "JPEG", quality=int(rng.integers(lowest, 95)))
