"""A few bytes must not cost minutes or gigabytes."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from service.contract.decoding import open_picture, read_picture
from service.errors import CannotDecode, TooLarge
from tests.pictures import SOUND, chunks, png_of, small_five
from training.golden import as_bytes

SCREEN = b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
EMPTY_PROFILE = b"iCCP", b"a\0\0" + zlib.compress(bytes(1000))


@pytest.mark.parametrize("disposal", [2, 3])  # to the background, to what was there before
def test_no_room_is_made_for_a_gif_frame_that_is_too_large(disposal: int) -> None:
    side = 20_000
    control = b"!\xf9\x04" + bytes([disposal << 2 | 1, 0, 0, 0, 0])
    frame = b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\2\2D\1\0;"
    with pytest.raises(TooLarge, match="A frame"):  # not by the size that it has once opened
        open_picture(SCREEN + control + frame)


@pytest.mark.parametrize(
    "filler",
    [b"!\xfe" + b"\1a" * 100_000 + b"\0", b"!\xff" + b"\1a" * 100_000 + b"\0", b"!\1\1a\0" * 999],
)
def test_a_gif_of_very_many_parts_cannot_be_decoded(filler: bytes) -> None:
    sound = SOUND["gif"]()
    frame = sound.index(b",\0\0\0\0" + struct.pack("<HH", 64, 64))
    with pytest.raises(CannotDecode, match="too many parts"):
        open_picture(sound[:frame] + filler + sound[frame:])


def test_a_gif_with_a_long_comment_is_read() -> None:
    sound = SOUND["gif"]()
    frame = sound.index(b",\0\0\0\0" + struct.pack("<HH", 64, 64))
    longer = sound[:frame] + b"!\xfe" + (b"\xff" + b"a" * 255) * 1000 + b"\0" + sound[frame:]
    assert (read_picture(longer).grey == read_picture(sound).grey).all()


def test_a_jpeg_of_very_many_scans_cannot_be_decoded() -> None:
    """Each takes 30 bytes of the upload, and as long as all of the picture."""
    data = SOUND["jpeg_progressive"]()
    scan, end = data[data.rindex(b"\xff\xda") : -2], data[-2:]
    assert read_picture(data[:-2] + scan * 8 + end)
    with pytest.raises(CannotDecode, match="too many parts"):
        open_picture(data[:-2] + scan * 64 + end)


@pytest.mark.parametrize(
    "filler",
    [(bytes([0xFF, code]) + b"\0\2") * 600 for code in (0xE3, 0xED, 0xFE, 0xDB)]
    + [b"\xff" * 100_000, b"\xff\xe3\0\2" + b"\0" * 100_000, b"\xff\xd0" * 50_000],
)
def test_a_jpeg_of_very_much_before_its_pixels_cannot_be_decoded(filler: bytes) -> None:
    data = SOUND["jpeg"]()
    with pytest.raises(CannotDecode, match="too many parts"):
        open_picture(data[:2] + filler + data[2:])


def test_what_follows_a_jpeg_is_not_looked_at() -> None:
    """As the film of a moving photograph."""
    data = SOUND["jpeg"]()
    film = b"\xff\xda\0\2" * 1000
    assert (read_picture(data + film).grey == read_picture(data).grey).all()


@pytest.mark.parametrize("filler", [[(b"abCd", b"")] * 600, [EMPTY_PROFILE] * 3])
def test_a_png_of_very_many_chunks_cannot_be_decoded(filler: list[tuple[bytes, bytes]]) -> None:
    header, *rest = chunks(SOUND["png"]())
    for parts in ([header, *filler, *rest], [header, *rest[:-1], *filler, rest[-1]]):
        with pytest.raises(CannotDecode, match="too many parts"):
            open_picture(png_of(parts))


def test_a_png_may_hold_its_pixels_in_many_small_chunks() -> None:
    sound = as_bytes(small_five(), "PNG")
    header, (_, content), end = chunks(sound)
    bits = [(b"IDAT", content[at : at + 1]) for at in range(len(content))]
    empty = [(b"IDAT", b"")]
    assert (read_picture(png_of([header, *bits, end])).grey == read_picture(sound).grey).all()
    with pytest.raises(CannotDecode, match="too many parts"):
        open_picture(png_of([header, *empty * 70_000, *bits, end]))


def test_a_jpeg_with_a_second_picture_is_read_at_a_reduced_scale() -> None:
    large, small = small_five().resize((2600, 2600)).convert("RGB"), small_five().convert("RGB")
    data = as_bytes(large, "MPO", save_all=True, append_images=[small])
    with open_picture(data) as picture:
        assert picture.format == "MPO"
    both, alone = read_picture(data), read_picture(as_bytes(large, "JPEG"))
    assert (both.grey == alone.grey).all()
    assert both.scale == alone.scale


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("size", [(1500, 2011), (2011, 1500), (5, 3001)])
def test_a_picture_averaged_in_bands_is_the_one_averaged_at_once(
    mode: str, size: tuple[int, int]
) -> None:
    levels = np.random.default_rng(1).integers(0, 256, (*size, 4)).astype(np.uint8)
    alike = np.repeat(levels[..., :1], 3, axis=2)
    picture = {
        "L": Image.fromarray(levels[..., 0]),
        "RGB": Image.fromarray(alike),
        "RGBA": Image.fromarray(np.dstack([alike, np.full(size, 255, np.uint8)])),
        "I;16": Image.fromarray(levels[..., 0].astype(np.uint16) << 8),
    }[mode]
    read = read_picture(as_bytes(picture, "PNG", compress_level=1))
    at_once = np.asarray(Image.fromarray(levels[..., 0]).reduce(read.scale))
    assert read.scale == max(size) // 640
    assert (read.grey == at_once).all()


def test_a_bmp_of_runs_is_read() -> None:
    runs = b"\x03\1\x05\2\0\0" * 4 + b"\0\1"  # three of one colour and five of another, four times
    palette = bytes(4) + b"\x10\x10\x10\0" + b"\xf0\xf0\xf0\0" + bytes(4 * 253)
    header = struct.pack("<IiiHHIIiiII", 40, 8, 4, 1, 8, 1, len(runs), 1, 1, 256, 0)
    start = 14 + len(header) + len(palette)
    data = b"BM" + struct.pack("<IHHI", start + len(runs), 0, 0, start) + header + palette + runs
    assert read_picture(data).grey.tolist() == [[16] * 3 + [240] * 5] * 4
    with pytest.raises(CannotDecode):
        read_picture(data[:-16])
