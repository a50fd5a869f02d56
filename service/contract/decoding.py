"""The bytes of an upload to grey levels: formats by allowlist, upright, opaque, not too large."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, PngImagePlugin
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import jpeg_factory
from PIL.WebPImagePlugin import WebPImageFile

from service.contract.bands import reduced
from service.contract.greys import grey_levels
from service.contract.headers import check_length, webp_size
from service.errors import CannotDecode, Invalid, ServiceError, TooLarge, UnsupportedMediaType

MAX_PIXELS = 16_000_000
WORKING_SIDE = 640  # larger pictures are averaged down to one to two times this
SMALL_BYTES, SMALL_SIDE = 8192, 40
PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
SIZE = struct.Struct(">II")  # behind it
PNG_GREY = b"\x08\x00\x00\x00\x00"  # 8 bits, grey, not interlaced
PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"

# For the frame of a GIF, Pillow makes room before its size can be checked here. From twice this on
# it refuses to; what is a little larger, of which it warns, is refused below.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
# Texts inside a PNG, which nobody reads here, may unfold to this many bytes.
PngImagePlugin.MAX_TEXT_MEMORY = 2**20
# Pillow warns of damage in words made of the upload, and Python remembers every one of them.
warnings.filterwarnings("ignore", module=r"PIL\.")
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

READERS: dict[str, Callable[[io.BytesIO], ImageFile]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": jpeg_factory,
    "WEBP": WebPImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
}
TURNS = {  # what brings a picture upright, by its EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = [TURNS[orientation] for orientation in (5, 6, 7, 8)]

Grey = npt.NDArray[Any]
"""uint8; what OpenCV says of the types of its results is too little for more."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the upload, after EXIF rotation."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Picture:
    """Grey levels (height, width), upright and opaque; `scale` pixels of the upload to a side of
    each of them, but for the last of a row or column."""

    grey: Grey
    scale: int = 1
    width: int = 0  # of the upload, upright; 0 where it is that of `grey`
    height: int = 0

    def box(self, left: int, top: int, right: int, bottom: int) -> Box:
        """Bounds within `grey` as a rectangle of the upload."""
        height, width = self.grey.shape
        x, y = left * self.scale, top * self.scale
        right = min(right * self.scale, self.width or width)
        bottom = min(bottom * self.scale, self.height or height)
        return Box(x, y, right - x, bottom - y)


def read_picture(data: bytes) -> Picture:
    """Decode an upload.

    Raises Invalid, UnsupportedMediaType, TooLarge or CannotDecode.
    """
    if (plain := _decode_plain(data)) is not None:
        return Picture(plain)
    return _decode(open_picture(data), data)


def open_picture(data: bytes) -> ImageFile:
    """Read the header only.

    Raises as `read_picture`, so that a picture that is too large is never decoded.
    """
    if not data:
        raise Invalid("The body is empty; an image was expected.")
    kind = _kind(data)
    if kind is None:
        raise UnsupportedMediaType("The bytes are not a PNG, JPEG, WebP, BMP or GIF image.")
    check_length(data, kind)
    if kind == "WEBP":
        _check_size(*webp_size(data))
    try:
        picture = READERS[kind](io.BytesIO(data))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooLarge(f"A frame of more pixels than the {MAX_PIXELS:,} accepted.") from error
    except Exception as error:  # Pillow's readers raise many kinds
        raise CannotDecode(f"The {kind} header cannot be read.") from error
    _check_size(*picture.size)
    return picture


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        size = f"{width}x{height}"
        raise TooLarge(f"An image of {size} pixels; at most {MAX_PIXELS:,} are accepted.")


def is_small(data: bytes) -> bool:
    """Whether this is a short PNG of at most 40x40, which is read in next to no time."""
    if len(data) > SMALL_BYTES or not data.startswith(PNG_START) or len(data) < 24:
        return False
    width, height = SIZE.unpack_from(data, 16)
    return bool(0 < width <= SMALL_SIDE and 0 < height <= SMALL_SIDE)


def pixels(data: bytes) -> int:
    """How many pixels decoding would take; 0 for what cannot be read, however large."""
    try:
        with open_picture(data) as picture:
            return picture.width * picture.height
    except ServiceError:
        return 0


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
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def _decode(picture: ImageFile, data: bytes) -> Picture:
    try:
        width, height = picture.size
        if picture.format in ("JPEG", "MPO"):  # what alone can be decoded at a reduced scale
            picture.draft(None, (WORKING_SIDE, WORKING_SIDE))
        scale = round(width / picture.width)
        factor = max(1, max(picture.size) // WORKING_SIDE)
        source: Image.Image | Grey | None = picture
        if (flag := _opencv_flag(picture)) is None:
            picture.load()
        else:
            source = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
        if source is None:
            raise ValueError("OpenCV finds no picture")
        upright = reduced(source, factor)
        del source
        if (turn := _turn(picture)) is not None:
            upright = upright.transpose(turn)
            if turn in SIDEWAYS:
                width, height = height, width
        return Picture(grey_levels(upright), scale * factor, width, height)
    except Exception as error:  # as above
        raise CannotDecode("The image is truncated or corrupt.") from error


def _opencv_flag(picture: ImageFile) -> int | None:
    """How OpenCV is to decode what Pillow takes too much time or memory for: a BMP of runs, which
    it reads in Python, and a WebP, of which it holds four copies. None for all others."""
    if picture.format == "WEBP" and not getattr(picture, "is_animated", False):
        return cv2.IMREAD_UNCHANGED
    if picture.format == "BMP" and picture.info.get("compression") in (1, 2):
        return cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    return None


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
