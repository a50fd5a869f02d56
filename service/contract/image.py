"""An uploaded picture to the form of MNIST: the one place where training and serving do it."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, PngImagePlugin

from service.errors import CannotDecode, Invalid, ServiceError, TooLarge, UnsupportedMediaType

VERSION = 1
"""Rises with every change here that can change an answer; a manifest names the one it needs."""

MAX_PIXELS = 16_000_000
WORKING_SIDE = 1024  # larger pictures are averaged down to about this before anything else
SIDE, INK_SIDE, CENTRE = 28, 20, 14  # MNIST: ink fitted into 20x20, its mass at the centre of 28x28
INK_SHARE = 0.25  # a pixel with less than this share of the strongest ink does not extend the crop
SMALL_BYTES = 8192
PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
SIZE = struct.Struct(">II")  # behind it
PNG_GREY = b"\x08\x00\x00\x00\x00"  # 8 bits, grey, not interlaced
PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
FAINTEST_INK = 12  # contrast, of 255, below which a picture is blank

# Our own cap, checked before anything is decoded, takes the place of Pillow's warning.
Image.MAX_IMAGE_PIXELS = None
# Texts inside a PNG, which nobody reads here, may unfold to this many bytes.
PngImagePlugin.MAX_TEXT_MEMORY = 2**20
# Pillow warns of damage in words made of the upload, and Python remembers every one of them.
warnings.filterwarnings("ignore", module=r"PIL\.")

TURNS = {  # what brings a picture upright, by its EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

Grey = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the upload, after EXIF rotation."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class DigitImage:
    """A digit as the model sees it, and where it lay; `box` is None for a blank picture."""

    pixels: Grey  # (1, 28, 28), light on dark
    box: Box | None


def read_digit(data: bytes) -> DigitImage:
    """Decode a picture, find its ink and bring that into the form of MNIST.

    Raises Invalid, UnsupportedMediaType, TooLarge or CannotDecode.
    """
    if (plain := _decode_plain(data)) is not None:
        return normalise(plain)
    return normalise(*decode(open_picture(data)))


def open_picture(data: bytes) -> Image.Image:
    """Read the header only.

    Raises as `read_digit`, so that a picture that is too large is never decoded.
    """
    if not data:
        raise Invalid("The body is empty; an image was expected.")
    kind = _kind(data)
    if kind is None:
        raise UnsupportedMediaType("The bytes are not a PNG, JPEG, WebP, BMP or GIF image.")
    try:
        picture = Image.open(io.BytesIO(data), formats=[kind])
    except Exception as error:  # Pillow's readers raise many kinds
        raise CannotDecode(f"The {kind} header cannot be read.") from error
    if picture.width * picture.height > MAX_PIXELS:
        size = f"{picture.width}x{picture.height}"
        picture.close()
        raise TooLarge(f"An image of {size} pixels; at most {MAX_PIXELS:,} are accepted.")
    return picture


def _decode_plain(data: bytes) -> Grey | None:
    """Grey levels of a short grey PNG of three chunks, as most programs write it; None for any
    other upload, and for a damaged one.

    The pictures that most requests bring; OpenCV reads them in a fifth of Pillow's time.
    """
    length = int.from_bytes(data[33:37], "big")
    end = 41 + length
    if (
        len(data) != end + 4 + len(PNG_END)
        or not is_small(data)
        or data[24:29] != PNG_GREY
        or data[37:41] != b"IDAT"
        or data[end:] != zlib.crc32(data[37:end]).to_bytes(4, "big") + PNG_END
    ):
        return None
    grey: Grey | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)  # type: ignore[assignment]
    return grey


def is_small(data: bytes) -> bool:
    """Whether this is a short PNG of at most 128x128, which decodes in next to no time."""
    if len(data) > SMALL_BYTES or not data.startswith(PNG_START) or len(data) < 24:
        return False
    width, height = SIZE.unpack_from(data, 16)
    return bool(0 < width * height <= 128 * 128)


def pixels(data: bytes) -> int:
    """How many pixels decoding would take; 0 for what cannot be read, however large."""
    try:
        with open_picture(data) as picture:
            return picture.width * picture.height
    except ServiceError:
        return 0


def decode(picture: Image.Image) -> tuple[Grey, int]:
    """Grey levels (height, width), upright and opaque, and by how much the side was divided."""
    try:
        width = picture.width
        if picture.format == "JPEG":  # the only one that can be decoded at a reduced scale
            picture.draft("L", (WORKING_SIDE, WORKING_SIDE))
        picture.load()
        scale = round(width / picture.width)
        turn = _turn(picture)
        picture = _grey(picture)
        if (factor := max(picture.size) // WORKING_SIDE) > 1:
            picture, scale = picture.reduce(factor), scale * factor
        if turn is not None:
            picture = picture.transpose(turn)
        return _opaque(picture), scale
    except Exception as error:  # as above
        raise CannotDecode("The image is truncated or corrupt.") from error


def normalise(grey: Grey, scale: int = 1) -> DigitImage:
    """Grey levels (height, width) to white ink on black, cropped, fitted and centred as MNIST is.

    A picture that has that form already passes through unchanged. `scale` only serves the box.
    """
    if (box := mnist_box(grey)) is not None:
        return DigitImage(grey[None], box)
    ink = _light_on_dark(grey)
    strongest = int(ink.max())
    if strongest < FAINTEST_INK:
        return DigitImage(np.zeros((1, SIDE, SIDE), np.uint8), None)
    top, bottom, left, right = _bounds(ink > strongest * INK_SHARE)
    fitted = _fit(ink[top:bottom, left:right])
    return DigitImage(_centre(fitted)[None], _box(left, top, right, bottom, scale))


def mnist_box(grey: Grey) -> Box | None:
    """Where the ink lies, if that is light on black, fills 20 pixels of 28 and has its mass at the
    centre; None for a picture of any other form."""
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


def _kind(data: bytes) -> str | None:
    """Pillow's name of an accepted format, from the first bytes."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    return "BMP" if data.startswith(b"BM") else None


