"""Pictures for evaluation: what every kind promises, and the pens and drawings behind them."""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from numpy.random import Generator
from PIL import ExifTags, Image, ImageOps

from training.datasets import Digits
from training.golden import draw_digit
from training.nondigits import NON_DIGITS, several
from training.worlds import KINDS, chosen, pictures
from training.worlds.drawings import drawn
from training.worlds.ink import enlarged, inked, outline, redrawn, thick
from training.worlds.strokes import skeleton, strokes_of

FORMATS = {"PNG", "JPEG", "WEBP", "BMP", "GIF"}
MOST_PIXELS, MOST_BYTES = 16_000_000, 10 * 2**20
LABELS = range(10)

Grey = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def digits() -> Digits:
    labels = np.array([*LABELS] * 2)
    images = [drawn(int(label), np.random.default_rng(i)) for i, label in enumerate(labels)]
    return Digits(np.stack(images), labels)


def opened(file: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(file))
    assert picture.format in FORMATS
    assert picture.width * picture.height <= MOST_PIXELS
    assert len(file) <= MOST_BYTES
    picture.load()
    return picture


def grey(picture: Image.Image) -> Grey:
    """What is to be seen, without noise: transparency by itself, 64 pixels at most."""
    if picture.mode == "RGBA":
        picture = picture.getchannel("A")
    picture = picture.convert("L")
    factor = max(1, max(picture.size) // 64)
    return np.asarray(picture.reduce(factor))


def shape_of(label: int) -> Grey:
    return 255 - np.asarray(draw_digit(label, canvas=(200, 260), pen=14))


def pieces(ink: npt.NDArray[np.bool_]) -> int:
    return cv2.connectedComponents(ink.astype(np.uint8))[0] - 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_file_with_visible_ink(kind: str, digits: Digits) -> None:
    for file, _ in pictures(kind, digits, 4, seed=5):
        seen = grey(opened(file))
        assert int(seen.max()) - int(seen.min()) >= 12


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_the_same_for_a_seed_however_many_are_made(kind: str, digits: Digits) -> None:
    three = list(pictures(kind, digits, 3, seed=1))
    assert list(pictures(kind, digits, 2, seed=1)) == three[:2]
    assert next(pictures(kind, digits, 1, seed=2)) != three[0]
    assert len({file for file, _ in three}) == 3


def test_all_kinds_show_the_same_digits_in_the_same_order(digits: Digits) -> None:
    orders = {tuple(label for _, label in pictures(kind, digits, 3, seed=9)) for kind in KINDS}
    expected = [chosen(digits, np.random.default_rng([9, i, 0]))[1] for i in range(3)]
    assert orders == {tuple(expected)}


def test_a_chosen_digit_comes_with_its_own_label(digits: Digits) -> None:
    picks = [chosen(digits, np.random.default_rng(seed)) for seed in range(300)]
    given = {digits.images[i].tobytes(): int(digits.labels[i]) for i in range(len(digits))}
    known = [(given[image.tobytes()], label) for image, label in picks if image.tobytes() in given]
    assert all(expected == label for expected, label in known)
    assert 0.1 < 1 - len(known) / len(picks) < 0.3  # drawings of our own
    assert {label for _, label in picks} == set(LABELS)


@pytest.mark.parametrize("label", LABELS)
def test_own_drawings_have_the_form_of_mnist(label: int) -> None:
    for seed in range(20):
        image = drawn(label, np.random.default_rng(seed))
        assert image.shape == (28, 28)
        assert image.max() == 255
        assert max(cv2.boundingRect(image)[2:]) in (19, 20)
        mass = cv2.moments(image)
        assert abs(mass["m10"] / mass["m00"] - 14) < 1
        assert abs(mass["m01"] / mass["m00"] - 14) < 1


def test_a_digit_has_more_than_one_style() -> None:
    for label in LABELS:
        hands = [drawn(label, np.random.default_rng(seed)).astype(int) for seed in range(9)]
        assert min(np.abs(hand - hands[0]).mean() for hand in hands[1:]) > 3


@pytest.mark.parametrize("label", LABELS)
def test_strokes_drawn_with_the_same_pen_give_the_shape_again(label: int) -> None:
    shape = np.where(shape_of(label) > 127, 255, 0).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(shape)
    again = redrawn(shape, max(width, height), 14)
    same = cv2.resize(again, (width, height)) > 0.5
    original = shape[y : y + height, x : x + width] > 0
    assert (same & original).sum() / (same | original).sum() > 0.7


def test_a_ring_is_one_closed_line_and_a_bar_one_open_line() -> None:
    ring, bar = np.zeros((2, 120, 120), np.uint8)
    cv2.circle(ring, (60, 60), 40, 255, 9)
    cv2.line(bar, (20, 20), (90, 100), 255, 9)
    (closed,), (open_,) = strokes_of(ring), strokes_of(bar)
    np.testing.assert_allclose(closed[0], closed[-1], atol=1)
    assert np.ptp(open_, axis=0).max() > 70
    assert int(skeleton(bar).sum(axis=0).max()) <= 2


def test_a_bulge_of_a_thick_stroke_is_no_stroke_of_its_own() -> None:
    bar = np.zeros((160, 160), np.uint8)
    bar[20:140, 60:92] = 255
    cv2.circle(bar, (90, 80), 12, 255, -1)
    upper, lower = strokes_of(bar)
    assert min(np.ptp(upper[:, 1]), np.ptp(lower[:, 1])) > 40


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("size", [15, 60, 400])
def test_a_digit_written_again_is_as_large_as_asked(label: int, size: int) -> None:
    rng = np.random.default_rng(3)
    shape = enlarged(drawn(label, rng), rng)
    for mask in (outline(shape, size), redrawn(shape, size, size / 12, 0.005, rng)):
        assert max(mask.shape) == pytest.approx(size, abs=max(2, size * 0.05))
        assert 0.9 < mask.max() <= 1


@pytest.mark.parametrize("label", [0, 6, 8, 9])
def test_the_thickest_pen_closes_no_hole(label: int) -> None:
    rng = np.random.default_rng(4)
    shape = enlarged(drawn(label, rng), rng)
    fine, heavy = (
        pieces(np.pad(mask < 0.5, 1, constant_values=True))
        for mask in (redrawn(shape, 200, 10), thick(shape, 200, 70))
    )
    assert fine == heavy > 1


def test_a_pen_is_as_wide_as_asked() -> None:
    line = np.array([[0, 0], [0, 1]], np.float32)
    for width in (1.0, 2.5, 8.0, 30.0):
        mask = inked([line], 200, width)
        assert mask[100].sum() == pytest.approx(width, abs=0.6)


def test_a_turned_photograph_is_upright_where_its_note_is_heeded(digits: Digits) -> None:
    for file, _ in pictures("turned by EXIF", digits, 4, seed=2):
        picture = opened(file)
        assert picture.getexif()[ExifTags.Base.Orientation] in (3, 6, 8)
        assert ImageOps.exif_transpose(picture).tobytes() != picture.tobytes()


def test_transparent_pictures_carry_the_digit_in_nothing_but_alpha(digits: Digits) -> None:
    files = [opened(file) for file, _ in pictures("ink in alpha", digits, 6, seed=2)]
    plain = [picture for picture in files if picture.format == "PNG"]
    assert plain
    for picture in plain:
        pixels = np.asarray(picture).reshape(-1, 4)
        assert np.ptp(pixels[:, :3], axis=0).max() == 0
        assert (pixels[:, 3].min(), pixels[:, 3].max()) == (0, 255)


@pytest.mark.parametrize("make", NON_DIGITS.values(), ids=NON_DIGITS)
def test_every_kind_without_a_digit_is_a_file_that_shows_something(
    make: Callable[[Generator], bytes],
) -> None:
    files = [make(np.random.default_rng(seed)) for seed in range(4)]
    assert len(set(files)) == len(files)
    assert files[0] == make(np.random.default_rng(0))
    for file in files:
        assert np.asarray(opened(file).convert("L")).std() > 4


def test_several_digits_stand_apart() -> None:
    ones = np.stack([drawn(0, np.random.default_rng(seed)) for seed in range(9)])
    counts = []
    for seed in range(12):
        picture = opened(several(ones, np.random.default_rng(seed)))
        if picture.format == "PNG":
            counts.append(pieces(np.asarray(picture.convert("L")) < 160))
    assert set(counts) == {2, 3, 4}
