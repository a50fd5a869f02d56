"""A picture becomes a digit in MNIST's form, however it was drawn: laws, then edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from service.contract.decoding import WORKING_SIDE, Box
from service.contract.image import read_digit
from tests.pictures import ALIKE, apart, read, resized
from training.datasets import read_idx
from training.golden import draw_digit, golden_images

DIGITS = range(10)


def test_every_mnist_test_image_passes_through_unchanged(data_dir: Path) -> None:
    images = read_idx(data_dir / "mnist" / "t10k-images-idx3-ubyte.gz")
    assert len(images) == 10_000
    changed = [
        i
        for i, image in enumerate(images)
        if not np.array_equal(read(Image.fromarray(image), "BMP").pixels[0], image)
    ]
    assert changed == []


@pytest.mark.parametrize("label", DIGITS)
def test_what_has_been_normalised_stays_as_it_is(label: int) -> None:
    for style in (draw_digit(label), draw_digit(label, pen=22), draw_digit(label, size=(60, 150))):
        once = read(style).pixels
        np.testing.assert_array_equal(read(Image.fromarray(once[0])).pixels, once)


@pytest.mark.parametrize("label", DIGITS)
def test_black_on_white_and_white_on_black_are_the_same(label: int) -> None:
    picture = draw_digit(label)
    np.testing.assert_array_equal(read(ImageOps.invert(picture)).pixels, read(picture).pixels)


@pytest.mark.parametrize("label", DIGITS)
def test_a_digit_is_the_same_wherever_it_stands(label: int) -> None:
    picture = draw_digit(label)
    expected = read(picture).pixels
    for margins in ((0, 0, 60, 33), (151, 0, 0, 0), (7, 90, 0, 2), (300, 300, 300, 300)):
        moved = ImageOps.expand(picture, margins, fill=255)  # left, top, right, bottom
        np.testing.assert_array_equal(read(moved).pixels, expected)


@pytest.mark.parametrize("label", DIGITS)
def test_a_digit_is_nearly_the_same_at_other_sizes(label: int) -> None:
    """Up to 2800x3640 pixels."""
    picture = draw_digit(label)
    for factor in (2, 5, 6, 14):
        assert apart(read(resized(picture, factor), "BMP").pixels, read(picture).pixels) < ALIKE


@pytest.mark.parametrize("label", DIGITS)
def test_a_small_digit_is_more_like_itself_than_like_any_other(label: int) -> None:
    """Down to 40x52 pixels, where one pixel decides on the width of the result."""
    originals = [read(draw_digit(other)).pixels for other in DIGITS]
    for factor in (0.2, 0.5, 0.7):
        seen = read(resized(draw_digit(label), factor)).pixels
        assert np.argmin([apart(seen, original) for original in originals]) == label


@pytest.mark.parametrize("label", DIGITS)
def test_faint_ink_is_as_good_as_strong_ink(label: int) -> None:
    strong = read(draw_digit(label)).pixels
    for ink, paper in ((150, 200), (90, 40), (255, 200)):
        assert apart(read(draw_digit(label, ink=ink, paper=paper)).pixels, strong) < ALIKE


def test_different_digits_stay_different() -> None:
    seen = [read_digit(png).pixels for png in golden_images()]
    pairs = [(first, second) for i, first in enumerate(seen) for second in seen[:i]]
    assert min(apart(first, second) for first, second in pairs) > 2 * ALIKE


@pytest.mark.parametrize("label", DIGITS)
def test_the_result_has_the_form_of_mnist(label: int) -> None:
    pixels = read(draw_digit(label)).pixels
    assert pixels.shape == (1, 28, 28)
    assert pixels.dtype == np.uint8
    assert pixels.max() == 255
    rows, columns = np.nonzero(pixels[0])
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20)
    for axis in (1, 2):
        places = np.arange(28).reshape([-1 if i == axis else 1 for i in range(3)])
        assert abs((pixels * places).sum() / pixels.sum() - 14) < 0.6


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1", "P"])
@pytest.mark.parametrize("size", [(1, 1), (28, 28), (300, 200), (5000, 3)])
def test_a_blank_picture_is_all_zero_and_has_no_box(mode: str, size: tuple[int, int]) -> None:
    for colour in (0, 1):
        blank = read(Image.new(mode, size, colour))
        assert not blank.pixels.any()
        assert blank.box is None


def test_next_to_no_contrast_is_blank() -> None:
    assert read(draw_digit(3, ink=200, paper=210)).box is None
    assert read(draw_digit(3, ink=200, paper=230)).box is not None


def with_ink(size: tuple[int, int], box: Box) -> Image.Image:
    """Black in `box` on white."""
    picture = Image.new("L", size, 255)
    right, bottom = box.x + box.width - 1, box.y + box.height - 1
    ImageDraw.Draw(picture).rectangle((box.x, box.y, right, bottom), fill=0)
    return picture


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((300, 200), Box(50, 30, 100, 40)),
        ((300, 200), Box(0, 0, 10, 10)),
        ((300, 200), Box(290, 10, 10, 180)),
        ((2400, 3000), Box(600, 400, 200, 1000)),  # read at a quarter of its size
        ((4200, 1000), Box(600, 120, 1800, 720)),  # at a sixth
    ],
)
def test_the_box_is_where_the_ink_lay(size: tuple[int, int], box: Box) -> None:
    assert read(with_ink(size, box)).box == box


@pytest.mark.parametrize(("size", "scale"), [((2400, 3000), 2), ((3000, 4400), 2)])
def test_the_box_of_a_large_jpeg_is_where_the_ink_lay(size: tuple[int, int], scale: int) -> None:
    """As near as the pixels at which it was read, and the blur of JPEG, allow."""
    box = Box(600, 400, 240, 1000)
    found = read(with_ink(size, box), "JPEG").box
    assert found is not None
    for side in ("x", "y", "width", "height"):
        assert abs(getattr(found, side) - getattr(box, side)) <= 2 * scale


def test_the_box_of_an_mnist_image_is_its_ink() -> None:
    pixels = read(draw_digit(8)).pixels
    rows, columns = np.nonzero(pixels[0])
    box = read(Image.fromarray(pixels[0])).box
    assert box is not None
    assert [box.x, box.x + box.width - 1] == [columns.min(), columns.max()]
    assert [box.y, box.y + box.height - 1] == [rows.min(), rows.max()]


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (2, 15_000), (WORKING_SIDE, 1)])
def test_extreme_shapes_are_read(size: tuple[int, int]) -> None:
    picture = Image.new("L", size, 255)
    assert read(picture).box is None
    picture.putpixel((size[0] - 1, size[1] - 1), 0)
    assert read(picture).pixels.shape == (1, 28, 28)
