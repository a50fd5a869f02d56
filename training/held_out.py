"""Pictures beside MNIST's own that judge a digit model; none of their kinds is trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from service.contract.image import read_digit
from training.datasets import Digits
from training.nondigits import NON_DIGITS
from training.picture_kinds import generator_of
from training.progress import progress
from training.worlds import KINDS, pictures

Images = npt.NDArray[np.uint8]  # (n, 28, 28), in the form of MNIST

SEED = 20_202
PER_KIND = 200  # pictures by which a version is judged before it is published


def read_all(uploads: Iterable[bytes]) -> Images:
    """Files as the service brings them into the form of MNIST."""
    return np.concatenate([read_digit(upload).pixels for upload in uploads])


def realistic_digits(strokes: Digits, count: int) -> Digits:
    """`count` pictures of each kind that people send, of the digits in `strokes`."""
    labels: list[int] = []

    def made() -> Iterator[bytes]:
        for kind in KINDS:
            for upload, label in pictures(kind, strokes, count, SEED):
                labels.append(label)
                yield upload

    images = read_all(progress(made(), "realistic", count * len(KINDS)))
    return Digits(images, np.array(labels))


def non_digit_images(count: int) -> Images:
    """`count` pictures of each kind that shows no digit."""

    def made() -> Iterator[bytes]:
        for name, make in NON_DIGITS.items():
            rng = generator_of(name, SEED)
            for _ in range(count):
                yield make(rng)

    return read_all(progress(made(), "non-digits", count * len(NON_DIGITS)))
