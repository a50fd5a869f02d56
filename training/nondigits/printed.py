"""What printers make: letters, signs, bar codes and charts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

from training.golden import as_bytes
from training.worlds.surfaces import field

# None that could be taken for a digit, upright or a little turned: no O, l, I, S, Z, g, q, b, B ...
LATIN = "AEFHKMNRTWXYaefhkmnrtwx"
GREEK = "ΔΛΞΠΣΦΨΩαληπφψωμ"
CYRILLIC = "ЖШЩФЦДЛИМЯЙЊ"
SIGNS = "&#%@♠★☎✂♫"
FONTS = [
    f"DejaVu{family}.ttf"
    for family in ("Sans", "Sans-Bold", "Sans-Oblique", "SansMono", "Serif", "Serif-Bold")
]
ALPHABETS = [
    (LATIN, FONTS),
    (LATIN, FONTS),
    (GREEK, FONTS),
    (CYRILLIC, FONTS),
    (SIGNS, FONTS[:3]),  # the others lack some of the signs
]


def letter(rng: Generator) -> bytes:
    """One typeset letter or sign, 28 to 300 pixels high, dark on light or light on dark."""
    signs, fonts = ALPHABETS[rng.integers(len(ALPHABETS))]
    font = _font(fonts[rng.integers(len(fonts))])
    page = Image.new("L", (240, 240), 0)
    middle = (120, 120)
    ImageDraw.Draw(page).text(middle, signs[rng.integers(len(signs))], 255, font, anchor="mm")
    page = page.rotate(rng.uniform(-10, 10), Image.Resampling.BICUBIC)
    side = 28 if rng.random() < 0.4 else int(rng.integers(40, 300))
    cover = np.asarray(page.resize((side, side), Image.Resampling.LANCZOS), np.float32) / 255
    ink, ground = rng.uniform(0, 80), rng.uniform(180, 255)
    if rng.random() < 0.5:
        ink, ground = ground, rng.uniform(0, 40) if side > 28 else 0.0
    grain = 0.0 if ground == 0 else rng.uniform(0, 5)
    grey = ground + cover * (ink - ground) + field(cover.shape, rng, 1) * grain
    return as_bytes(Image.fromarray(grey.clip(0, 255).astype(np.uint8)), "PNG")


def bar_code(rng: Generator) -> bytes:
    """Black bars of one to four units, with a quiet zone."""
    widths = rng.integers(1, 5, int(rng.integers(20, 60)))
    bars = np.repeat(np.arange(len(widths)) % 2 == 1, widths)
    unit = int(rng.integers(1, 5))
    code = np.kron(bars, np.ones((int(len(bars) * 0.5), unit))) > 0
    page = np.pad(~code, 8 * unit, constant_values=True)
    return as_bytes(Image.fromarray(page), "PNG")


def square_code(rng: Generator) -> bytes:
    """Black and white squares by chance with three eyes in the corners."""
    cells = int(rng.integers(21, 41))
    code = rng.random((cells, cells)) < 0.5
    eye = np.zeros((8, 8), bool)
    cv2.rectangle(eye.view(np.uint8), (0, 0), (6, 6), 1)
    eye[2:5, 2:5] = True
    code[:8, :8], code[:8, -8:], code[-8:, :8] = eye, eye[:, ::-1], eye[::-1]
    unit = int(rng.integers(1, 9))
    page = np.pad(~(np.kron(code, np.ones((unit, unit))) > 0), 4 * unit, constant_values=True)
    return as_bytes(Image.fromarray(page), "PNG")


def chart(rng: Generator) -> bytes:
    """Bars, lines, points or a pie, in colour."""
    width, height = (int(side) for side in rng.integers(150, 500, 2))
    page = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(page)
    colours = [tuple(int(c) for c in colour) for colour in rng.integers(20, 220, (8, 3))]
    count = int(rng.integers(4, 9))
    left, top, right, bottom = width * 0.12, height * 0.08, width * 0.95, height * 0.88
    kind = rng.integers(4)
    if kind == 0:
        angles = np.concatenate([[0], np.cumsum(rng.dirichlet(np.full(count, 2.0)))]) * 360
        radius = min(width, height) * 0.4
        box = (width / 2 - radius, height / 2 - radius, width / 2 + radius, height / 2 + radius)
        for i in range(count):
            draw.pieslice(box, angles[i], angles[i + 1], fill=colours[i % 8])
        return as_bytes(page, "PNG")
    draw.line([(left, top), (left, bottom), (right, bottom)], fill="black", width=2)
    for y in np.linspace(top, bottom, 6)[:-1]:
        draw.line([(left, y), (right, y)], fill=(215, 215, 215))
    edges = np.linspace(left, right, count + 1)
    if kind == 1:
        for i, share in enumerate(rng.uniform(0.15, 0.95, count)):
            up = bottom - share * (bottom - top)
            draw.rectangle([edges[i] + 4, up, edges[i + 1] - 2, bottom], fill=colours[0])
    for colour in colours[1 : 1 + int(rng.integers(2, 4))] if kind > 1 else []:
        ups = bottom - (bottom - top) * rng.uniform(0.1, 0.95, count + 1)
        points = [(float(x), float(y)) for x, y in zip(edges, ups, strict=True)]
        if kind == 2:
            draw.line(points, fill=colour, width=3)
        for x, y in points:
            draw.ellipse([x - 4, y - 4, x + 4, y + 4], fill=colour)
    return as_bytes(page, "PNG")


@cache
def _font(name: str) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, 180)
