"""A digit on paper, scanned: each takes one in the form of MNIST and gives a file."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image

from training.golden import as_bytes
from training.worlds.drawings import drawn
from training.worlds.ink import Mask, anywhere, enlarged, laid, outline, redrawn
from training.worlds.strokes import Grey
from training.worlds.surfaces import field


def cropped_to_the_ink(digit: Grey, rng: Generator) -> bytes:
    """A scan cut along the very edges of the ink."""
    size = rng.uniform(30, 400)
    shape = enlarged(digit, rng)
    if rng.random() < 0.5:
        mask = outline(shape, size)
    else:
        mask = redrawn(shape, size, max(2, size * rng.uniform(0.05, 0.12)), 0.004, rng)
    mask = np.pad(mask, rng.integers(0, 3, (2, 2)))
    grey = _scanned(mask, rng, paper=rng.uniform(225, 255), ink=rng.uniform(10, 80), grain=2)
    return _stored(grey, rng)


def pencil(digit: Grey, rng: Generator) -> bytes:
    """A pencil on grainy paper, 15 to 40 grey levels darker than that."""
    canvas = int(rng.integers(150, 500)), int(rng.integers(150, 500))
    size = min(canvas) * rng.uniform(0.4, 0.85)
    width = max(2.5, size * rng.uniform(0.03, 0.06))
    cover = anywhere(redrawn(enlarged(digit, rng), size, width, 0.006, rng), canvas, rng)
    fibres = field(canvas, rng, 1) * 0.6 + field(canvas, rng, 2) * 0.6
    cover *= np.clip(0.8 + 0.3 * fibres, 0.25, 1)
    paper = rng.uniform(190, 245)
    contrast = rng.uniform(20, 45)
    return _stored(_scanned(cover, rng, paper=paper, ink=paper - contrast, grain=2.5), rng)


def ballpoint(digit: Grey, rng: Generator) -> bytes:
    """The hairline of a ballpoint, pale where the ball slipped."""
    canvas = int(rng.integers(200, 700)), int(rng.integers(200, 700))
    size = min(canvas) * rng.uniform(0.35, 0.85)
    width = max(1.2, size * rng.uniform(0.01, 0.02))
    cover = redrawn(enlarged(digit, rng), size, width, 0.006, rng)
    cover *= np.clip(0.9 + 0.25 * field(cover.shape, rng, size / 15), 0.35, 1)
    cover = anywhere(cover, canvas, rng)
    return _stored(_scanned(cover, rng, paper=rng.uniform(225, 252), ink=60, grain=1.5), rng)


def fax(digit: Grey, rng: Generator) -> bytes:
    """Black and white only, with specks, and a gap in a stroke."""
    canvas = int(rng.integers(80, 300)), int(rng.integers(80, 300))
    size = min(canvas) * rng.uniform(0.5, 0.85)
    width = max(2.0, size * rng.uniform(0.05, 0.11))
    mask = redrawn(enlarged(digit, rng), size, width, 0.006, rng)
    rows, columns = np.nonzero(mask > 0.5)
    at = rng.integers(len(rows))
    gap = max(1, round(width * rng.uniform(0.5, 0.8)))
    cv2.circle(mask, (int(columns[at]), int(rows[at])), gap, 0.0, -1)
    page = anywhere(mask, canvas, rng)
    ink = page + field(canvas, rng, 2) * 0.15 > 0.5
    specks = rng.random(canvas)
    share = rng.uniform(0.002, 0.02)
    ink = (ink | (specks < share)) & (specks < 1 - share)
    return as_bytes(Image.fromarray(~ink), ["PNG", "GIF", "BMP"][rng.integers(3)])


def postal(digit: Grey, rng: Generator) -> bytes:
    """A small grey patch of an address: blurred, unevenly inked, with what was left of the
    neighbours at its sides."""
    height = int(rng.integers(16, 48))
    fine = 4
    size = height * rng.uniform(0.78, 0.95) * fine
    mask = redrawn(enlarged(digit, rng), size, size * rng.uniform(0.08, 0.14), 0.005, rng)
    gap = rng.uniform(0.08, 0.2) * size
    canvas = height * fine, round((mask.shape[1] + 2 * gap) / fine) * fine
    page = laid(mask, canvas, gap, (canvas[0] - mask.shape[0]) * rng.random())
    for right in (False, True):
        if rng.random() < 0.5:
            other = enlarged(drawn(int(rng.integers(10)), rng), rng)
            beside = redrawn(other, size * rng.uniform(0.8, 1), size * 0.11)
            seen = min(gap * 0.7, size * rng.uniform(0.02, 0.12))
            left = canvas[1] - seen if right else seen - beside.shape[1]
            page = np.maximum(page, laid(beside, canvas, left, (canvas[0] - beside.shape[0]) / 2))
    page *= np.clip(0.8 + 0.2 * field(canvas, rng, size / 4), 0.35, 1)
    page = cv2.GaussianBlur(page, (0, 0), fine * rng.uniform(0.4, 0.9))
    small = cv2.resize(page, (canvas[1] // fine, height), interpolation=cv2.INTER_AREA)
    paper = rng.uniform(150, 240)
    grey = _scanned(small, rng, paper=paper, ink=rng.uniform(10, paper - 90), grain=4)
    return _stored(grey, rng)


def bank_form(digit: Grey, rng: Generator) -> bytes:
    """A small bitmap from a form: inside a printed box, between the teeth of a comb, or bare."""
    side = int(rng.integers(32, 65))
    fine = 4
    size = side * fine * rng.uniform(0.55, 0.72)
    shape = enlarged(digit, rng)
    if rng.random() < 0.5:
        mask = outline(shape, size)
    else:
        mask = redrawn(shape, size, size * rng.uniform(0.06, 0.13), 0.005, rng)
    canvas = side * fine, side * fine
    ink = anywhere(mask, canvas, rng, 0.14)
    ink = np.maximum(ink, _printed(canvas, fine * int(rng.integers(1, 3)), rng))
    ink = ink + field(canvas, rng, 2 * fine) * 0.12
    small = cv2.resize(ink, (side, side), interpolation=cv2.INTER_AREA) > 0.45
    return as_bytes(Image.fromarray(~small), ["PNG", "BMP", "GIF"][rng.integers(3)])


def _printed(canvas: tuple[int, int], thickness: int, rng: Generator) -> Mask:
    """A box with all or some of its sides, or a comb, or nothing."""
    lines = np.zeros(canvas, np.float32)
    height, width = canvas
    near = [round(side * rng.uniform(0.02, 0.07)) for side in (width, height, width, height)]
    left, top, right, bottom = near[0], near[1], width - near[2], height - near[3]
    tooth = round(height * rng.uniform(0.65, 0.85))
    sides = {
        "box": [(left, top, right, top), (left, bottom, right, bottom)]
        + [(x, top, x, bottom) for x in (left, right)],
        "comb": [(left, bottom, right, bottom)] + [(x, tooth, x, bottom) for x in (left, right)],
        "line": [(0, bottom, width, bottom)],
        "bare": [],
    }[str(rng.choice(["box", "box", "comb", "line", "bare"]))]
    for x0, y0, x1, y1 in sides:
        cv2.line(lines, (x0, y0), (x1, y1), 1.0, thickness)
    return lines


def _scanned(cover: Mask, rng: Generator, *, paper: float, ink: float, grain: float) -> Grey:
    """Grey levels of ink that covers so much of a paper."""
    grey = paper + cover * (ink - paper) + field(cover.shape, rng, 1) * grain
    levels: Grey = np.rint(grey.clip(0, 255)).astype(np.uint8)
    return levels


def _stored(grey: Grey, rng: Generator) -> bytes:
    """As scanners do."""
    kind = ["PNG", "JPEG", "BMP"][rng.integers(3)]
    options = {"PNG": {"compress_level": 1}, "JPEG": {"quality": 85}}.get(kind, {})
    return as_bytes(Image.fromarray(grey), kind, **options)
