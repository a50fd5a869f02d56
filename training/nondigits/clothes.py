"""Clothes: small ones, light on black as Fashion-MNIST has them, and larger ones on white."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image

from training.golden import as_bytes
from training.worlds.ink import Mask
from training.worlds.surfaces import field, painted, places, plain

Outline = list[tuple[float, float]]

SHIRT: Outline = [
    (0.35, 0.08), (0.5, 0.14), (0.65, 0.08), (0.95, 0.3), (0.85, 0.48), (0.72, 0.38), (0.74, 0.95),
    (0.26, 0.95), (0.28, 0.38), (0.15, 0.48), (0.05, 0.3),
]  # fmt: skip
PULLOVER: Outline = [
    (0.36, 0.06), (0.5, 0.1), (0.64, 0.06), (0.8, 0.14), (0.97, 0.8), (0.85, 0.85), (0.73, 0.4),
    (0.73, 0.95), (0.27, 0.95), (0.27, 0.4), (0.15, 0.85), (0.03, 0.8), (0.2, 0.14),
]  # fmt: skip
TROUSERS: Outline = [
    (0.3, 0.03), (0.7, 0.03), (0.78, 0.97), (0.57, 0.97), (0.5, 0.35), (0.43, 0.97), (0.22, 0.97),
]  # fmt: skip
DRESS: Outline = [
    (0.38, 0.03), (0.44, 0.12), (0.56, 0.12), (0.62, 0.03), (0.66, 0.2), (0.6, 0.4), (0.8, 0.97),
    (0.2, 0.97), (0.4, 0.4), (0.34, 0.2),
]  # fmt: skip
SHOE: Outline = [
    (0.03, 0.42), (0.12, 0.38), (0.25, 0.5), (0.4, 0.36), (0.55, 0.52), (0.8, 0.6), (0.97, 0.68),
    (0.97, 0.8), (0.03, 0.8),
]  # fmt: skip
BOOT: Outline = [(0.22, 0.05), (0.6, 0.05), (0.6, 0.58), (0.92, 0.7), (0.96, 0.93), (0.22, 0.93)]
HEEL: Outline = [
    (0.05, 0.3), (0.2, 0.35), (0.5, 0.62), (0.85, 0.7), (0.97, 0.82), (0.6, 0.85), (0.35, 0.75),
    (0.2, 0.6), (0.17, 0.92), (0.1, 0.92),
]  # fmt: skip
BAG: Outline = [(0.12, 0.4), (0.88, 0.4), (0.96, 0.92), (0.04, 0.92)]
ALL = [SHIRT, PULLOVER, TROUSERS, DRESS, SHOE, BOOT, HEEL, BAG]

SIDE = 224  # pixels at which clothes are cut out


def small_clothes(rng: Generator) -> bytes:
    """28x28, light on black."""
    shape, cloth = _cut(rng)
    bright = shape * np.clip(cloth * rng.uniform(0.4, 0.9), 0.1, 1)
    small = cv2.resize(bright, (28, 28), interpolation=cv2.INTER_AREA)
    return as_bytes(Image.fromarray(np.rint(small * 255).astype(np.uint8)), "PNG")


def clothes_on_white(rng: Generator) -> bytes:
    """As a shop shows them, in colour."""
    shape, cloth = _cut(rng)
    dye = rng.uniform(10, 190, 3).astype(np.float32)
    side = int(rng.integers(100, 600))
    picture = plain(shape.shape, (250, 250, 250))
    picture += shape[..., None] * (np.clip(cloth[..., None] * dye, 0, 255) - picture)
    edge = cv2.morphologyEx(shape, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    picture = painted(picture, edge * 0.4, (dye * 0.4).tolist())
    large = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return as_bytes(Image.fromarray(large.clip(0, 255).astype(np.uint8)), "JPEG", quality=85)


def _cut(rng: Generator) -> tuple[Mask, Mask]:
    """A silhouette, and the brightness of the cloth that fills it, about 1."""
    at = int(rng.integers(len(ALL)))
    corners = np.array(ALL[at]) + rng.normal(0, 0.012, (len(ALL[at]), 2))
    corners = 0.5 + (corners - 0.5) * rng.uniform(0.8, 1, 2)
    shape: Mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(shape, [np.rint(corners * SIDE).astype(np.int32)], 255)
    if ALL[at] is BAG:
        rise = round(SIDE * rng.uniform(0.15, 0.3))
        thickness = int(rng.integers(6, 16))
        top = (SIDE // 2, round(SIDE * 0.42))
        cv2.ellipse(shape, top, (SIDE // 4, rise), 0, 180, 360, 255, thickness)
    if rng.random() < 0.5 and ALL[at] in (SHOE, BOOT, HEEL):
        shape = cv2.flip(shape, 1)
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), rng.uniform(-6, 6), 1)
    shape = cv2.GaussianBlur(cv2.warpAffine(shape, turn, (SIDE, SIDE)), (0, 0), 2)
    return np.clip(shape.astype(np.float32) / 255 * 3 - 1, 0, 1), _cloth(rng)


def _cloth(rng: Generator) -> Mask:
    """Plain, striped, checked or printed, with folds."""
    y, x = places((SIDE, SIDE))
    period = rng.uniform(12, 40)
    across, down = np.sin(y * 2 * np.pi / period), np.sin(x * 2 * np.pi / period)
    prints = field((SIDE, SIDE), rng, period / 2)
    pattern = [0 * x, np.sign(across), np.sign(down), across * down, prints][rng.integers(5)]
    folds = cv2.resize(field((SIDE // 4, SIDE), rng, 14), (SIDE, SIDE))
    weave = field((SIDE, SIDE), rng, 2)
    return 1 + pattern * rng.uniform(0.1, 0.35) + folds * 0.1 + weave * 0.04
