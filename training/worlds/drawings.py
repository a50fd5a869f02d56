"""The ten digits in several hands, drawn for this project."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from training.worlds.ink import inked
from training.worlds.strokes import Grey, Line

Stroke = list[tuple[float, float]]

# Ways to write each digit: strokes through points in a box one wide and one high; a point that
# stands twice is a corner.
STYLES: list[list[list[Stroke]]] = [
    [
        [[(0.55, 0), (0.2, 0.2), (0.08, 0.55), (0.3, 0.96), (0.66, 0.95), (0.9, 0.6), (0.8, 0.2),
          (0.5, 0)]],
        [[(0.62, 0.08), (0.4, 0), (0.12, 0.35), (0.15, 0.75), (0.5, 1), (0.86, 0.7), (0.86, 0.3),
          (0.62, 0.04), (0.35, 0.05)]],
    ],
    [
        [[(0.5, 0), (0.5, 0.5), (0.5, 1)]],
        [[(0.22, 0.28), (0.55, 0), (0.55, 0), (0.53, 0.5), (0.52, 1)]],
        [
            [(0.22, 0.28), (0.52, 0), (0.52, 0), (0.52, 0.5), (0.52, 1)],
            [(0.15, 1), (0.5, 0.99), (0.9, 1)],
        ],
    ],
    [
        [[(0.12, 0.25), (0.4, 0), (0.8, 0.18), (0.65, 0.5), (0.12, 0.97), (0.12, 0.97), (0.5, 0.96),
          (0.92, 0.95)]],
        [[(0.15, 0.2), (0.5, 0), (0.8, 0.25), (0.5, 0.7), (0.2, 0.95), (0.1, 0.85), (0.3, 0.78),
          (0.6, 0.95), (0.95, 0.9)]],
    ],
    [
        [[(0.15, 0.12), (0.5, 0), (0.8, 0.2), (0.65, 0.42), (0.38, 0.47), (0.38, 0.47),
          (0.75, 0.55), (0.86, 0.78), (0.5, 1), (0.1, 0.88)]],
        [[(0.15, 0.02), (0.5, 0.02), (0.82, 0.02), (0.82, 0.02), (0.4, 0.4), (0.4, 0.4),
          (0.82, 0.52), (0.82, 0.85), (0.45, 1), (0.1, 0.87)]],
    ],
    [
        [
            [(0.25, 0), (0.18, 0.3), (0.1, 0.58), (0.1, 0.58), (0.5, 0.57), (0.92, 0.55)],
            [(0.7, 0.2), (0.69, 0.6), (0.67, 1)],
        ],
        [[(0.65, 1), (0.66, 0.5), (0.68, 0), (0.68, 0), (0.08, 0.65), (0.08, 0.65), (0.5, 0.65),
          (0.97, 0.64)]],
    ],
    [
        [[(0.85, 0.03), (0.28, 0.05), (0.28, 0.05), (0.2, 0.44), (0.2, 0.44), (0.55, 0.38),
          (0.86, 0.65), (0.6, 0.97), (0.12, 0.9)]],
        [
            [(0.25, 0.06), (0.2, 0.45), (0.2, 0.45), (0.55, 0.38), (0.86, 0.65), (0.6, 0.97),
             (0.12, 0.9)],
            [(0.25, 0.03), (0.55, 0.02), (0.88, 0)],
        ],
    ],
    [
        [[(0.7, 0.01), (0.3, 0.3), (0.12, 0.7), (0.4, 1), (0.8, 0.8), (0.6, 0.52), (0.2, 0.66)]],
        [[(0.55, 0), (0.22, 0.45), (0.15, 0.82), (0.5, 1), (0.84, 0.78), (0.5, 0.58),
          (0.18, 0.75)]],
    ],
    [
        [[(0.1, 0.05), (0.5, 0.04), (0.86, 0.03), (0.86, 0.03), (0.6, 0.5), (0.4, 1)]],
        [
            [(0.1, 0.05), (0.5, 0.04), (0.86, 0.03), (0.86, 0.03), (0.6, 0.5), (0.4, 1)],
            [(0.28, 0.5), (0.55, 0.49), (0.84, 0.48)],
        ],
        [[(0.08, 0.22), (0.1, 0.04), (0.1, 0.04), (0.5, 0.05), (0.86, 0.04), (0.86, 0.04),
          (0.6, 0.45), (0.42, 1)]],
    ],
    [
        [[(0.8, 0.14), (0.45, 0), (0.18, 0.2), (0.5, 0.45), (0.86, 0.75), (0.5, 1), (0.12, 0.78),
          (0.45, 0.48), (0.8, 0.24), (0.74, 0.08)]],
        [
            [(0.5, 0), (0.22, 0.22), (0.5, 0.46), (0.78, 0.22), (0.5, 0)],
            [(0.5, 0.46), (0.14, 0.74), (0.5, 1), (0.86, 0.74), (0.5, 0.46)],
        ],
    ],
    [
        [[(0.82, 0.22), (0.5, 0), (0.15, 0.25), (0.42, 0.5), (0.82, 0.22), (0.82, 0.22),
          (0.79, 0.6), (0.76, 1)]],
        [[(0.8, 0.2), (0.45, 0), (0.15, 0.28), (0.45, 0.5), (0.8, 0.22), (0.84, 0.6), (0.6, 0.98),
          (0.2, 0.92)]],
    ],
]  # fmt: skip


def drawn(label: int, rng: Generator) -> Grey:
    """A digit in one of its styles and a hand of its own, in the form of MNIST (28, 28)."""
    styles = STYLES[label]
    slant, aspect = rng.normal(0, 0.12), rng.uniform(0.55, 0.9)
    lines = []
    for stroke in styles[rng.integers(len(styles))]:
        line = curve(stroke, rng, 0.03)
        line[:, 0] = (line[:, 0] - 0.5 - slant * (line[:, 1] - 0.5)) * aspect
        lines.append(line)
    large = inked(lines, 160, rng.uniform(12, 26))
    ratio = 20 / max(large.shape)
    small = cv2.resize(large, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
    ink = np.rint(small / small.max() * 255).astype(np.uint8)
    mass = cv2.moments(ink)
    height, width = ink.shape
    top = np.clip(round(14 - mass["m01"] / mass["m00"]), 0, 28 - height)
    left = np.clip(round(14 - mass["m10"] / mass["m00"]), 0, 28 - width)
    image = np.zeros((28, 28), np.uint8)
    image[top : top + height, left : left + width] = ink
    return image


def curve(stroke: Stroke, rng: Generator, shake: float) -> Line:
    """A smooth line through the points, each moved by about `shake` of the box.

    A spline after E. Catmull and R. Rom, A class of local interpolating splines, 1974.
    """
    moved: list[tuple[float, float]] = []
    for i, (x, y) in enumerate(stroke):
        if i and stroke[i - 1] == (x, y):
            moved.append(moved[-1])
        else:
            moved.append((x + rng.normal(0, shake), y + rng.normal(0, shake)))
    points = np.array([moved[0], *moved, moved[-1]])
    t = np.linspace(0, 1, 12, endpoint=False)[:, None]
    parts = [
        b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
        for a, b, c, d in zip(points, points[1:], points[2:], points[3:], strict=False)
    ]
    return np.concatenate([*parts, points[-1:]]).astype(np.float32)
