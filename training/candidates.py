"""What a reader of numbers asks the model about: whole digits out of touching lines, and pieces and
groups of them that are none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from service.contract.decoding import Picture
from service.contract.lines import find_lines, joined
from service.contract.parts import Part
from training.datasets import Digits
from training.layout import INK, as_they_are, places, written_large
from training.worlds.ink import Mask

NO_DIGIT = 10  # the label of what is none
LONGEST = 7  # digits of a line
LARGE = 0.4  # of the lines are written large
TOUCHING, MOST_OVERLAP = 0.5, 3  # of the pairs, pixels of a digit 20 high
WHOLE = 0.8  # of a digit, and of the candidate, lies in both: it shows that digit
PARTIAL = 0.65  # less of either: it shows none
ANOTHER = 0.5  # of a second digit: it shows several
KEPT = 0.4  # of what is no digit, which would be most

Owned = list[npt.NDArray[np.bool_]]


def line_candidates(digits: Digits, *, lines: int, rng: Generator) -> Digits:
    """All that may be a digit on so many lines made of `digits`, as the service cuts them, in the
    form of MNIST; labelled by what it shows, NO_DIGIT for a piece of a digit or several of them."""
    images: list[npt.NDArray[np.uint8]] = []
    labels: list[int] = []
    for _ in range(lines):
        chosen = digits.take(rng.integers(len(digits), size=rng.integers(1, LONGEST + 1)))
        page, owned = _written(chosen, rng)
        for image, shown in _candidates(page, owned):
            if shown is not None or rng.random() < KEPT:
                images.append(image)
                labels.append(NO_DIGIT if shown is None else int(chosen.labels[shown]))
    return Digits(np.stack(images), np.array(labels))


def _written(digits: Digits, rng: Generator) -> tuple[npt.NDArray[np.uint8], Owned]:
    """A line, light on black, and which of its pixels each digit inks."""
    height = rng.uniform(30, 60) if rng.random() < LARGE else 20.0
    images = list(digits.images)
    masks = as_they_are(images) if height == 20 else written_large(images, height, rng)
    unit = height / 20
    gaps = [
        unit * (-rng.uniform(0, MOST_OVERLAP) if rng.random() < TOUCHING else rng.uniform(1, 6))
        for _ in masks
    ]
    found = places(masks, gaps, rng, drift=2 * unit, along=True)
    return _page(masks, found, margin=round(6 * unit))


def _page(
    masks: Sequence[Mask], found: Sequence[tuple[int, int]], margin: int
) -> tuple[npt.NDArray[np.uint8], Owned]:
    right = max(left + mask.shape[1] for mask, (left, _) in zip(masks, found, strict=True))
    bottom = max(top + len(mask) for mask, (_, top) in zip(masks, found, strict=True))
    alone = np.zeros((len(masks), bottom + 2 * margin, right + 2 * margin), np.float32)
    for page, mask, (left, top) in zip(alone, masks, found, strict=True):
        x, y = left + margin, top + margin
        page[y : y + len(mask), x : x + mask.shape[1]] = mask
    return np.rint(alone.max(axis=0) * 255).astype(np.uint8), list(alone > INK)


def _candidates(
    page: npt.NDArray[np.uint8], owned: Owned
) -> Iterator[tuple[npt.NDArray[np.uint8], int | None]]:
    """Each as the model sees it, with the digit that it shows, None where that is none; without
    those of which it is hard to say."""
    for line in find_lines(Picture(page)):
        for candidate in line.candidates:
            part = joined(line.pieces[candidate.start : candidate.end])
            whole, shares = _shares(part, owned)
            shown = int(np.argmax(whole))
            both = min(whole[shown], shares[shown])
            several = np.delete(whole, shown).max(initial=0) >= ANOTHER
            if both >= WHOLE and not several:
                yield candidate.digit.pixels[0], shown
            elif both < PARTIAL or several:
                yield candidate.digit.pixels[0], None


def _shares(part: Part, owned: Owned) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How much of each digit lies in the part, and how much of the part in each digit."""
    inked = part.ink > 255 * INK
    rows, columns = slice(part.top, part.bottom), slice(part.left, part.right)
    common = np.array([np.count_nonzero(own[rows, columns] & inked) for own in owned])
    sizes = np.array([np.count_nonzero(own) for own in owned])
    return common / sizes, common / max(np.count_nonzero(inked), 1)
