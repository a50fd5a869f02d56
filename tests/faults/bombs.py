"""Small bodies that become large where they are unpacked."""

from __future__ import annotations

import gzip
import io
import struct
import zlib

from PIL import Image

from tests.pictures import png_of

GIGABYTE = 2**30


def deflated(size: int) -> bytes:
    """So many zeros."""
    packer = zlib.compressobj(9)
    block = bytes(2**20)
    pieces = [packer.compress(block) for _ in range(size // len(block))]
    return b"".join([*pieces, packer.flush()])


def png(width: int, height: int, *extra: tuple[bytes, bytes], pixels: int) -> bytes:
    """Eight bits of grey; `pixels` says what comes out of it, which need not be what fits."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return png_of([(b"IHDR", head), *extra, (b"IDAT", deflated(pixels)), (b"IEND", b"")])


def gif_of_many_frames() -> bytes:
    """A thousand of 4000x4000."""
    frame = io.BytesIO()
    Image.new("L", (4000, 4000)).save(frame, "GIF")
    whole = frame.getvalue()
    start = whole.index(b"\x2c\x00\x00\x00\x00")
    return whole[:start] + whole[start:-1] * 1000 + b";"


def headers_only(kind: str, side: int) -> bytes:
    """A small file whose head says that it is a square of this side."""
    small = io.BytesIO()
    Image.new("L", (16, 16)).save(small, kind)
    file = bytearray(small.getvalue())
    if kind == "BMP":
        file[18:26] = struct.pack("<ii", side, side)
    elif kind == "GIF":
        file[6:10] = struct.pack("<HH", side, side)
    else:  # JPEG: the frame's head
        start = file.index(b"\xff\xc0") + 5
        file[start : start + 4] = struct.pack(">HH", side, side)
    return bytes(file)


def bombs() -> dict[str, tuple[str, str, bytes, set[int]]]:
    """Name -> route, media type, body, and the statuses that are an answer of the contract."""
    billion = deflated(GIGABYTE)
    picture = ("/digits", "image/png")
    text = ("/sentiment", "application/json")
    return {
        "900 megapixels": (*picture, png(30_000, 30_000, pixels=2**20), {413}),
        "16 megapixels": (*picture, png(4000, 4000, pixels=17 * 2**20), {200}),
        "more pixels than announced": (*picture, png(28, 28, pixels=GIGABYTE), {200, 422}),
        "a gigabyte of text in a picture": (
            *picture,
            png(28, 28, (b"zTXt", b"Comment\0\0" + billion), pixels=2**20),
            {200, 422},
        ),
        "a gigabyte of colour profile": (
            *picture,
            png(28, 28, (b"iCCP", b"icc\0\0" + billion), pixels=2**20),
            {200, 422},
        ),
        "a thousand frames": ("/digits", "image/gif", gif_of_many_frames(), {200, 413}),
        "a huge GIF": ("/digits", "image/gif", headers_only("GIF", 65_535), {413}),
        "a huge BMP": ("/digits", "image/bmp", headers_only("BMP", 65_535), {413}),
        "a huge JPEG": ("/digits", "image/jpeg", headers_only("JPEG", 65_500), {413}),
        "packed JSON": (*text, gzip.compress(b'{"text": "' + bytes(2**24) + b'"}'), {400}),
        "deep JSON": (*text, b'{"text":' + b"[" * 4_000_000, {400}),
        "wide JSON": (*text, b'{"text":[' + b"[]," * 3_000_000 + b"[]]}", {422}),
        "a number of a million digits": (*text, b'{"text":' + b"9" * 1_000_000 + b"}", {422}),
    }
