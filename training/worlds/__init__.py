"""Digits as people send them, made for evaluation: strokes of MNIST, and drawings of our own, on
paper, boards, screens and forms. None of these pictures is trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import cv2
import numpy as np
from numpy.random import Generator

from training.datasets import Digits
from training.worlds import boards, photos, scans, screens
from training.worlds.drawings import drawn
from training.worlds.strokes import Grey

OWN_SHARE = 0.2  # of the digits are drawings of our own
MOST_PEN = 4.6  # pixels of MNIST, as thick as a stroke may be
TRIES = 30

KINDS: Mapping[str, Callable[[Grey, Generator], bytes]] = {
    "pen on paper, shadow": photos.on_paper,
    "pen on ruled paper": photos.on_ruled_paper,
    "pen on squared paper": photos.on_squared_paper,
    "paper on a desk": photos.on_a_desk,
    "felt marker": photos.felt_marker,
    "white on black sign": boards.white_on_black_sign,
    "blackboard": boards.blackboard,
    "whiteboard": boards.whiteboard,
    "out of focus": photos.out_of_focus,
    "at night": photos.at_night,
    "turned by EXIF": photos.turned_by_exif,
    "mouse": screens.mouse,
    "finger": screens.finger,
    "16x16 thumbnail": screens.thumbnail,
    "ink in alpha": screens.ink_in_alpha,
    "strong compression": screens.strong_compression,
    "cropped to the ink": scans.cropped_to_the_ink,
    "pencil": scans.pencil,
    "ballpoint": scans.ballpoint,
    "fax": scans.fax,
    "postal": scans.postal,
    "bank form": scans.bank_form,
}
"""From a digit in the form of MNIST, uint8 (28, 28), white on black, to the bytes of a file."""


def pictures(kind: str, digits: Digits, count: int, seed: int) -> Iterator[tuple[bytes, int]]:
    """`count` files of a kind, each with its label; the first ones are the same for any count, and
    the digits are the same for any kind."""
    for i in range(count):
        digit, label = chosen(digits, np.random.default_rng([seed, i, 0]))
        yield KINDS[kind](digit, np.random.default_rng([seed, i, 1])), label


def chosen(digits: Digits, rng: Generator) -> tuple[Grey, int]:
    """One of `digits`, or a drawing of our own, and its label."""
    if rng.random() < OWN_SHARE:
        label = int(rng.integers(10))
        return drawn(label, rng), label
    for at in rng.integers(len(digits), size=TRIES):
        if _can_be_traced(digits.images[at]):
            break
    return digits.images[at], int(digits.labels[at])


def _can_be_traced(digit: Grey) -> bool:
    """Whether no stroke is so thick that it may be a loop filled with ink: drawn again with a thin
    pen, that would be another digit, or none."""
    large = cv2.resize(digit, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    inside = cv2.distanceTransform((large > 128).astype(np.uint8), cv2.DIST_L2, 5)
    return float(inside.max()) / 4 <= MOST_PEN / 2
