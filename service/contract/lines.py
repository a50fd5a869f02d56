"""A picture of a number to its lines, and to all that may be a digit on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from service.contract.cuts import Path, find_cuts
from service.contract.decoding import Picture
from service.contract.image import DigitImage, mnist_form
from service.contract.ink import FULL_INK, find_ink
from service.contract.parts import TALL, Part, parts_by_line
from service.contract.signs import without_slashes

MOST_CANDIDATES = 256  # of a picture
APART = (0.15, 0.3, 0.6, 100.0)  # heights between cuts, tried until candidates are few
NARROW = 0.5  # of the height of a line: what is so narrow is not cut
USUAL_WIDTH = 0.75  # heights of a line, of one digit
WIDEST = 1.5  # heights of a line, of one digit
INNER_GAP = 0.3  # heights of a line, between pieces of one digit
MOST_PIECES = 9  # of one digit


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may be one digit: the pieces of a line from `start` up to `end`, in MNIST's form."""

    start: int
    end: int
    digit: DigitImage


@dataclass(frozen=True, slots=True)
class Line:
    """Pieces from left to right; their `inks`, shares of the ink of a usual digit there; and the
    candidates made of neighbouring ones."""

    pieces: list[Part]
    inks: list[float]
    candidates: list[Candidate]


def find_lines(picture: Picture) -> list[Line]:
    """The lines of a picture, top to bottom; with at most MOST_CANDIDATES candidates in all."""
    parts = [without_slashes(line) for line in parts_by_line(find_ink(picture.grey))]
    heights = [_usual_height(line) for line in parts]
    for apart in APART:
        pieces = [_pieces(*line, apart) for line in zip(parts, heights, strict=True)]
        runs = [list(_runs(*line)) for line in zip(pieces, heights, strict=True)]
        if sum(map(len, runs)) <= MOST_CANDIDATES:
            break
    else:  # a page full of writing: each piece is a digit, or none is there
        runs = [[run for run in line if run[1] - run[0] == 1] for line in runs]
    return [
        Line(line[1], _inks(*line[:3]), [_candidate(picture, line[1], run) for run in line[3]])
        for line in zip(parts, pieces, heights, runs, strict=True)
    ]


def _usual_height(parts: Sequence[Part]) -> float:
    """Of a digit on this line."""
    heights = np.array([part.height for part in parts])
    return float(np.median(heights[heights >= TALL * heights.max()]))


def _pieces(parts: Sequence[Part], height: float, apart: float) -> list[Part]:
    """Left to right, what cuts leave of the parts of a line."""
    pieces: list[Part] = []
    for part in parts:
        is_cut = part.width > NARROW * height and part.height >= TALL * height
        pieces += _cut(part, find_cuts(part.ink, height, apart) if is_cut else [])
    return sorted(pieces, key=lambda piece: piece.left + piece.right)


def _cut(part: Part, cuts: Sequence[Path]) -> Iterator[Part]:
    columns = np.arange(part.width)
    before = np.zeros(part.height, np.intp)
    for after in [*cuts, np.full_like(before, part.width)]:
        own = part.ink * ((columns >= before[:, None]) & (columns < after[:, None]))
        left, top, wide, high = cv2.boundingRect((own >= FULL_INK).astype(np.uint8))
        if wide:
            yield Part(own[top : top + high, left : left + wide], part.left + left, part.top + top)
        before = after


def _runs(pieces: Sequence[Part], height: float) -> Iterator[tuple[int, int]]:
    """Neighbours that are as high and no wider than one digit, and near each other."""
    for start, first in enumerate(pieces):
        left, top, right, bottom = first.left, first.top, first.right, first.bottom
        for end, piece in enumerate(pieces[start : start + MOST_PIECES], start + 1):
            if piece.left - right > INNER_GAP * height:
                break
            left, right = min(left, piece.left), max(right, piece.right)
            top, bottom = min(top, piece.top), max(bottom, piece.bottom)
            if right - left > WIDEST * height:
                break
            if bottom - top >= TALL * height:
                yield start, end


def _inks(parts: Sequence[Part], pieces: Sequence[Part], height: float) -> list[float]:
    # A part that is as wide as several digits has the ink of several.
    usual = np.median(
        [
            part.ink.sum() * min(1.0, USUAL_WIDTH * height / part.width)
            for part in parts
            if part.height >= TALL * height
        ]
    )
    return [float(piece.ink.sum() / usual) for piece in pieces]


def _candidate(picture: Picture, pieces: Sequence[Part], run: tuple[int, int]) -> Candidate:
    whole = joined(pieces[slice(*run)])
    box = picture.box(whole.left, whole.top, whole.right, whole.bottom)
    return Candidate(*run, DigitImage(mnist_form(whole.ink)[None], box))


def joined(pieces: Sequence[Part]) -> Part:
    """Pieces as one part of the picture's ink."""
    left, top = min(piece.left for piece in pieces), min(piece.top for piece in pieces)
    right, bottom = max(piece.right for piece in pieces), max(piece.bottom for piece in pieces)
    ink = np.zeros((bottom - top, right - left), np.uint8)
    for piece in pieces:
        own = ink[piece.top - top : piece.bottom - top, piece.left - left : piece.right - left]
        np.maximum(own, piece.ink, out=own)
    return Part(ink, left, top)
