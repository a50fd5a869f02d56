"""What is written is found whatever the light, the paper and the pen, and nothing where nothing
is."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from service.contract.ink import find_ink, quantile
from tests.pictures import ALIKE, Pixels, apart, read
from training.golden import draw_digit

Levels = npt.NDArray[Any]

DIGITS = range(10)
INK, PAPER = 40, 230


def written(label: int, ink: int = INK, paper: int = PAPER, pen: float = 12) -> Levels:
    """Levels of 260 rows and 200 columns, of which the digit takes 140 and 90."""
    return np.asarray(draw_digit(label, ink=ink, paper=paper, pen=pen)).astype(float)


def picture(levels: Levels) -> Image.Image:
    return Image.fromarray(np.rint(levels).clip(0, 255).astype(np.uint8))


def seen(levels: Levels) -> Pixels:
    return read(picture(levels)).pixels


@cache
def plain() -> list[Pixels]:
    """Every digit on an even sheet."""
    return [seen(written(label)) for label in DIGITS]


def most_like(pixels: Pixels) -> int:
    """The plain digit that is least apart."""
    return int(np.argmin([apart(pixels, digit) for digit in plain()]))


def in_shadow(levels: Levels, degrees: float, soft: float, dark: float) -> Levels:
    """Half of a sheet in shadow; `soft` is the breadth of its edge as a share of the sheet."""
    angle, (height, width) = math.radians(degrees), levels.shape
    rows, columns = np.indices(levels.shape)
    across = (rows - height / 2) * math.sin(angle) + (columns - width / 2) * math.cos(angle)
    light: Levels = 1 - dark * np.clip(across / (soft * height) + 0.5, 0, 1)
    return np.multiply(levels, light)


def ruled(levels: Levels, step: int, level: float, thickness: int = 1) -> Levels:
    """With a line across at every `step` rows."""
    rows = np.arange(len(levels)) % step - step // 2
    lines = (rows >= 0) & (rows < thickness)
    return np.where(lines[:, None], np.minimum(levels, level), levels)


def squared(levels: Levels, step: int, level: float) -> Levels:
    return ruled(ruled(levels, step, level).T, step, level).T


SHADOWS = [(degrees, soft) for degrees in (0, 90, 215, 320) for soft in (0.01, 0.1, 0.5)]


@pytest.mark.parametrize("label", DIGITS)
@pytest.mark.parametrize(("degrees", "soft"), SHADOWS)
def test_a_shadow_over_half_the_sheet_changes_little(
    label: int, degrees: float, soft: float
) -> None:
    for dark in (0.3, 0.6):
        shaded = in_shadow(written(label), degrees, soft, dark)
        assert apart(seen(shaded), plain()[label]) < ALIKE


@pytest.mark.parametrize("label", DIGITS)
def test_light_ink_is_told_from_dark_paper_in_a_light_shadow(label: int) -> None:
    for ink, paper in ((220, 50), (255, 0)):
        for degrees, soft in SHADOWS:
            shaded = in_shadow(written(label, ink, paper), degrees, soft, 0.2)
            assert most_like(seen(shaded)) == label


@pytest.mark.parametrize("label", DIGITS)
@pytest.mark.parametrize(
    "paper",
    [
        lambda levels: ruled(levels, 25, 90),
        lambda levels: ruled(levels, 25, 190, thickness=3),
        lambda levels: ruled(levels, 60, 190, thickness=2),
        lambda levels: squared(levels, 20, 190),
        lambda levels: squared(levels, 45, 190),
    ],
)
def test_ruled_lines_are_no_ink_and_strokes_across_them_are(
    label: int, paper: Callable[[Levels], Levels]
) -> None:
    assert apart(seen(paper(written(label))), plain()[label]) < ALIKE


@pytest.mark.parametrize("label", DIGITS)
def test_strokes_of_a_digit_that_fills_its_picture_are_no_ruled_lines(label: int) -> None:
    """The beam of a 7 goes from side to side, too."""
    tight = written(label)[52:208, 42:148]
    assert apart(seen(tight), plain()[label]) < ALIKE


@pytest.mark.parametrize("label", DIGITS)
def test_noise_changes_little_and_strong_noise_leaves_a_digit_itself(label: int) -> None:
    rng = np.random.default_rng(label)
    clean = written(label)
    noise = rng.normal(0, 1, clean.shape)
    for strength in (4, 8, 16):
        assert apart(seen(clean + strength * noise), plain()[label]) < ALIKE
    assert most_like(seen(clean + 60 * noise)) == label
    strong = picture(clean + 100 * noise)
    assert most_like(read(strong).pixels) == label
    assert (find_ink(np.asarray(strong))[:40] > 0).mean() < 0.05  # of paper without a stroke


@pytest.mark.parametrize("label", DIGITS)
def test_any_pen_draws_the_same_digit(label: int) -> None:
    """From hairline to marker, and none of them so thin that it fades."""
    usual = (plain()[label] > 100).sum()
    for pen in (2, 3, 5, 8, 16, 24):
        pixels = seen(written(label, pen=pen))
        assert most_like(pixels) == label
        assert 0.8 * usual < (pixels > 100).sum() < 2 * usual


@pytest.mark.parametrize("size", [(60, 60), (260, 200), (200, 300), (400, 400)])
@pytest.mark.parametrize("strength", [2, 5, 10, 20, 40])
def test_blank_paper_is_blank_however_coarse_its_grain(
    size: tuple[int, int], strength: float
) -> None:
    rng = np.random.default_rng([*size, round(strength)])
    for paper in (200, 60):
        blank = picture(rng.normal(paper, strength, size))
        assert read(blank).box is None
        assert not read(blank).pixels.any()


def test_ink_reaches_from_nothing_on_paper_to_full_strength() -> None:
    for ink, paper in ((40, 230), (200, 90), (255, 0)):
        grey = np.asarray(draw_digit(3, ink=ink, paper=paper))
        found = find_ink(grey)
        assert found.shape == grey.shape
        assert found.dtype == np.uint8
        assert (found[grey == paper] == 0).all()
        assert (found[grey == ink] == 255).all()
        between = found[(grey != ink) & (grey != paper)]
        assert ((between > 0) & (between < 255)).any()


def test_ink_of_blank_paper_is_nothing() -> None:
    for level in (0, 128, 255):
        assert not find_ink(np.full((50, 70), level, np.uint8)).any()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_quantiles_are_those_of_numpy(share: float) -> None:
    rng = np.random.default_rng(9)
    for count in (*range(1, 40), 1000, 4096):
        spread = rng.normal(0, 50, count).astype(np.float32)
        for levels in (spread, np.rint(spread)):
            expected = pytest.approx(float(np.quantile(levels, share)), rel=1e-5, abs=1e-5)
            assert quantile(levels, share) == expected


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("place", ["left", "middle", "right"])
def test_lines_are_rules_from_six_tenths_of_the_page_on(place: str, turned: bool) -> None:
    """Parts of lines are linked over a few pixels, which makes them longer by as many."""

    def is_rule(length: int) -> bool:
        left = {"left": 0, "middle": (200 - length) // 2, "right": 200 - length}[place]
        page = np.full((200, 200), PAPER, np.uint8)
        for row in (40, 90, 140):
            page[row : row + 2, left : left + length] = INK
        page[60:80, 95:105] = INK
        ink = find_ink(page.T if turned else page)
        return not (ink.T if turned else ink)[90, left + length // 2]

    found = [length for length in range(105, 135) if is_rule(length)]
    assert found == [*range(found[0], 135)]
    assert 115 <= found[0] <= 120
