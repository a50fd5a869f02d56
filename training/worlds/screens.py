"""A digit drawn or stored by a program: each takes one in the form of MNIST and gives a file."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image

from training.golden import as_bytes
from training.worlds.ink import Mask, anywhere, enlarged, outline, redrawn, thick
from training.worlds.strokes import Grey
from training.worlds.surfaces import Colour, field, painted, plain

LEAST_CONTRAST = 70  # grey levels between the two colours of a drawing


def mouse(digit: Grey, rng: Generator) -> bytes:
    """A thin line, unsteady as a mouse is, somewhere on a large white canvas."""
    height = int(rng.integers(240, 1000))
    canvas = height, round(height * [1, 4 / 3, 16 / 9][rng.integers(3)])
    size = max(30.0, height * rng.uniform(0.08, 0.6))
    thickness = min(rng.uniform(1, 4), size / 12)
    mask = redrawn(enlarged(digit, rng), size, thickness, rng.uniform(0.005, 0.02), rng)
    inks: list[Colour] = [(0, 0, 0), (0, 0, 0), (220, 20, 20), (20, 40, 220), (60, 60, 60)]
    ink = inks[rng.integers(len(inks))]
    return _stored(_drawn(anywhere(mask, canvas, rng), ink, (255, 255, 255)), rng)


def finger(digit: Grey, rng: Generator) -> bytes:
    """A thick line in one colour on another, on the canvas of a telephone."""
    width = int(rng.integers(320, 720))
    canvas = round(width * rng.uniform(1, 2)), width
    size = width * rng.uniform(0.4, 0.85)
    shape = enlarged(digit, rng)
    mask = thick(shape, size, size * rng.uniform(0.05, 0.14))
    ink, ground = _two_colours(rng)
    return _stored(_drawn(anywhere(mask, canvas, rng), ink, ground), rng)


def thumbnail(digit: Grey, rng: Generator) -> bytes:
    """16x16 pixels and no more."""
    side = rng.uniform(11, 15)
    shape = enlarged(digit, rng, 8)
    mask = outline(shape, side * 8, rng.uniform(-3, 4))
    small = cv2.resize(_middle(mask, 128, rng), (16, 16), interpolation=cv2.INTER_AREA)
    grey = np.rint(255 * (small if rng.random() < 0.5 else 1 - small)).astype(np.uint8)
    return as_bytes(Image.fromarray(grey), ["PNG", "BMP", "GIF"][rng.integers(3)])


def ink_in_alpha(digit: Grey, rng: Generator) -> bytes:
    """All of one colour, black, white or any; what is transparent is no ink."""
    canvas = int(rng.integers(100, 500)), int(rng.integers(100, 500))
    size = min(canvas) * rng.uniform(0.4, 0.9)
    width = max(1.5, size * rng.uniform(0.03, 0.12))
    mask = anywhere(redrawn(enlarged(digit, rng), size, width, 0.005, rng), canvas, rng)
    colours: list[Colour] = [(0, 0, 0), (255, 255, 255), rng.integers(0, 256, 3).tolist()]
    layers = np.dstack([plain(canvas, colours[rng.integers(3)]), mask * 255])
    kind = "PNG" if rng.random() < 0.8 else "WEBP"
    return as_bytes(Image.fromarray(np.rint(layers).astype(np.uint8)), kind, **FAST.get(kind, {}))


def strong_compression(digit: Grey, rng: Generator) -> bytes:
    """A small JPEG or WebP of as few bytes as can be."""
    canvas = int(rng.integers(60, 300)), int(rng.integers(60, 300))
    size = min(canvas) * rng.uniform(0.5, 0.9)
    mask = redrawn(enlarged(digit, rng), size, size * rng.uniform(0.06, 0.12), 0.005, rng)
    ground = rng.uniform(180, 255)
    cover = anywhere(mask, canvas, rng) * rng.uniform(0.6, 1)
    picture = painted(plain(canvas, (ground, ground, ground - 8)), cover, (20, 25, 60))
    picture += (field(canvas, rng, 1) * rng.uniform(0, 5))[..., None]
    image = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
    if rng.random() < 0.3:
        return as_bytes(image, "WEBP", quality=int(rng.integers(0, 8)))
    return as_bytes(image, "JPEG", quality=int(rng.integers(3, 11)))


FAST: dict[str, dict[str, int]] = {"PNG": {"compress_level": 1}, "WEBP": {"method": 0}}


def _drawn(cover: Mask, ink: Colour, ground: Colour) -> Image.Image:
    picture = painted(plain(cover.shape, ground), cover, ink)
    return Image.fromarray(np.rint(picture).astype(np.uint8))


def _stored(picture: Image.Image, rng: Generator) -> bytes:
    """In any format without loss that such a program writes, most often PNG."""
    kind = ["PNG", "PNG", "PNG", "WEBP", "BMP", "GIF"][rng.integers(6)]
    if kind == "WEBP":
        return as_bytes(picture, kind, lossless=True, quality=0, method=0)
    return as_bytes(picture, kind, **FAST.get(kind, {}))


def _two_colours(rng: Generator) -> tuple[Colour, Colour]:
    """Any two that differ in brightness."""
    while True:
        ink, ground = rng.integers(0, 256, (2, 3))
        if abs((ink - ground) @ [0.299, 0.587, 0.114]) >= LEAST_CONTRAST:
            return ink.tolist(), ground.tolist()


def _middle(mask: Mask, side: int, rng: Generator) -> Mask:
    """On a square canvas, about in its middle."""
    return anywhere(mask, (side, side), rng, 0.5)
