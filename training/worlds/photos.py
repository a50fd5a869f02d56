"""A digit on paper, photographed: each takes one in the form of MNIST and gives a file."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.random import Generator
from PIL import ExifTags, Image

from training.golden import as_bytes
from training.worlds.ink import Mask, anywhere, enlarged, redrawn, thick
from training.worlds.strokes import Grey
from training.worlds.surfaces import (
    FELT,
    PENS,
    Picture,
    daylight,
    field,
    jpeg,
    painted,
    paper,
    photo_size,
    photographed,
    ruled,
    shadow,
    tilted,
)


def on_paper(digit: Grey, rng: Generator) -> bytes:
    """Pen on plain paper, a shadow across it."""
    return _snapshot(_written(paper(photo_size(rng), rng), digit, rng), rng)


def on_ruled_paper(digit: Grey, rng: Generator) -> bytes:
    """Pen on ruled paper, about as high as a line or two."""
    return _on_lines(digit, rng, rng.uniform(0.9, 1.9), squares=False)


def on_squared_paper(digit: Grey, rng: Generator) -> bytes:
    """Pen on squared paper, one to four squares high."""
    return _on_lines(digit, rng, rng.uniform(1.2, 4), squares=True)


def on_a_desk(digit: Grey, rng: Generator) -> bytes:
    """A sheet with a wide margin, and the dark edge of the table at one side."""
    frame = photo_size(rng)
    sheet = _written(paper(frame, rng), digit, rng, largest=0.35)
    height, width = frame
    depth = rng.uniform(0.06, 0.16)
    slope = rng.uniform(-0.05, 0.05)
    table = np.array([[0, 0], [width, 0], [width, (depth + slope) * height], [0, depth * height]])
    edge: Mask = np.zeros(frame, np.uint8)
    cv2.fillPoly(edge, [table.astype(np.int32)], 255)
    side = rng.integers(4)
    if side == 1:
        edge = cv2.flip(edge, 0)
    elif side > 1:
        turned = cv2.resize(cv2.transpose(edge), (width, height))
        edge = turned if side == 2 else cv2.flip(turned, 1)
    wood = np.array([70, 48, 32]) * rng.uniform(0.4, 1.2)
    cover = cv2.GaussianBlur(edge, (0, 0), 1.5).astype(np.float32) / 255
    return _snapshot(painted(sheet, cover, list(wood)), rng, tilt=0.01)


def felt_marker(digit: Grey, rng: Generator) -> bytes:
    """A very thick felt pen on paper."""
    frame = photo_size(rng)
    size = min(frame) * rng.uniform(0.45, 0.75)
    mask = thick(enlarged(digit, rng), size, size * rng.uniform(0.14, 0.24))
    cover = anywhere(mask, frame, rng, 0.1) * rng.uniform(0.88, 1)
    sheet = painted(paper(frame, rng), cover, FELT[rng.integers(len(FELT))])
    return _snapshot(sheet, rng, shade=0.3)


def out_of_focus(digit: Grey, rng: Generator) -> bytes:
    """Pen on paper, with the lens or the hand at fault."""
    frame = photo_size(rng, 300, 700)
    size = min(frame) * rng.uniform(0.35, 0.65)
    mask = redrawn(enlarged(digit, rng), size, size * rng.uniform(0.04, 0.08), 0.004, rng)
    cover = anywhere(mask, frame, rng, 0.1)
    sheet = painted(paper(frame, rng), cover, PENS[rng.integers(len(PENS))])
    if rng.random() < 0.5:
        sheet = cv2.GaussianBlur(sheet, (0, 0), size * rng.uniform(0.02, 0.045))
    else:
        length = max(3, round(size * rng.uniform(0.06, 0.13)))
        path = np.zeros((length, length), np.float32)
        angle = rng.uniform(0, math.pi)
        reach = np.array([math.cos(angle), math.sin(angle)]) * length / 2
        ends = [np.rint(length / 2 + way * reach).astype(int).tolist() for way in (-1, 1)]
        cv2.line(path, ends[0], ends[1], 1)
        sheet = cv2.filter2D(sheet, -1, path / path.sum())
    return jpeg(photographed(sheet, daylight(frame, rng), rng), rng)


def at_night(digit: Grey, rng: Generator) -> bytes:
    """Pen on paper in little light, with the noise of the sensor."""
    frame = photo_size(rng, 300, 700)
    sheet = tilted(_written(paper(frame, rng), digit, rng), rng)
    light = daylight(frame, rng, 0.5) * rng.uniform(0.2, 0.4)
    blotches = cv2.merge([field(frame, rng, 2.5) * rng.uniform(2, 5) for _ in range(3)])
    seen = photographed(sheet + blotches / float(light.mean()), light, rng, noise=rng.uniform(4, 9))
    return jpeg(seen, rng, 40)


def turned_by_exif(digit: Grey, rng: Generator) -> bytes:
    """Pen on paper, stored lying on its side or upside down, with the note that says so."""
    frame = photo_size(rng, 400, 900)
    sheet = tilted(_written(paper(frame, rng), digit, rng), rng)
    upright = photographed(sheet, daylight(frame, rng), rng)
    orientation, turn = [
        (3, Image.Transpose.ROTATE_180),
        (6, Image.Transpose.ROTATE_90),
        (8, Image.Transpose.ROTATE_270),
    ][rng.integers(3)]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return as_bytes(upright.transpose(turn), "JPEG", quality=85, exif=exif)


def _written(
    sheet: Picture, digit: Grey, rng: Generator, size: float = 0, largest: float = 0.65
) -> Picture:
    """The sheet with the digit written on it by pen, `size` pixels high or as chance has it."""
    frame = sheet.shape[:2]
    size = size or min(frame) * rng.uniform(0.2, largest)
    width = max(2.5, size * rng.uniform(0.025, 0.07))
    mask = redrawn(enlarged(digit, rng), size, width, 0.005, rng)
    flow = np.clip(0.92 + field(mask.shape, rng, max(3, width)) * 0.08, 0.6, 1)
    cover = anywhere(mask * flow, frame, rng, 0.18 if largest < 0.5 else 0.1)
    return painted(sheet, cover, PENS[rng.integers(len(PENS))])


def _on_lines(digit: Grey, rng: Generator, lines: float, *, squares: bool) -> bytes:
    frame = photo_size(rng)
    size = min(frame) * rng.uniform(0.25, 0.55)
    sheet = ruled(paper(frame, rng), size / lines, rng, squares=squares)
    return _snapshot(_written(sheet, digit, rng, size), rng, shade=0.4)


def _snapshot(sheet: Picture, rng: Generator, *, shade: float = 1.0, tilt: float = 0.08) -> bytes:
    """Photographed askew by hand, with a shadow in so large a share of the pictures."""
    frame = sheet.shape[:2]
    light = daylight(frame, rng)
    if rng.random() < shade:
        light = light * shadow(frame, rng)
    return jpeg(photographed(tilted(sheet, rng, tilt), light, rng), rng)
