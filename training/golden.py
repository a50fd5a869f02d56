"""Inputs drawn and written for this project: the golden cases of every published model."""

from __future__ import annotations

import io
import math

from PIL import Image, ImageDraw

Point = tuple[float, float]


def _arc(cx: float, cy: float, rx: float, ry: float, start: float, end: float) -> list[Point]:
    """Points on an ellipse from angle to angle in degrees, 0 to the right, 90 down."""
    turns = [math.radians(start + (end - start) * i / 24) for i in range(25)]
    return [(cx + rx * math.cos(t), cy + ry * math.sin(t)) for t in turns]


# One or more pen strokes for each digit, in a box one wide and one high.
STROKES: list[list[list[Point]]] = [
    [_arc(0.5, 0.5, 0.32, 0.48, -80, 280)],
    [[(0.36, 0.2), (0.54, 0.03), (0.5, 0.98)]],
    [[*_arc(0.5, 0.28, 0.3, 0.25, 190, 390), (0.2, 0.95), (0.85, 0.93)]],
    [[*_arc(0.45, 0.27, 0.28, 0.23, 200, 430), *_arc(0.45, 0.72, 0.33, 0.25, -70, 155)]],
    [[(0.6, 0.03), (0.15, 0.62), (0.88, 0.6)], [(0.66, 0.35), (0.6, 0.98)]],
    [
        [(0.82, 0.05), (0.3, 0.06), (0.26, 0.42), *_arc(0.46, 0.68, 0.33, 0.28, -105, 150)],
    ],
    [[(0.66, 0.03), *_arc(0.5, 0.6, 0.34, 0.55, 230, 180), *_arc(0.48, 0.7, 0.3, 0.26, 180, -180)]],
    [[(0.14, 0.08), (0.84, 0.06), (0.64, 0.4), (0.42, 0.97)]],
    [[*_arc(0.5, 0.27, 0.24, 0.23, 90, 450), *_arc(0.5, 0.74, 0.3, 0.24, -90, 270)]],
    [[*_arc(0.48, 0.29, 0.28, 0.25, 0, 360), (0.74, 0.5), (0.66, 0.98)]],
]


def draw_digit(
    label: int,
    *,
    canvas: tuple[int, int] = (200, 260),
    corner: Point = (50, 60),
    size: Point = (90, 140),
    pen: float = 12,
    ink: int = 0,
    paper: int = 255,
) -> Image.Image:
    """A digit (mode L) of `size`, its upper left `corner` on a `canvas` of width and height."""
    sharp = 4
    picture = Image.new("L", (canvas[0] * sharp, canvas[1] * sharp), paper)
    brush = ImageDraw.Draw(picture)
    radius = pen * sharp / 2
    for stroke in STROKES[label]:
        points = [
            ((corner[0] + x * size[0]) * sharp, (corner[1] + y * size[1]) * sharp)
            for x, y in stroke
        ]
        brush.line(points, fill=ink, width=round(pen * sharp), joint="curve")
        for x, y in (points[0], points[-1]):
            brush.ellipse([x - radius, y - radius, x + radius, y + radius], fill=ink)
    return picture.resize(canvas, Image.Resampling.BOX)


def as_bytes(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The picture as a file."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def golden_images() -> list[bytes]:
    """All ten digits, black on white and white on black, large and small."""
    styles: list[dict[str, object]] = [
        {},
        {"ink": 235, "paper": 20},
        {"canvas": (64, 64), "corner": (18, 12), "size": (26, 40), "pen": 4},
    ]
    return [as_bytes(draw_digit(label, **styles[label % 3])) for label in range(10)]  # type: ignore[arg-type]


GOLDEN_TEXTS = [
    "An absolute delight from start to finish. The cast is wonderful, the story moving, and I "
    "left the cinema smiling. One of the best films I have seen in years!",
    "What a waste of two hours. The plot makes no sense, the acting is terrible and the jokes "
    "fall flat. I want my money back.",
    "A beautiful, touching story with superb performances.<br /><br />Highly recommended.",
    "Boring, predictable and far too long. Avoid this awful mess at all costs.",
    "I LOVED IT 😀 great music, great pictures, GREAT ending!!!",
    "The worst sequel ever made: poor effects, lousy script, no tension whatsoever.",
    "An excellent film, and a perfect evening. " * 40,
    "Dull. Just dull. " * 120,
    "Soooo goood!!!! I loooved the caf\u00e9 sc\u200bene &amp; the music :-) <BR />Isn&#39;t it "
    "lovely? \u2764\ufe0f",
]
