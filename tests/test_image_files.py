"""The same digit in every format, mode and orientation that a picture may be sent in."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from service.contract.image import read_digit
from tests.pictures import ALIKE, apart, read
from tests.running import ROOT
from training.golden import as_bytes, draw_digit

FORMATS = ["PNG", "JPEG", "WEBP", "BMP", "GIF"]
DIGITS = range(10)
ORIENTATIONS = range(1, 9)

# What a camera does to the upright picture before it writes the tag.
TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def as_held(upright: Image.Image, orientation: int) -> tuple[Image.Image, Image.Exif]:
    """A picture that shows `upright` once it is turned as its EXIF tag says."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    turned = TURNED.get(orientation)
    return upright if turned is None else upright.transpose(turned), exif


def with_alpha(ink: int, mode: str = "RGBA") -> Image.Image:
    """A five whose colour is `ink` everywhere and whose shape lies in the alpha channel alone."""
    alpha = ImageOps.invert(draw_digit(5))
    return Image.merge(mode, [Image.new("L", alpha.size, ink)] * (len(mode) - 1) + [alpha])


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("label", DIGITS)
def test_every_format_shows_the_same_digit(label: int, kind: str) -> None:
    picture = draw_digit(label)
    assert apart(read(picture, kind).pixels, read(picture).pixels) < ALIKE


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("PNG", {"bits": 4}), ("WEBP", {"lossless": True}), ("BMP", {}), ("GIF", {})],
)
def test_formats_without_loss_show_the_very_same_digit(
    kind: str, options: dict[str, object]
) -> None:
    picture = draw_digit(6).point(lambda level: level // 17 * 17)  # 16 levels of grey
    palette = picture.quantize(16, dither=Image.Dither.NONE)
    sent = palette if "bits" in options else picture
    np.testing.assert_array_equal(read(sent, kind, **options).pixels, read(picture).pixels)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "I;16", "CMYK"])
def test_every_mode_shows_the_same_digit(mode: str) -> None:
    picture = draw_digit(2)
    if mode == "I;16":
        sent = Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
    else:
        sent = picture.convert(mode)
    assert sent.mode == mode
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert apart(read(sent, kind).pixels, read(picture).pixels) < (ALIKE if kind == "JPEG" else 0.1)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF"])
def test_one_bit_for_each_pixel_is_enough(kind: str) -> None:
    for label in (1, 2, 4, 8):
        sharp = draw_digit(label).convert("1", dither=Image.Dither.NONE)
        assert apart(read(sharp, kind).pixels, read(draw_digit(label)).pixels) < ALIKE


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("ink", [0, 80, 128, 200, 255])
def test_ink_that_lies_in_the_alpha_channel_is_seen_whatever_its_colour(
    ink: int, mode: str
) -> None:
    seen = read(with_alpha(ink, mode)).pixels
    assert apart(seen, read(draw_digit(5)).pixels) < 1


@pytest.mark.parametrize("ink", [0, 255])
def test_ink_in_the_alpha_channel_of_a_large_picture_is_seen(ink: int) -> None:
    large = with_alpha(ink).resize((2400, 3120), Image.Resampling.BICUBIC)
    for kind in ("PNG", "WEBP"):
        seen = read(large, kind, **({"compress_level": 1} if kind == "PNG" else {"method": 0}))
        assert apart(seen.pixels, read(draw_digit(5)).pixels) < ALIKE


@pytest.mark.parametrize("ink", [0, 255])
def test_a_transparent_palette_colour_is_paper(ink: int) -> None:
    shape = np.asarray(draw_digit(5)) < 128
    picture = Image.fromarray(shape.astype(np.uint8)).convert("P")
    picture.putpalette([ink, ink, ink] * 2)
    for kind in ("PNG", "GIF"):
        seen = read(picture, kind, transparency=0, optimize=False)
        assert apart(seen.pixels, read(draw_digit(5)).pixels) < ALIKE


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "I;16"])
def test_exif_orientation_is_undone_in_every_mode(mode: str, orientation: int) -> None:
    held, exif = as_held(draw_digit(4), orientation)
    if mode == "I;16":
        held = Image.fromarray(np.asarray(held).astype(np.uint16) * 257)
    found, expected = read(held.convert(mode), exif=exif), read(draw_digit(4))
    np.testing.assert_array_equal(found.pixels, expected.pixels)
    assert found.box == expected.box


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize(("kind", "quality"), [("JPEG", 95), ("WEBP", 95)])
def test_exif_orientation_of_photographs_is_undone(
    kind: str, quality: int, orientation: int
) -> None:
    """Large ones, that are read at a reduced scale."""
    upright = draw_digit(4).resize((1600, 2080)).convert("RGB")
    held, exif = as_held(upright, orientation)
    found = read(held, kind, exif=exif, quality=quality, method=0)
    expected = read(upright, kind, quality=quality, method=0)
    assert apart(found.pixels, expected.pixels) < ALIKE
    assert found.box is not None
    assert expected.box is not None
    for side in ("x", "y", "width", "height"):
        assert abs(getattr(found.box, side) - getattr(expected.box, side)) <= 4


DAMAGED_EXIF = [
    b"Exif\0\0",
    b"Exif\0\0garbage",
    b"Exif\0\0II*\0\xff\xff\xff\xff",
    b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\xff\xff\xff\0\xff\xff\0\0",
    b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0",  # orientation 99
]


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # as contract.image does
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_damaged_exif_data_does_not_spoil_a_sound_picture(kind: str) -> None:
    picture = draw_digit(4)
    for exif in DAMAGED_EXIF:
        assert apart(read(picture, kind, exif=exif).pixels, read(picture).pixels) < ALIKE


def test_nothing_of_a_damaged_picture_is_written_to_standard_error() -> None:
    """Pillow's warnings quote the upload, and each new one would be remembered for good."""
    picture = as_bytes(draw_digit(4), "JPEG", exif=DAMAGED_EXIF[3])
    program = "import sys, service.contract.image as c; c.read_digit(sys.stdin.buffer.read())"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, input=picture, capture_output=True, check=True
    )
    assert done.stderr == b""


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_read(kind: str) -> None:
    first, second = draw_digit(3).convert("RGB"), draw_digit(1).convert("RGB")
    frames = io.BytesIO()
    first.save(frames, kind, save_all=True, append_images=[second])
    assert apart(read_digit(frames.getvalue()).pixels, read(first).pixels) < ALIKE


def test_interlaced_and_progressive_files_are_read() -> None:
    picture = draw_digit(7)
    for kind, options in (("JPEG", {"progressive": True}), ("GIF", {"interlace": 1})):
        data = as_bytes(picture, kind, **options)
        assert apart(read_digit(data).pixels, read(picture).pixels) < ALIKE
