"""An uploaded picture to the form of MNIST: the one place where training and serving do it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from service.contract.decoding import Box, Grey, Picture, read_picture
from service.contract.ink import FULL_INK, find_ink

VERSION = 2
"""Rises with every change, here or in what is imported here, that can change an answer; a manifest
names the one it needs."""

SIDE, INK_SIDE, CENTRE = 28, 20, 14  # MNIST: ink fitted into 20x20, its mass at the centre of 28x28
SPECK = 0.03  # of the longer side: less is dirt, unless a digit has it near
PART = 0.04  # of the area of a digit's main part: less is no part of it
SOFT = 0.02  # of a digit's longer side: so far beyond its edge is ink still its own
NEAR = 0.25  # of a digit's longer side: parts so far from it belong to it
OTHER = 0.4  # of the main part's longer side: parts so large belong to it wherever they are
LONG, SLIM, EDGE = 0.8, 6, 0.12  # of a side, times its breadth, of a side: rules and ends of paper
FRAMED, FRAMES = 0.25, 4  # of a frame's side is what it is around; more frames are not looked at
DRAWN_SIDE = 4 * INK_SIDE  # the scale on which a thin pen is exchanged
THIN_PEN, USUAL_PEN = 1.5, 2.2  # widths of strokes in the form of MNIST


@dataclass(frozen=True, slots=True)
class DigitImage:
    """A digit as the model sees it, and where it lay; `box` is None for a blank picture."""

    pixels: Grey  # (1, 28, 28), light on dark
    box: Box | None


def read_digit(data: bytes) -> DigitImage:
    """Decode a picture, find its ink and bring that into the form of MNIST.

    Raises Invalid, UnsupportedMediaType, TooLarge or CannotDecode.
    """
    return normalise(read_picture(data))


def normalise(picture: Picture) -> DigitImage:
    """White ink on black, cropped, fitted and centred as MNIST is.

    A picture that has that form already passes through unchanged.
    """
    if (box := mnist_box(picture)) is not None:
        return DigitImage(picture.grey[None], box)
    found = main_ink(find_ink(picture.grey))
    if found is None:
        return DigitImage(np.zeros((1, SIDE, SIDE), np.uint8), None)
    ink, left, top = found
    height, width = ink.shape
    box = picture.box(left, top, left + width, top + height)
    return DigitImage(mnist_form(ink)[None], box)


def mnist_box(picture: Picture) -> Box | None:
    """Where the ink lies, if that is light on black, fills 20 pixels of 28 and has its mass at the
    centre; None for a picture of any other form."""
    grey = picture.grey
    if grey.shape != (SIDE, SIDE) or int(grey.max()) < 200:
        return None
    left, top, width, height = cv2.boundingRect(grey)
    if max(width, height) not in (INK_SIDE - 1, INK_SIDE):
        return None
    moments = cv2.moments(grey)
    y, x = moments["m01"] / moments["m00"], moments["m10"] / moments["m00"]
    if abs(y - CENTRE) >= 0.6 or abs(x - CENTRE) >= 0.6:
        return None
    return Box(left, top, width, height)


def main_ink(ink: Grey) -> tuple[Grey, int, int] | None:
    """The part of the ink (h, w) that is the digit, without dirt and what reaches in from outside;
    with the place (left, top) of the crop. None where nothing is written."""
    height, width = ink.shape
    mask = (ink >= FULL_INK).view(np.uint8)
    first_x, first_y, written_width, written_height = cv2.boundingRect(mask)
    if not written_width:
        return None
    # From an even place on, so that parts are numbered as in all of the picture.
    first_x, first_y = first_x & ~1, first_y & ~1
    written = mask[first_y : first_y + written_height + 1, first_x : first_x + written_width + 1]
    _, labels, stats, _ = cv2.connectedComponentsWithStats(written, connectivity=8)
    left, top, wide, high, area = stats[1:].T
    left, top = left + first_x, top + first_y
    right, bottom = left + wide, top + high
    longer = np.maximum(wide, high)
    inside = (left > 0) & (top > 0) & (right < width) & (bottom < height)
    beside = (left < EDGE * width) | (right > (1 - EDGE) * width)
    edging = (wide >= LONG * width) & (wide >= SLIM * high)
    edging |= (high >= LONG * height) & (high >= SLIM * wide) & beside
    frames = np.flatnonzero((wide >= LONG * width) & (high >= LONG * height))
    for frame in frames[:FRAMES]:
        within = (left > left[frame]) & (right < right[frame]) & (top > top[frame])
        within &= (bottom < bottom[frame]) & (longer >= FRAMED * longer[frame])
        edging[frame] |= within.any()
    main = int(np.argmax(area * np.where(edging, 0.05, np.where(inside, 1.0, 0.1))))
    inside &= ~edging
    chosen = (longer >= OTHER * longer[main]) & (inside | ~inside[main])
    chosen[main] = True
    while True:
        box = left[chosen].min(), top[chosen].min(), right[chosen].max(), bottom[chosen].max()
        reach = NEAR * longer[main]
        near = (
            (left < box[2] + reach)
            & (right > box[0] - reach)
            & (top < box[3] + reach)
            & (bottom > box[1] - reach)
            & (area >= PART * area[main])
            & (inside | ~inside[main])
        )
        if not (near & ~chosen).any():
            break
        chosen |= near
    x, y, x2, y2 = (int(side) for side in box)
    if longer[chosen].max() < SPECK * max(ink.shape):
        return None
    around = 2 * round(SOFT * longer[main]) + 3
    box_labels = labels[y - first_y : y2 - first_y, x - first_x : x2 - first_x]
    kept = np.concatenate([[False], chosen])[box_labels].view(np.uint8)
    return ink[y:y2, x:x2] * cv2.dilate(kept, np.ones((around, around), np.uint8)), x, y


def mnist_form(ink: Grey) -> Grey:
    """Ink (h, w) that fills its frame, as MNIST would have it: (28, 28)."""
    return _centre(_fit(_usual_pen(ink)))


def _usual_pen(ink: Grey) -> Grey:
    """Strokes so thin that they would fade are drawn with a wider pen."""
    ratio = DRAWN_SIDE / max(ink.shape)
    mask = (ink >= FULL_INK).view(np.uint8)
    edged = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    inside = cv2.distanceTransform(edged, cv2.DIST_L2, 3)
    # Across a stroke of width w the distances to its edge average w/4 and a little more.
    pen = max(1.0, 4 * float(inside.sum()) / max(cv2.countNonZero(edged), 1) - 2)
    if pen * ratio >= THIN_PEN * DRAWN_SIDE / INK_SIDE:
        return ink
    if (step := int(1 / ratio)) > 1:  # averaging must not thin it out
        ink = cv2.dilate(ink, np.ones((step, step), np.uint8))
        pen += step - 1
    height, width = ink.shape
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    drawn = cv2.resize(ink, size, interpolation=cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR)
    wider = round(USUAL_PEN * DRAWN_SIDE / INK_SIDE - pen * ratio) + 1
    if wider > 1:
        edge = wider // 2
        drawn = cv2.copyMakeBorder(drawn, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=0)
        nib = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wider, wider))
        drawn = cv2.dilate(drawn, nib)
    return drawn


def _fit(ink: Grey) -> Grey:
    """Scaled to a longest side of 20, its strongest pixel to 255."""
    height, width = ink.shape
    ratio = INK_SIDE / max(height, width)
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    fitted = cv2.resize(ink, size, interpolation=cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC)
    return cv2.convertScaleAbs(fitted, alpha=255 / max(int(fitted.max()), 1))


def _centre(ink: Grey) -> Grey:
    """On black 28x28, the centre of mass in the middle as far as the frame allows."""
    moments = cv2.moments(ink)
    y, x = moments["m01"] / moments["m00"], moments["m10"] / moments["m00"]
    height, width = ink.shape
    top = min(max(round(CENTRE - y), 0), SIDE - height)
    left = min(max(round(CENTRE - x), 0), SIDE - width)
    frame = np.zeros((SIDE, SIDE), np.uint8)
    frame[top : top + height, left : left + width] = ink
    return frame
