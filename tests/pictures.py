"""Pictures that tests send, and how alike two digits are."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageChops, ImageOps

from service.contract.image import DigitImage, read_digit
from training.golden import as_bytes, draw_digit

Pixels = npt.NDArray[np.uint8]

ALIKE = 4  # of 255, mean over all pixels; no two different digits are less than 12 apart


def read(picture: Image.Image, kind: str = "PNG", **options: object) -> DigitImage:
    return read_digit(as_bytes(picture, kind, **options))


def apart(first: Pixels, second: Pixels) -> float:
    """Mean difference of a pixel, where one may lie a whole pixel beside the other: centring is
    by whole pixels, so that a hair's breadth can decide between two places."""
    moves = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    moved = (np.roll(second.astype(float), move, axis=(1, 2)) for move in moves)
    return min(float(np.abs(first - candidate).mean()) for candidate in moved)


def resized(picture: Image.Image, factor: float) -> Image.Image:
    size = round(picture.width * factor), round(picture.height * factor)
    return picture.resize(size, Image.Resampling.BICUBIC)


def draw_number(
    text: str, *, size: tuple[int, int] = (44, 66), gap: int = 16, pen: float = 7
) -> Image.Image:
    """Digits of a width and height, dark on white, so far apart, on the lines of `text`."""
    rows, margin = text.split("\n"), max(gap, 8)
    across, down = size[0] + gap, size[1] + max(2 * gap, 24)
    canvas = across * max(map(len, rows)) + 2 * margin, down * len(rows) + margin
    picture = Image.new("L", canvas, 255)
    for y, row in enumerate(rows):
        for x, label in enumerate(row):
            corner = margin + x * across, margin + y * down
            digit = draw_digit(int(label), canvas=canvas, corner=corner, size=size, pen=pen)
            picture = ImageChops.darker(picture, digit)
    return picture


def small_five() -> Image.Image:
    return draw_digit(5, canvas=(64, 64), corner=(18, 12), size=(26, 40), pen=4)


def transparent_five() -> Image.Image:
    alpha = ImageOps.invert(small_five())
    return Image.merge("RGBA", [Image.new("L", alpha.size, 0)] * 3 + [alpha])


def oriented() -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return exif


def animation(kind: str) -> bytes:
    frames = [transparent_five(), transparent_five().rotate(90)]
    return as_bytes(frames[0], kind, save_all=True, append_images=frames[1:])


SOUND: dict[str, Callable[[], bytes]] = {
    "png": lambda: as_bytes(small_five(), "PNG", exif=oriented()),
    "png_alpha": lambda: as_bytes(transparent_five(), "PNG"),
    "png_animated": lambda: animation("PNG"),
    "jpeg": lambda: as_bytes(small_five(), "JPEG", exif=oriented()),
    "jpeg_progressive": lambda: as_bytes(small_five().convert("RGB"), "JPEG", progressive=True),
    "webp": lambda: as_bytes(small_five(), "WEBP", exif=oriented()),
    "webp_animated": lambda: animation("WEBP"),
    "bmp": lambda: as_bytes(small_five().convert("P"), "BMP"),
    "bmp_one_bit": lambda: as_bytes(small_five().convert("1"), "BMP"),
    "gif": lambda: as_bytes(small_five(), "GIF"),
    "gif_animated": lambda: animation("GIF"),
}


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """(type, content) of each."""
    found, start = [], 8
    while start < len(png):
        (length,) = struct.unpack_from(">I", png, start)
        found.append((png[start + 4 : start + 8], png[start + 8 : start + 8 + length]))
        start += length + 12
    return found


def png_of(parts: list[tuple[bytes, bytes]]) -> bytes:
    """With checksums that fit, so that no damage is found by them."""
    written = (
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)
        for kind, content in parts
        for crc in [zlib.crc32(kind + content)]
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)
