"""Numbers as people write them, made for evaluation out of single digits: rows with gaps, touching
pairs, telephone numbers, dates, forms. Nothing here is trained on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image

from training.datasets import Digits
from training.golden import as_bytes
from training.layout import (
    as_they_are,
    below,
    cut_through,
    set_in_line,
    sign,
    turned,
    written_large,
)
from training.worlds.ink import Mask
from training.worlds.strokes import Grey
from training.worlds.surfaces import (
    PENS,
    daylight,
    jpeg,
    painted,
    paper,
    photographed,
    ruled,
    shadow,
    tilted,
)

FEWEST, MOST = 2, 12  # digits of a number
TOUCHING = 0.4  # of the pairs touch, in the kind that has any
DAY, MONTH, YEAR = 2, 4, 8  # digits of a date up to the end of each


def row(images: Sequence[Grey], rng: Generator) -> bytes:
    """At MNIST's own size, some pixels between any two."""
    gaps = rng.uniform(1, 8, len(images)).tolist()
    return _flat(set_in_line(as_they_are(images), gaps, rng, drift=2), rng)


def close(images: Sequence[Grey], rng: Generator) -> bytes:
    """Reaching above and below each other, but nowhere touching."""
    gaps = rng.uniform(2, 3, len(images)).tolist()
    return _flat(set_in_line(as_they_are(images), gaps, rng, drift=2, along=True), rng)


def touching(images: Sequence[Grey], rng: Generator) -> bytes:
    """Some neighbours have come so near that they touch, or overlap by a pixel."""
    return _flat(_some_in_touch(images, 1, rng), rng)


def crossing(images: Sequence[Grey], rng: Generator) -> bytes:
    """Some neighbours are written over each other by one to three pixels."""
    return _flat(_some_in_touch(images, 3, rng), rng)


def broken(images: Sequence[Grey], rng: Generator) -> bytes:
    """As a bad copy has them: every other digit has a gap."""
    masks = [cut_through(mask, rng) if rng.random() < 0.5 else mask for mask in as_they_are(images)]
    return _flat(set_in_line(masks, rng.uniform(3, 8, len(masks)).tolist(), rng, drift=2), rng)


def slanted(images: Sequence[Grey], rng: Generator) -> bytes:
    """Large, on a line that rises or falls by four to ten degrees."""
    height = rng.uniform(30, 70)
    line = _spaced(written_large(images, height, rng), height, rng)
    return _flat(turned(line, rng.uniform(4, 10) * rng.choice([-1, 1])), rng)


def two_rows(images: Sequence[Grey], rng: Generator) -> bytes:
    """The second half of the number below the first."""
    height = rng.uniform(30, 70)
    masks = written_large(images, height, rng)
    middle = len(masks) // 2
    first, second = (_spaced(part, height, rng) for part in (masks[:middle], masks[middle:]))
    return _flat(below(first, second, round(height * rng.uniform(0.25, 0.9)), rng), rng)


def telephone_number(images: Sequence[Grey], rng: Generator) -> bytes:
    """Photographed: in groups of three, with spaces, dashes or dots between them."""
    return _grouped(images, range(3, MOST, 3), " -."[rng.integers(3)], rng)


def date(images: Sequence[Grey], rng: Generator) -> bytes:
    """Photographed: day, month and year, as far as there are digits for them."""
    return _grouped(images, (DAY, MONTH, YEAR), "/.-"[rng.integers(3)], rng)


def on_ruled_paper(images: Sequence[Grey], rng: Generator) -> bytes:
    """Photographed: on ruled or squared paper."""
    height = rng.uniform(45, 90)
    line = _spaced(written_large(images, height, rng), height, rng)
    spacing, squares = (rng.uniform(1.2, 2), False) if rng.random() < 0.5 else (0.9, True)
    return _photo(line, height, rng, spacing * height, squares=squares)


