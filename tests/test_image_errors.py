"""What is no picture is refused, and what is too large is not even decoded."""

from __future__ import annotations

import struct

import pytest

from service.contract.decoding import MAX_PIXELS, open_picture, pixels
from service.contract.image import read_digit
from service.errors import CannotDecode, TooLarge, UnsupportedMediaType
from tests.pictures import SOUND, chunks, png_of


@pytest.mark.parametrize(
    "data",
    [
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        b"II*\0\x08\0\0\0",  # TIFF
        b"8BPS\0\x01",  # Photoshop
        b"\0\0\x01\0\x01\0",  # icon
        b"\0\0\0\x20ftypavif",
        b"P5 1 1 255 \0",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"just text",
        b"\0",
        b"\x89PNG\r\n\x1a",  # one byte short of a signature
        b" \x89PNG\r\n\x1a\n",
    ],
)
def test_what_is_none_of_the_five_formats_is_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedMediaType):
        read_digit(data)


@pytest.mark.parametrize(
    "signature", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP", b"GIF89a", b"BM"]
)
def test_a_signature_alone_cannot_be_decoded(signature: bytes) -> None:
    for data in (signature, signature + bytes(100), signature + b"\xff" * 100):
        with pytest.raises(CannotDecode):
            read_digit(data)


def claiming(name: str, side: int) -> bytes:
    """A small sound file but for its header, which says `side` by `side` pixels."""
    data = bytearray(SOUND[name]())
    match name:
        case "png":
            (kind, header), *rest = chunks(bytes(data))
            return png_of([(kind, struct.pack(">II", side, side) + header[8:]), *rest])
        case "jpeg":
            struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, side, side)
        case "webp_animated":
            size = (side - 1).to_bytes(3, "little")
            data[24:30] = size * 2
        case "bmp":
            struct.pack_into("<ii", data, 18, side, side)
        case "gif":
            struct.pack_into("<HH", data, 6, side, side)
    return bytes(data)


@pytest.mark.parametrize("name", ["png", "jpeg", "webp_animated", "bmp", "gif"])
@pytest.mark.parametrize("side", [4_001, 16_000, 65_000])
def test_too_many_pixels_are_refused_by_the_header_alone(name: str, side: int) -> None:
    """Nothing in these few bytes could be decoded to that many."""
    data = claiming(name, side)
    assert len(data) < 10_000
    with pytest.raises(TooLarge, match=f"{side}x{side}"):
        read_digit(data)
    assert pixels(data) == 0


@pytest.mark.parametrize("name", ["png", "jpeg", "webp_animated", "bmp", "gif"])
def test_sixteen_megapixels_are_not_too_many(name: str) -> None:
    data = claiming(name, 4_000)
    with open_picture(data) as picture:
        assert picture.width * picture.height == MAX_PIXELS
    assert pixels(data) == MAX_PIXELS


def test_a_frame_larger_than_its_gif_counts() -> None:
    """The screen of 64x64 is small, the frame drawn on it is not."""
    data = bytearray(SOUND["gif"]())
    frame = data.index(b",\0\0\0\0" + struct.pack("<HH", 64, 64))
    struct.pack_into("<HH", data, frame + 5, 65_000, 65_000)
    with pytest.raises(TooLarge):
        read_digit(bytes(data))


def test_errors_do_not_repeat_the_upload() -> None:
    secret = b"secret-in-the-upload"
    for data in (secret, b"GIF89a" + secret, b"BM" + secret * 9, b"\xff\xd8\xff" + secret * 9):
        with pytest.raises((UnsupportedMediaType, CannotDecode)) as caught:
            read_digit(data)
        assert "secret" not in caught.value.detail
