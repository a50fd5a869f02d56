"""Simple drawings, words and signatures, all of them lines of a pen."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator
from PIL import Image

from training.golden import as_bytes
from training.worlds.drawings import Stroke, curve
from training.worlds.ink import anywhere, inked
from training.worlds.strokes import Line
from training.worlds.surfaces import (
    PENS,
    daylight,
    jpeg,
    painted,
    paper,
    photographed,
    plain,
)


def _ring(x: float, y: float, across: float, down: float) -> Stroke:
    """A closed oval about a point, as wide and high as twice the radii."""
    turns = [2 * math.pi * i / 10 for i in range(11)]
    return [(x + across * math.cos(t), y + down * math.sin(t)) for t in turns]


def _corners(*points: tuple[float, float]) -> Stroke:
    """Straight from point to point."""
    return [point for point in points for _ in range(2)]


def _star() -> Stroke:
    turns = [math.radians(-90 + 144 * i) for i in range(6)]
    return _corners(*[(0.5 + 0.5 * math.cos(t), 0.5 + 0.5 * math.sin(t)) for t in turns])


SKETCHES: list[list[Stroke]] = [
    [  # a house
        _corners((0.1, 0.45), (0.1, 1), (0.9, 1), (0.9, 0.45), (0.1, 0.45), (0.5, 0), (0.9, 0.45)),
        _corners((0.42, 1), (0.42, 0.7), (0.6, 0.7), (0.6, 1)),
        _corners((0.2, 0.58), (0.34, 0.58), (0.34, 0.72), (0.2, 0.72), (0.2, 0.58)),
    ],
    [  # a face
        _ring(0.5, 0.5, 0.5, 0.5),
        _ring(0.33, 0.36, 0.04, 0.06),
        _ring(0.67, 0.36, 0.04, 0.06),
        [(0.25, 0.62), (0.38, 0.78), (0.62, 0.78), (0.75, 0.62)],
    ],
    [_star()],
    [  # an arrow
        _corners((0, 0.5), (1, 0.5)),
        _corners((0.68, 0.22), (1, 0.5), (0.68, 0.78)),
    ],
    [  # a heart
        [(0.5, 0.28), (0.5, 0.28), (0.35, 0.05), (0.08, 0.1), (0.02, 0.4), (0.25, 0.72), (0.5, 1)],
        [(0.5, 0.28), (0.5, 0.28), (0.65, 0.05), (0.92, 0.1), (0.98, 0.4), (0.75, 0.72), (0.5, 1)],
    ],
    [  # a tree
        _corners((0.43, 1), (0.43, 0.6)),
        _corners((0.57, 1), (0.57, 0.6)),
        [
            *[(0.43, 0.62), (0.15, 0.65), (0.05, 0.4), (0.22, 0.2), (0.45, 0.02)],
            *[(0.75, 0.12), (0.95, 0.35), (0.88, 0.62), (0.57, 0.62)],
        ],
    ],
    [  # a flower
        _ring(0.5, 0.28, 0.08, 0.08),
        *[
            _ring(0.5 + 0.2 * math.cos(t), 0.28 + 0.2 * math.sin(t), 0.11, 0.11)
            for t in (2 * math.pi * i / 5 for i in range(5))
        ],
        [(0.5, 0.5), (0.52, 0.75), (0.48, 1)],
        [(0.5, 0.8), (0.7, 0.62), (0.8, 0.66), (0.5, 0.8)],
    ],
    [  # a fish
        [(1, 0.5), (0.75, 0.28), (0.45, 0.25), (0.15, 0.5), (0, 0.7), (0, 0.7)],
        [(1, 0.5), (0.75, 0.72), (0.45, 0.75), (0.15, 0.5), (0, 0.3), (0, 0.3)],
        _corners((0, 0.3), (0.04, 0.5), (0, 0.7)),
        _ring(0.82, 0.44, 0.025, 0.025),
    ],
]

# Joined letters: from the line they stand on (0) to a small letter's height (-1) and beyond.
LETTERS: dict[str, Stroke] = {
    "a": [(0, 0), (0.5, -0.9), (0.15, -0.8), (0.05, -0.2), (0.3, 0), (0.55, -0.9), (0.55, -0.1)],
    "e": [(0, -0.1), (0.35, -0.5), (0.28, -0.95), (0.06, -0.6), (0.2, -0.02), (0.5, -0.1)],
    "h": [(0, 0), (0.3, -1.5), (0.2, -2), (0.08, -1.2), (0.08, 0), (0.3, -0.9), (0.5, 0)],
    "k": [(0, 0), (0.3, -1.6), (0.1, -1.8), (0.06, 0), (0.4, -0.9), (0.15, -0.5), (0.5, 0)],
    "l": [(0, 0), (0.3, -1.3), (0.22, -2), (0.05, -1.3), (0.15, -0.1), (0.4, 0)],
    "m": [(0, 0), (0.1, -0.9), (0.15, 0), (0.3, -0.9), (0.45, 0), (0.6, -0.9), (0.75, 0)],
    "n": [(0, 0), (0.1, -0.9), (0.15, 0), (0.35, -0.9), (0.5, 0)],
    "r": [(0, 0), (0.15, -1), (0.2, -0.8), (0.4, -0.85), (0.35, 0)],
    "t": [(0, 0), (0.2, -1.5), (0.18, -0.2), (0.4, 0)],
    "u": [(0, -0.1), (0.1, -0.9), (0.15, -0.1), (0.4, -0.1), (0.45, -0.9), (0.5, -0.1)],
    "v": [(0, -0.8), (0.12, -0.9), (0.25, 0), (0.45, -0.9), (0.5, -0.8)],
    "y": [(0, -0.8), (0.15, -0.1), (0.4, -0.9), (0.3, 0.8), (0.1, 0.7), (0.5, 0)],
}


def line_drawing(rng: Generator) -> bytes:
    """A house, a face, a star, an arrow, a heart, a tree, a flower or a fish."""
    sketch = SKETCHES[rng.integers(len(SKETCHES))]
    aspect = rng.uniform(0.8, 1.2)
    lines = [curve(stroke, rng, 0.012) * np.array([aspect, 1], np.float32) for stroke in sketch]
    return _on_something(lines, rng, pen=0.03)


def word(rng: Generator) -> bytes:
    """Four to eight joined letters."""
    letters = [str(letter) for letter in rng.choice(list(LETTERS), rng.integers(4, 9))]
    return _on_something(_joined(letters, rng, uneven=0.08), rng, pen=0.012)


def signature(rng: Generator) -> bytes:
    """A large beginning, a hasty rest, and a flourish below."""
    letters = [str(letter) for letter in rng.choice(list(LETTERS), rng.integers(3, 7))]
    lines = _joined(letters, rng, uneven=0.3)
    width = max(float(line[:, 0].max()) for line in lines)
    capital: Stroke = [(-0.2, -1), (-1.1, -1.9), (-1.2, 0.2), (-0.5, -0.2), (-0.6, -2.2), (0, 0)]
    flourish: Stroke = [(width, 0), (width * 1.1, 0.7), (0.1, 0.6), (width * 0.8, 0.9)]
    lines += [curve(capital, rng, 0.15), curve(flourish, rng, 0.1)]
    return _on_something(lines, rng, pen=0.012)


def _joined(letters: list[str], rng: Generator, uneven: float) -> list[Line]:
    """One line through all letters, and the bars of each t."""
    points: Stroke = []
    bars: list[Line] = []
    slant = rng.uniform(0, 0.4)
    along = 0.0
    for letter in letters:
        size = max(0.4, rng.normal(1, uneven))
        shape = [(along + x * size - slant * y * size, y * size) for x, y in LETTERS[letter]]
        if letter == "t":
            bar = [(x, -1.05) for x in (along, along + 0.25, along + 0.6)]
            bars.append(curve(bar, rng, 0.04))
        points += shape
        along += max(x for x, _ in LETTERS[letter]) * size + rng.uniform(0.12, 0.3)
    return [curve(points, rng, 0.03), *bars]


def _on_something(lines: list[Line], rng: Generator, pen: float) -> bytes:
    """Small on black, on a canvas, or on paper; the pen is about that share of it all wide."""
    kind = rng.integers(3)
    canvas = (112, 112) if kind == 0 else (int(rng.integers(150, 500)), int(rng.integers(150, 500)))
    extent = np.ptp(np.concatenate(lines), axis=0)
    largest = min(canvas[1] / extent[0], canvas[0] / extent[1]) * max(extent)
    size = largest * rng.uniform(0.5, 0.85)
    width = max(1.5, size * pen * rng.uniform(0.6, 1.8))
    cover = anywhere(inked(lines, size, width), canvas, rng)
    if kind == 0:
        small = np.asarray(Image.fromarray(np.rint(cover * 255).astype(np.uint8)).reduce(4))
        bright = np.clip(small * (255 / max(int(small.max()), 1)), 0, 255)
        return as_bytes(Image.fromarray(bright.astype(np.uint8)), "PNG")
    ink = PENS[rng.integers(len(PENS))]
    if kind == 1:
        drawn = painted(plain(canvas, (255, 255, 255)), cover, ink)
        return as_bytes(Image.fromarray(np.rint(drawn).astype(np.uint8)), "PNG")
    sheet = painted(paper(canvas, rng), cover, ink)
    return jpeg(photographed(sheet, daylight(canvas, rng), rng), rng)