def _turn(picture: Image.Image) -> Image.Transpose | None:
    """What EXIF says; None where there is none to read, which does not spoil the picture."""
    if not picture.info.get("exif"):
        return None
    try:
        return TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # as above
        return None


def _grey(picture: Image.Image) -> Image.Image:
    """Mode L, or LA where something is transparent."""
    if picture.mode.startswith("I"):  # 16 bits
        return Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8))
    if picture.has_transparency_data:
        return picture.convert("RGBA").convert("LA")
    return picture if picture.mode == "L" else picture.convert("L")


def _opaque(picture: Image.Image) -> Grey:
    """What is transparent becomes the opposite of the ink, so that ink stays visible."""
    if picture.mode == "L":
        # Half of what np.asarray takes, which asks the picture for its interface first.
        return np.frombuffer(picture.tobytes(), np.uint8).reshape(picture.height, picture.width)
    grey, alpha = np.moveaxis(np.asarray(picture, dtype=np.float32), 2, 0)
    alpha /= 255
    ink = float((grey * alpha).sum()) / max(float(alpha.sum()), 1.0)
    background = 255.0 if ink < 128 else 0.0
    opaque: Grey = np.rint(grey * alpha + background * (1 - alpha)).astype(np.uint8)
    return opaque


def _light_on_dark(grey: Grey) -> Grey:
    """How far each pixel stands out from the background, which is what most of the border shows."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    background = int(np.median(border))
    if background - int(grey.min()) > int(grey.max()) - background:
        return np.where(grey < background, background - grey, 0).astype(np.uint8)
    return np.where(grey > background, grey - background, 0).astype(np.uint8)


def _fit(ink: Grey) -> Grey:
    """Scaled to a longest side of 20, its strongest pixel to 255."""
    height, width = ink.shape
    ratio = INK_SIDE / max(height, width)
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    smaller = Image.Resampling.BOX if ratio < 1 else Image.Resampling.BILINEAR
    fitted = np.asarray(Image.fromarray(ink).resize(size, smaller), dtype=np.float32)
    bright: Grey = np.rint(fitted * (255 / max(float(fitted.max()), 1.0))).astype(np.uint8)
    return bright


def _centre(ink: Grey) -> Grey:
    """On black 28x28, the centre of mass in the middle as far as the frame allows."""
    y, x = _mass(ink)
    height, width = ink.shape
    top = min(max(round(CENTRE - y), 0), SIDE - height)
    left = min(max(round(CENTRE - x), 0), SIDE - width)
    frame = np.zeros((SIDE, SIDE), np.uint8)
    frame[top : top + height, left : left + width] = ink
    return frame


def _mass(ink: Grey) -> tuple[float, float]:
    """Centre of mass (row, column) of ink that is not all zero."""
    rows, columns = ink.sum(axis=1, dtype=np.float64), ink.sum(axis=0, dtype=np.float64)
    total = rows.sum()
    return (
        float(rows @ np.arange(len(rows)) / total),
        float(columns @ np.arange(len(columns)) / total),
    )


def _bounds(ink: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of the true part, which is not empty."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _box(left: int, top: int, right: int, bottom: int, scale: int) -> Box:
    return Box(left * scale, top * scale, (right - left) * scale, (bottom - top) * scale)
