"""Large pictures to a plain mode and a smaller size, in little more memory than they take."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from service.contract.greys import Colours

BAND_PIXELS = 2**20  # converted at a time
BGR_TO_RGB = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}


def reduced(picture: Image.Image | Colours, factor: int) -> Image.Image:
    """In mode L, RGB or RGBA, averaged over squares of `factor` pixels; colours as an array have
    blue first, as OpenCV decodes them.

    By bands across the longer side: the whole picture in another mode, or with its colours
    multiplied by alpha, would take as much memory again.
    """
    if isinstance(picture, Image.Image):
        width, height = picture.size
    else:
        height, width = picture.shape[:2]
    if factor == 1:
        return _plain(picture)
    step = BAND_PIXELS // min(width, height) // factor * factor
    if width > height:
        boxes = [(x, 0, min(x + step, width), height) for x in range(0, width, step)]
    else:
        boxes = [(0, y, width, min(y + step, height)) for y in range(0, height, step)]
    bands = [_plain(_cut(picture, box)).reduce(factor) for box in boxes]
    whole = Image.new(bands[0].mode, (-(-width // factor), -(-height // factor)))
    for (left, top, *_), band in zip(boxes, bands, strict=True):
        whole.paste(band, (left // factor, top // factor))
    return whole


def _cut(picture: Image.Image | Colours, box: tuple[int, int, int, int]) -> Image.Image | Colours:
    if isinstance(picture, Image.Image):
        return picture.crop(box)
    left, top, right, bottom = box
    return picture[top:bottom, left:right]


def _plain(picture: Image.Image | Colours) -> Image.Image:
    if not isinstance(picture, Image.Image):
        return Image.fromarray(cv2.cvtColor(picture, BGR_TO_RGB[picture.shape[2]]))
    if picture.mode.startswith("I"):  # 16 bits
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.has_transparency_data:
        return picture if picture.mode == "RGBA" else picture.convert("RGBA")
    return picture if picture.mode in ("L", "RGB") else picture.convert("RGB")
