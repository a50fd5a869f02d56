"""Of all that is found in a picture the digit is taken, and its box lies within the upload."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageDraw, ImageOps

from service.contract.decoding import Picture
from service.contract.image import main_ink, normalise, read_digit
from tests.pictures import ALIKE, apart, read
from training.golden import as_bytes, draw_digit

DIGITS = range(10)
EIGHT = draw_digit(8).crop((50, 60, 140, 200))


def with_neighbour(label: int, side: str, shown: int) -> Image.Image:
    """A digit, and so many columns of an eight that goes on beyond the picture."""
    picture = draw_digit(label)
    x = shown - EIGHT.width if side == "left" else picture.width - shown
    picture.paste(EIGHT, (x, 60))
    return picture


@pytest.mark.parametrize("label", DIGITS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_what_reaches_in_from_the_next_digit_is_ignored(label: int, side: str) -> None:
    for shown in (5, 12, 30, 45):
        np.testing.assert_array_equal(
            read(with_neighbour(label, side, shown)).pixels, read(draw_digit(label)).pixels
        )


@pytest.mark.parametrize("label", DIGITS)
@pytest.mark.parametrize("margin", [8, 15, 18])
def test_a_frame_around_a_digit_is_ignored(label: int, margin: int) -> None:
    for width in (1, 2, 4, 8):
        picture = draw_digit(label)
        right, bottom = picture.width - margin, picture.height - margin
        ImageDraw.Draw(picture).rectangle((margin, margin, right, bottom), outline=0, width=width)
        np.testing.assert_array_equal(read(picture).pixels, read(draw_digit(label)).pixels)


@pytest.mark.parametrize("label", DIGITS)
@pytest.mark.parametrize("side", range(4))
def test_a_dark_desk_beside_the_sheet_is_ignored(label: int, side: int) -> None:
    sheet = draw_digit(label, paper=230)
    for level in (20, 70, 120):
        for breadth in (10, 30):
            borders = tuple(breadth if i == side else 0 for i in range(4))
            on_desk = ImageOps.expand(sheet, borders, fill=level)  # left, top, right, bottom
            assert apart(read(on_desk).pixels, read(sheet).pixels) < ALIKE


@pytest.mark.parametrize("label", DIGITS)
def test_what_is_taken_is_the_same_wherever_it_lies(label: int) -> None:
    digit = 255 - np.asarray(draw_digit(label, paper=255, ink=0).crop((40, 40, 160, 220)))
    places = [(top, left) for top in (30, 31) for left in (60, 61, 75)]
    taken = []
    for top, left in places:
        page = np.zeros((300, 300), np.uint8)
        page[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
        found = main_ink(page)
        assert found is not None
        ink, x, y = found
        taken.append((ink.tolist(), x - left, y - top))
    assert all(each == taken[0] for each in taken)


@pytest.mark.parametrize("label", DIGITS)
def test_dirt_is_ignored(label: int) -> None:
    rng = np.random.default_rng(label)
    levels = np.array(draw_digit(label))
    for y, x in rng.integers(0, (30, 197), (40, 2)):
        levels[y : y + 3, x : x + 3] = 0
    np.testing.assert_array_equal(
        read(Image.fromarray(levels)).pixels, read(draw_digit(label)).pixels
    )


def test_a_sheet_with_dirt_alone_is_blank() -> None:
    levels = np.full((260, 200), 255, np.uint8)
    levels[100:103, 90:94] = 0
    assert read(Image.fromarray(levels)).box is None


@pytest.mark.parametrize("label", DIGITS)
def test_a_digit_in_the_form_of_mnist_but_moved_is_brought_back(label: int) -> None:
    mnist = read(draw_digit(label)).pixels[0]
    moved = Image.fromarray(np.roll(mnist, (2, -2), (0, 1)))
    assert apart(read(moved).pixels, mnist[None]) < ALIKE


@pytest.mark.parametrize("label", DIGITS)
@pytest.mark.parametrize(
    ("ink", "paper"),
    [((200, 0, 0), (0, 102, 0)), ((0, 0, 255), (0, 50, 0)), ((250, 100, 30), (60, 178, 130))],
)
def test_colours_of_the_same_brightness_tell_ink_from_paper(
    label: int, ink: tuple[int, ...], paper: tuple[int, ...]
) -> None:
    shape = draw_digit(label)
    sheet, pen = (Image.new("RGB", shape.size, colour) for colour in (paper, ink))
    coloured = Image.composite(sheet, pen, shape)
    levels = np.asarray(coloured.convert("L")).astype(int)
    assert np.ptp(levels[[0, 130]]) <= 3  # nothing to see in grey
    assert apart(read(coloured).pixels, read(shape).pixels) < ALIKE


@pytest.mark.parametrize("behind", [0, 128, 255])
def test_transparent_corners_are_paper(behind: int) -> None:
    """As screens and stickers have them, whatever colour lies in what is not shown."""
    shape = draw_digit(5)
    shown = Image.new("L", shape.size, 0)
    ImageDraw.Draw(shown).rounded_rectangle((0, 0, 199, 259), radius=50, fill=255)
    hidden = Image.composite(shape, Image.new("L", shape.size, behind), shown)
    sticker = Image.merge("RGBA", [hidden] * 3 + [shown])
    assert apart(read(sticker).pixels, read(shape).pixels) < ALIKE


ODD_SIZES = [(7, 5), (639, 641), (1283, 961), (2561, 1281), (3333, 2777)]


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", ODD_SIZES)
def test_the_box_stays_within_an_upload_that_is_read_reduced_or_turned(
    size: tuple[int, int], kind: str
) -> None:
    """Ink up to the last row and column, which the reduced picture has only a part of."""
    for corner in ((0, 0), (1, 1)):
        held = Image.new("L", size, 255)
        wide, high = (side // 3 for side in size)
        x, y = (
            (side - part) * last
            for side, part, last in zip(size, (wide, high), corner, strict=True)
        )
        held.paste(0, (x, y, x + wide, y + high))
        for orientation in range(1, 9):
            exif = Image.Exif()
            exif[ExifTags.Base.Orientation] = orientation
            box = read_digit(as_bytes(held, kind, exif=exif)).box
            assert box is not None
            width, height = size if orientation < 5 else size[::-1]
            assert min(box.x, box.y) >= 0
            assert min(box.width, box.height) > 0
            assert box.x + box.width <= width
            assert box.y + box.height <= height
            assert box.x == 0 or box.x + box.width == width
            assert box.y == 0 or box.y + box.height == height


SMALL = [(height, width) for height in range(1, 7) for width in range(1, 7)]
LONG = [shape for side in (*range(7, 80, 6), 641, 2000) for shape in ((4, side), (side, 4))]


@pytest.mark.parametrize("shape", SMALL + LONG)
def test_pictures_of_next_to_no_pixels_become_digits_or_blank(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(shape)
    rows, columns = np.indices(shape)
    for levels in (
        rng.integers(0, 256, shape),
        rng.integers(0, 2, shape) * 255,
        np.where(rng.random(shape) < 0.1, 0, 255),
        np.where(rng.random(shape) < 0.1, 255, 0),
        (rows + columns) * 7 % 256,
    ):
        digit = normalise(Picture(levels.astype(np.uint8)))
        assert digit.pixels.shape == (1, 28, 28)
        assert digit.pixels.dtype == np.uint8
        assert (digit.box is None) == (not digit.pixels.any())
        if digit.box is not None:
            assert 0 <= digit.box.x < digit.box.x + digit.box.width <= shape[1]
            assert 0 <= digit.box.y < digit.box.y + digit.box.height <= shape[0]
