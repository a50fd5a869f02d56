"""Photographs, landscapes and surfaces."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from numpy.random import Generator
from PIL import Image

from training.golden import as_bytes
from training.worlds.ink import Mask
from training.worlds.surfaces import (
    Picture,
    daylight,
    field,
    jpeg,
    painted,
    photographed,
    places,
    plain,
)


def photograph(rng: Generator) -> bytes:
    """A part of a portrait, a wrapped present, a scan of a head, or mountains from above: the
    pictures that matplotlib brings along."""
    whole = _samples()[rng.integers(4)]
    height, width = whole.shape[:2]
    side = round(min(height, width) * rng.uniform(0.4, 1))
    top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
    part = Image.fromarray(whole[top : top + side, left : left + side])
    if rng.random() < 0.5:
        part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if rng.random() < 0.4:
        part = part.convert("L")
    target = 28 if rng.random() < 0.3 else int(rng.integers(100, 500))
    part = part.resize((target, target), Image.Resampling.LANCZOS)
    return jpeg(part, rng)


def landscape(rng: Generator) -> bytes:
    """A sky, a sun and some chains of hills, by day or in the evening."""
    shape = height, width = int(rng.integers(150, 500)), int(rng.integers(150, 500))
    high, low = rng.uniform(60, 200, 3), rng.uniform(150, 250, 3)
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    sky = plain(shape, high.tolist()) * (1 - down) + down * low.astype(np.float32)
    sun = np.zeros(shape, np.float32)
    place = int(rng.integers(width)), int(height * rng.uniform(0.1, 0.4))
    cv2.circle(sun, place, round(height * rng.uniform(0.03, 0.1)), 1.0, -1, cv2.LINE_AA)
    picture = painted(sky, sun, (255, 245, 210))
    chains = int(rng.integers(2, 5))
    for i in range(chains):
        line = field((2, width), rng, width / rng.uniform(2, 9))[0] * 0.06 * height
        line += field((2, width), rng, 6)[0] * 0.006 * height
        ridge = height * (0.4 + 0.5 * i / chains) + line
        hill = (np.arange(height)[:, None] > ridge).astype(np.float32)
        colour = rng.uniform(20, 120, 3) * (1.3 - i / chains)
        picture = painted(picture, hill, colour.tolist())
    return jpeg(photographed(picture, daylight(shape, rng), rng, noise=4), rng)


def things(rng: Generator) -> bytes:
    """Shaded balls and boxes on a table."""
    shape = height, width = int(rng.integers(150, 450)), int(rng.integers(150, 450))
    picture = plain(shape, rng.uniform(90, 230, 3).tolist())
    table = (np.arange(height)[:, None] > height * rng.uniform(0.4, 0.7)) * np.ones((1, width))
    picture = painted(picture, table.astype(np.float32), rng.uniform(40, 160, 3).tolist())
    y, x = places(shape)
    for _ in range(int(rng.integers(2, 6))):
        radius = min(shape) * rng.uniform(0.08, 0.25)
        dx, dy = x - rng.uniform(0, width), y - rng.uniform(0.3, 0.9) * height
        colour = rng.uniform(30, 240, 3)
        shade = np.clip(0.75 - (dx + dy) / (3 * radius), 0.25, 1.2)
        if rng.random() < 0.6:
            body = np.clip(radius - np.hypot(dx, dy), 0, 1)
        else:
            body = np.clip(radius - np.maximum(abs(dx), abs(dy) * rng.uniform(0.5, 1.5)), 0, 1)
        picture = painted(picture, body * 0.5, (0, 0, 0))
        picture += body[..., None] * (shade[..., None] * colour.astype(np.float32) - picture)
    return jpeg(photographed(picture, daylight(shape, rng), rng, noise=4), rng)


def texture(rng: Generator) -> bytes:
    """Wood, bricks, cloth, a chequered or a striped surface, in colour or not, large or 28x28."""
    shape = int(rng.integers(120, 400)), int(rng.integers(120, 400))
    surfaces: list[Callable[[tuple[int, int], Generator], Mask]] = [
        _wood, _bricks, _weave, _chequers, _stripes,
    ]  # fmt: skip
    pattern = np.clip(surfaces[rng.integers(5)](shape, rng), 0, 1)
    dark, bright = rng.uniform(20, 110, 3), rng.uniform(140, 240, 3)
    picture = painted(plain(shape, dark.tolist()), pattern, bright.tolist())
    seen = photographed(picture, daylight(shape, rng), rng, noise=4)
    if rng.random() < 0.3:
        small = seen.convert("L").resize((28, 28), Image.Resampling.BOX)
        return as_bytes(small, "PNG")
    return jpeg(seen, rng)


def _wood(shape: tuple[int, int], rng: Generator) -> Mask:
    y, x = places(shape)
    bent = y + 12 * field(shape, rng, 90) + x * rng.uniform(-0.2, 0.2)
    rings = np.sin(bent * 2 * math.pi / rng.uniform(9, 25) + 2 * field(shape, rng, 60))
    wood: Mask = 0.5 + 0.35 * rings + 0.06 * field(shape, rng, 2)
    return wood


def _bricks(shape: tuple[int, int], rng: Generator) -> Mask:
    high = rng.uniform(18, 45)
    wide = high * rng.uniform(1.8, 2.6)
    y, x = places(shape)
    row = np.floor(y / high)
    column = x / wide + row / 2
    joint = np.minimum((y / high) % 1 * high, (column % 1) * wide) < high * 0.12
    tint = np.sin(row * 12.9 + np.floor(column) * 78.2) * 0.15
    wall: Mask = np.where(joint, 0.95, 0.35 + tint + 0.06 * field(shape, rng, 2))
    return wall


def _weave(shape: tuple[int, int], rng: Generator) -> Mask:
    y, x = places(shape)
    thread = 2 * math.pi / rng.uniform(5, 14)
    over = np.sign(np.sin(x * thread / 2) * np.sin(y * thread / 2))
    threads = np.where(over > 0, np.abs(np.sin(x * thread / 2)), np.abs(np.sin(y * thread / 2)))
    return 0.15 + 0.65 * threads + 0.08 * field(shape, rng, 3)


def _chequers(shape: tuple[int, int], rng: Generator) -> Mask:
    y, x = places(shape)
    cell = min(shape) / rng.uniform(4, 12)
    return (np.floor(y / cell) + np.floor(x / cell)) % 2


def _stripes(shape: tuple[int, int], rng: Generator) -> Mask:
    y, x = places(shape)
    angle = rng.uniform(0, math.pi)
    period = min(shape) / rng.uniform(4, 15)
    wave = np.sin((x * math.cos(angle) + y * math.sin(angle)) * 2 * math.pi / period)
    return np.clip(wave * 4 + 0.5, 0, 1)


@cache
def _samples() -> list[Picture]:
    """Four pictures uint8 (height, width, 3)."""
    folder = Path(matplotlib.get_data_path()) / "sample_data"
    portrait = np.asarray(Image.open(folder / "grace_hopper.jpg").convert("RGB"))
    present = Image.open(folder / "Minduka_Present_Blue_Pack.png").convert("RGBA")
    wrapped = Image.alpha_composite(Image.new("RGBA", present.size, "white"), present)
    slices = gzip.decompress((folder / "s1045.ima.gz").read_bytes())
    head = np.frombuffer(slices, ">u2").reshape(256, 256) / 255
    with np.load(folder / "jacksboro_fault_dem.npz") as mountains:
        heights = mountains["elevation"].astype(np.float32)
    relief = 0.5 + cv2.Sobel(heights, cv2.CV_32F, 1, 0) / 400  # lit from one side
    greys = [np.dstack([np.clip(g * 255, 0, 255).astype(np.uint8)] * 3) for g in (head, relief)]
    return [portrait, np.asarray(wrapped.convert("RGB")), *greys]
