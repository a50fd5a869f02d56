"""Each corruption does to a digit what its name says, and no more."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from numpy.random import Generator, default_rng

from service.contract.decoding import Grey
from training.corruptions import CORRUPTIONS, MOST_CUT, MOST_SHIFT, Corruption
from training.golden import draw_digit

SEEDS = range(40)


def digit(label: int) -> Grey:
    """In the form of MNIST."""
    picture = draw_digit(
        label, canvas=(28, 28), corner=(8, 4), size=(12, 20), pen=2.5, ink=255, paper=0
    )
    return np.array(picture)


def bar() -> Grey:
    upright = np.zeros((28, 28), np.uint8)
    upright[4:24, 13:15] = 255
    return upright


def corrupted(name: str, image: Grey) -> list[Grey]:
    return [CORRUPTIONS[name](image, default_rng(seed)) for seed in SEEDS]


def paper(image: Grey) -> npt.NDArray[np.bool_]:
    """True where there is no ink near."""
    near = np.asarray(cv2.dilate(image, np.ones((3, 3), np.uint8)))
    return np.equal(near, 0)


every_corruption = pytest.mark.parametrize("corruption", CORRUPTIONS.values(), ids=CORRUPTIONS)


@every_corruption
@pytest.mark.parametrize("label", range(10))
def test_a_seed_gives_the_same_again_and_what_was_given_stays(
    corruption: Corruption, label: int
) -> None:
    before = digit(label)
    given = before.copy()
    after = corruption(given, default_rng(label))
    assert after.shape == (28, 28)
    assert after.dtype == np.uint8
    np.testing.assert_array_equal(given, before)
    np.testing.assert_array_equal(after, corruption(before, default_rng(label)))


@every_corruption
def test_chance_is_that_of_the_generator(corruption: Corruption) -> None:
    def after(rng: Generator) -> bytes:
        return corruption(digit(5), rng).tobytes()

    varied = len({after(default_rng(seed)) for seed in SEEDS})
    fixed = {CORRUPTIONS["half size"], CORRUPTIONS["inverted"]}
    assert varied == 1 if corruption in fixed else varied > 10


def test_shifts_go_every_way_and_leave_the_digit_whole() -> None:
    image = bar()  # with room of 13 pixels at the sides, of 4 above and below
    ways = set()
    for after in corrupted("shifted", image):
        left, top, _, height = cv2.boundingRect(after)
        assert abs(left - 13) <= MOST_SHIFT
        assert height >= 20 - MOST_CUT
        assert (after > 0).sum() == 2 * height
        ways |= {("x", int(np.sign(left - 13))), ("y", int(np.sign(top - 4)))}
    assert len(ways - {("x", 0), ("y", 0)}) == 4


def test_half_size_is_half_as_high_in_the_middle() -> None:
    [after, *_] = corrupted("half size", bar())
    assert cv2.boundingRect(after)[1::2] == (9, 10)


def test_inverted_is_black_on_white() -> None:
    [after, *_] = corrupted("inverted", digit(3))
    np.testing.assert_array_equal(after, 255 - digit(3))


def test_low_contrast_keeps_the_order_of_the_levels_about_mid_grey() -> None:
    for after in corrupted("low contrast", bar()):
        dark, light = int(after.min()), int(after.max())
        assert 0.19 < (light - dark) / 255 < 0.31
        assert dark + light == pytest.approx(255, abs=1)
        np.testing.assert_array_equal(after == light, bar() == 255)


def test_stripes_lie_behind_the_digit_and_are_of_many_kinds() -> None:
    image = digit(2)
    behind = paper(image)
    strengths = []
    for after in corrupted("striped", image):
        assert (after[image == 255] == 255).all()
        assert (after >= image).all()
        strengths.append(int(after[behind].max()) - int(after[behind].min()))
        assert 40 < strengths[-1] <= 130
    assert max(strengths) - min(strengths) > 50


def test_noise_is_a_fifth_to_two_fifths_of_the_range() -> None:
    grey = np.full((28, 28), 128, np.uint8)
    widths = [float(np.abs(after.astype(int) - 128).mean()) for after in corrupted("noisy", grey)]
    # The mean distance of a normal variable is 0.8 of its standard deviation; clipping takes more.
    assert 0.14 * 255 < min(widths) < 0.18 * 255
    assert 0.24 * 255 < max(widths) < 0.33 * 255


def test_salt_and_pepper_makes_some_pixels_black_or_white_and_leaves_the_rest() -> None:
    grey = np.full((28, 28), 128, np.uint8)
    for after in corrupted("salt and pepper", grey):
        assert set(np.unique(after)) == {0, 128, 255}
        assert 0.02 < (after != 128).mean() < 0.2
        assert 0.2 < (after == 0).sum() / (after != 128).sum() < 0.8


def test_rotation_is_by_20_to_40_degrees_either_way() -> None:
    angles = []
    for after in corrupted("rotated", bar()):
        moments = cv2.moments(after)
        turn = 0.5 * math.atan2(2 * moments["mu11"], moments["mu20"] - moments["mu02"])
        angles.append((math.degrees(turn) % 180) - 90)
    assert all(19 < abs(angle) < 41 for angle in angles)
    assert min(angles) < -30
    assert max(angles) > 30


def test_blur_spreads_the_ink_and_loses_none() -> None:
    for after in corrupted("blurred", bar()):
        assert after.max() < 250
        assert int(after.sum()) == pytest.approx(int(bar().sum()), rel=0.02)
        assert cv2.moments(after)["mu20"] > cv2.moments(bar())["mu20"]
