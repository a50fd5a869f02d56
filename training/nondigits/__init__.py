"""Pictures that show no digit, or more than one, made for evaluation: none of these kinds is
trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.random import Generator
from PIL import Image

from training.golden import as_bytes
from training.nondigits import clothes, printed, scenes, sketches
from training.worlds.ink import anywhere, enlarged, laid, outline, redrawn
from training.worlds.strokes import Grey
from training.worlds.surfaces import PENS, daylight, jpeg, painted, paper, photographed, plain

NON_DIGITS: Mapping[str, Callable[[Generator], bytes]] = {
    "small clothes": clothes.small_clothes,
    "clothes on white": clothes.clothes_on_white,
    "typeset letter": printed.letter,
    "bar code": printed.bar_code,
    "square code": printed.square_code,
    "chart": printed.chart,
    "line drawing": sketches.line_drawing,
    "written word": sketches.word,
    "signature": sketches.signature,
    "photograph": scenes.photograph,
    "landscape": scenes.landscape,
    "things on a table": scenes.things,
    "texture": scenes.texture,
}
"""The bytes of a file."""


def several(images: Grey, rng: Generator) -> bytes:
    """Two to four of the digits (n, 28, 28) side by side, on white or on paper, none touching."""
    high = rng.uniform(30, 200)
    chosen = images[rng.integers(len(images), size=rng.integers(2, 5))]
    width = high * rng.uniform(0.05, 0.1)
    same_pen = rng.random() < 0.5
    masks = []
    for image in chosen:
        shape, size = enlarged(image, rng, 6), high * rng.uniform(0.85, 1)
        masks.append(redrawn(shape, size, width) if same_pen else outline(shape, size))
    gaps = [high * rng.uniform(0.12, 0.4) for _ in masks]
    extent = round(high), round(sum(mask.shape[1] for mask in masks) + sum(gaps))
    row, left = np.zeros(extent, np.float32), 0.0
    for mask, gap in zip(masks, gaps, strict=True):
        row = np.maximum(row, laid(mask, extent, left, (extent[0] - mask.shape[0]) / 2))
        left += mask.shape[1] + gap
    canvas = round(extent[0] * rng.uniform(1.15, 2.5)), round(extent[1] * rng.uniform(1.1, 1.6))
    cover = anywhere(row, canvas, rng)
    pen = PENS[rng.integers(len(PENS))]
    if rng.random() < 0.5:
        drawn = painted(plain(canvas, (255, 255, 255)), cover, pen)
        return as_bytes(Image.fromarray(np.rint(drawn).astype(np.uint8)), "PNG")
    sheet = painted(paper(canvas, rng), cover, pen)
    return jpeg(photographed(sheet, daylight(canvas, rng), rng), rng)