def form(images: Sequence[Grey], rng: Generator) -> bytes:
    """A scan: each digit in a printed box of its own."""
    height = rng.uniform(30, 70)
    masks = written_large(images, height, rng)
    across = round(max(mask.shape[1] for mask in masks) * rng.uniform(1.2, 1.5))
    down = round(max(len(mask) for mask in masks) * rng.uniform(1.2, 1.5))
    margin = round(height * rng.uniform(0.3, 1))
    pen, print_ = max(1, round(height * rng.uniform(0.015, 0.03))), rng.uniform(0.5, 1)
    page = np.zeros((down + 2 * margin, across * len(masks) + 2 * margin), np.float32)
    for i, mask in enumerate(masks):
        left = margin + i * across
        cv2.rectangle(page, (left, margin), (left + across, margin + down), print_, pen)
        x = left + round((across - mask.shape[1]) * rng.uniform(0.35, 0.65))
        y = margin + round((down - len(mask)) * rng.uniform(0.35, 0.65))
        part = page[y : y + len(mask), x : x + mask.shape[1]]
        np.maximum(part, mask, out=part)
    scan = painted(paper(page.shape, rng, grain=2), page, PENS[rng.integers(len(PENS))])
    return as_bytes(Image.fromarray(scan.clip(0, 255).astype(np.uint8)), "PNG")


KINDS: Mapping[str, Callable[[Sequence[Grey], Generator], bytes]] = {
    "row": row,
    "close": close,
    "touching": touching,
    "crossing": crossing,
    "broken": broken,
    "slanted": slanted,
    "two rows": two_rows,
    "telephone number": telephone_number,
    "date": date,
    "ruled paper": on_ruled_paper,
    "form": form,
}
"""From digits in the form of MNIST, uint8 (28, 28), white on black, to the bytes of a file."""


def number_pictures(
    kind: str, digits: Digits, count: int, seed: int
) -> Iterator[tuple[bytes, str]]:
    """`count` files of a kind, each with the text that stands there; the first ones are the same
    for any count, and the numbers are the same for any kind."""
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        chosen = digits.take(rng.integers(len(digits), size=rng.integers(FEWEST, MOST + 1)))
        text = [str(label) for label in chosen.labels]
        if kind == "two rows":
            text.insert(len(text) // 2, "\n")
        yield KINDS[kind](list(chosen.images), rng), "".join(text)


def _some_in_touch(images: Sequence[Grey], most: int, rng: Generator) -> Mask:
    """Pairs in touch overlap in some row by up to `most` pixels."""
    gaps = [
        float(-rng.integers(most // 2, most + 1)) if rng.random() < TOUCHING else rng.uniform(2, 6)
        for _ in images
    ]
    return set_in_line(as_they_are(images), gaps, rng, drift=2, along=True)


def _spaced(masks: Sequence[Mask], height: float, rng: Generator) -> Mask:
    gaps = (height * rng.uniform(0.12, 0.4, len(masks))).tolist()
    return set_in_line(masks, gaps, rng, drift=height * 0.06)


def _grouped(images: Sequence[Grey], ends: Collection[int], between: str, rng: Generator) -> bytes:
    height = rng.uniform(45, 90)
    masks: list[Mask] = []
    gaps: list[float] = []
    for i, mask in enumerate(written_large(images, height, rng)):
        gap = height * rng.uniform(0.12, 0.3)
        if i in ends and between == " ":
            gap += height * rng.uniform(0.4, 0.8)
        elif i in ends:
            masks.append(sign(between, height, rng))
            gaps.append(height * rng.uniform(0.12, 0.3))
        masks.append(mask)
        gaps.append(gap)
    return _photo(set_in_line(masks, gaps, rng, drift=height * 0.05), height, rng)


def _flat(line: Mask, rng: Generator) -> bytes:
    """Without any paper: dark on light or light on dark, with a margin."""
    level = np.pad(line, rng.integers(4, 20, (2, 2))) * 255
    if rng.random() < 0.5:
        level = 255 - level
    return as_bytes(Image.fromarray(np.rint(level).astype(np.uint8)), "PNG")


def _photo(
    line: Mask, height: float, rng: Generator, spacing: float = 0.0, *, squares: bool = False
) -> bytes:
    """Pen on paper, on lines `spacing` pixels apart if that is above 0."""
    cover = np.pad(line, np.rint(height * rng.uniform(0.6, 2, (2, 2))).astype(int))
    sheet = paper(cover.shape, rng)
    if spacing:
        sheet = ruled(sheet, spacing, rng, squares=squares)
    sheet = painted(sheet, cover * rng.uniform(0.75, 1), PENS[rng.integers(len(PENS))])
    light = daylight(cover.shape, rng)
    if rng.random() < 0.6:
        light = light * shadow(cover.shape, rng)
    return jpeg(photographed(tilted(sheet, rng, by=0.03), light, rng), rng)
