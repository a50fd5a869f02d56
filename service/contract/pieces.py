"""Whether a picture that is no digit is that because it shows several, side by side."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]  # (28, 28), light on black, in the form of MNIST

INK = 128  # a pixel with less ink does not hold two pieces together
TALL = 0.6  # of the tallest piece is the height of another digit
BESIDE = 0.4  # of its width may one digit lean over or under the next
WIDE = 1.3  # times its height is what several digits in touch are wide
VALLEY = 0.6  # of the ink in the columns around is what such a pair has where it touches
NARROW = 4  # columns that a digit in touch with another has at least


def are_several(pixels: Pixels) -> bool:
    """Two or more digits beside each other, apart or in touch; for a picture that is no digit."""
    ink = (pixels >= INK).astype(np.uint8)
    return _stand_apart(ink) or _touch(pixels, ink)


def _stand_apart(ink: Pixels) -> bool:
    """Whether two pieces of like height have columns of their own."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=4)
    pieces: list[list[int]] = []  # left, right, top, bottom
    for left, top, width, height, _ in sorted(stats[1:].tolist()):
        right, bottom = left + width, top + height
        if pieces:
            last = pieces[-1]
            if min(right, last[1]) - left > BESIDE * min(width, last[1] - last[0]):
                last[1:] = max(right, last[1]), min(top, last[2]), max(bottom, last[3])
                continue
        pieces.append([left, right, top, bottom])
    heights = [bottom - top for _, _, top, bottom in pieces]
    return sum(height >= TALL * max(heights) for height in heights) > 1


def _touch(pixels: Pixels, ink: Pixels) -> bool:
    """Whether a wide piece has a column with little ink between two with much."""
    left, top, width, height = cv2.boundingRect(ink)
    if width < WIDE * height:
        return False
    columns = pixels[top : top + height, left : left + width].sum(axis=0, dtype=np.int64)
    return any(
        columns[at] <= VALLEY * min(columns[:at].max(), columns[at + 1 :].max())
        for at in range(NARROW, width - NARROW)
    )
