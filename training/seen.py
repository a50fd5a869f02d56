"""MNIST's digits, and what is no digit, as the service sees them in pictures of other kinds.

Made once and kept, since finding the digit in a picture takes longer than learning from it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.random import Generator

from service.contract import image
from service.contract.decoding import Grey, Picture
from training import strokes
from training.candidates import NO_DIGIT, line_candidates
from training.datasets import Digits, joined
from training.progress import progress
from training.scenes import scene

Source = Callable[[Digits, Generator], Iterator[tuple[Grey, int]]]


class Make(Protocol):
    """Makes pictures out of digits."""

    def __call__(self, digits: Digits, *, rng: Generator) -> Digits: ...


CHUNK = 500
LINES = 8  # of numbers for so many digits
STYLED = 0.08  # of the digits are drawings of our own
SOME = 5000  # digits
NEIGHBOURS = 0.12  # of the pictures show a part of another digit, too

OTHERS: dict[str, tuple[float, Callable[[list[Grey], Generator], Grey | None]]] = {
    "letters": (0.22, lambda _, rng: strokes.letter(rng)),
    "figures": (0.1, lambda _, rng: strokes.figure(rng)),
    "scribbles": (0.1, lambda _, rng: strokes.scribble(rng)),
    "blobs": (0.18, lambda _, rng: strokes.blob(rng)),
    "noise": (0.05, lambda _, rng: strokes.noise(rng)),
    "shuffled": (0.12, strokes.shuffled),
    "several": (0.15, strokes.side_by_side),
    "cuts": (0.08, lambda images, rng: strokes.cut(images[0], rng)),
}
"""What is no digit: its share, and how it is made of three digits."""


def digits_seen(digits: Digits, seed: int) -> Digits:
    """Every digit by another hand in another scene, or one of our own in its place; fewer where one
    is not found any more."""
    return _in_processes(partial(_seen, _digits), digits, seed)


def others_seen(digits: Digits, seed: int) -> Digits:
    """About as many pictures of OTHERS, labelled NO_DIGIT, some of them made of these digits."""
    return _in_processes(partial(_seen, _others), digits, seed)


def candidates_seen(digits: Digits, seed: int) -> Digits:
    """What may be one of these digits in lines of them, or a piece of one, or several."""
    return _in_processes(partial(line_candidates, lines=LINES), digits, seed)


def usual_and_unusual(digits: Digits) -> Grey:
    """Images (n, 28, 28) of all that the model may be shown, to see how far its activations go."""
    some = digits.sample(min(SOME, len(digits)))
    return joined(digits, digits_seen(some, 0), others_seen(some, 0)).images


def kept(path: Path, make: Callable[[], Digits]) -> Digits:
    """What lies at `path`; made first where nothing does."""
    if not path.exists():
        made = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".tmp.npz")
        np.savez(unfinished, images=made.images, labels=made.labels)
        unfinished.rename(path)
    with np.load(path) as file:
        return Digits(file["images"], file["labels"])


def _digits(digits: Digits, rng: Generator) -> Iterator[tuple[Grey, int]]:
    for pixels, label in zip(digits.images, digits.labels, strict=True):
        beside = None
        if rng.random() < NEIGHBOURS:
            beside = strokes.handwritten(digits.images[rng.integers(len(digits))], rng)
        if rng.random() < STYLED:
            ink, label = strokes.styled(rng)
        else:
            ink = strokes.handwritten(pixels, rng)
        yield scene(ink, rng, beside), int(label)


def _others(digits: Digits, rng: Generator) -> Iterator[tuple[Grey, int]]:
    shares, makers = zip(*OTHERS.values(), strict=True)
    for kind in rng.choice(len(makers), len(digits), p=shares):
        ink = makers[kind]([digits.images[i] for i in rng.integers(len(digits), size=3)], rng)
        if ink is not None:
            yield scene(ink, rng), NO_DIGIT


def _seen(source: Source, digits: Digits, rng: Generator) -> Digits:
    images, labels = [], []
    for grey, label in source(digits, rng):
        digit = image.normalise(Picture(grey))
        if digit.box is not None:
            images.append(digit.pixels[0])
            labels.append(label)
    pixels = np.array(images, np.uint8).reshape(-1, image.SIDE, image.SIDE)  # also of none
    return Digits(pixels, np.array(labels, np.int64))


def _in_processes(make: Make, digits: Digits, seed: int) -> Digits:
    """The same, however many processes there are."""
    starts = range(0, len(digits), CHUNK)
    parts = [digits.take(np.arange(len(digits))[start : start + CHUNK]) for start in starts]
    seeds = [(seed, i) for i in range(len(parts))]
    if len(parts) == 1:  # to start a process would take longer
        return make(digits, rng=np.random.default_rng(seeds[0]))
    processes = min(len(parts), len(os.sched_getaffinity(0)))
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        made = pool.map(partial(_in_one, make), parts, seeds)
        return joined(*progress(made, "scenes", len(parts)))


def _in_one(make: Make, digits: Digits, seed: tuple[int, int]) -> Digits:
    cv2.setNumThreads(1)
    return make(digits, rng=np.random.default_rng(seed))
