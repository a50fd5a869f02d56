"""What may be a digit in a picture of a number, before any model has looked at it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from service.contract.decoding import Box, Picture, read_picture
from service.contract.lines import MOST_CANDIDATES, Line, find_lines
from tests.pictures import ALIKE, apart, draw_number, read
from training.golden import as_bytes, draw_digit


def lines_of(picture: Image.Image) -> list[Line]:
    return find_lines(read_picture(as_bytes(picture)))


def boxes(line: Line) -> list[Box]:
    return [box for candidate in line.candidates if (box := candidate.digit.box)]


def ink_box(picture: Image.Image) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is dark."""
    found = ImageOps.invert(picture).point(lambda level: 255 * (level > 128)).getbbox()
    assert found is not None
    return found


def has(line: Line, wanted: tuple[int, int, int, int], within: int = 3) -> bool:
    """Whether a candidate lies there, give or take some pixels on each side."""
    return any(
        np.abs(np.subtract((b.x, b.y, b.x + b.width, b.y + b.height), wanted)).max() <= within
        for b in boxes(line)
    )


def part_of(picture: Image.Image, left: int, right: int) -> tuple[int, int, int, int]:
    """The box of what is dark between two columns."""
    alone = Image.new("L", picture.size, 255)
    alone.paste(picture.crop((left, 0, right, picture.height)), (left, 0))
    return ink_box(alone)


@pytest.mark.parametrize("text", ["2718", "90", "314159265358"])
def test_every_digit_that_stands_apart_is_a_candidate(text: str) -> None:
    picture = draw_number(text)
    [line] = lines_of(picture)
    for at in range(len(text)):
        assert has(line, part_of(picture, 8 + 60 * at, 68 + 60 * at))


def test_a_lone_digit_is_seen_as_it_is_where_one_is_expected() -> None:
    for label in range(10):
        picture = draw_digit(label)
        [line] = lines_of(picture)
        whole = [each for each in line.candidates if each.end - each.start == len(line.inks)]
        seen = read(picture)
        assert [each.digit.box for each in whole] == [seen.box]
        assert apart(whole[0].digit.pixels, seen.pixels) < ALIKE


@pytest.mark.parametrize("overlap", [0, 4, 7])
def test_touching_digits_are_cut_apart(overlap: int) -> None:
    first = draw_digit(8, canvas=(120, 100), corner=(20, 16), size=(44, 66), pen=7)
    left, _, right, _ = ink_box(first)
    second = draw_digit(
        3, canvas=(120, 100), corner=(right - overlap - 2, 16), size=(44, 66), pen=7
    )
    both = Image.fromarray(np.minimum(np.asarray(first), np.asarray(second)))
    [line] = lines_of(both)
    assert has(line, ink_box(first), within=overlap + 6)
    assert has(line, ink_box(second), within=overlap + 6)
    assert left < ink_box(second)[0]


def test_a_broken_digit_is_one_candidate() -> None:
    five = draw_number("35")
    x, y, x2, y2 = part_of(five, 68, 136)
    brush = ImageDraw.Draw(five)
    brush.line([(x - 2, y + 14), (x2 + 2, y + 14)], fill=255, width=4)
    [line] = lines_of(five)
    assert has(line, (x, y, x2, y2))


def test_lines_come_from_top_to_bottom() -> None:
    picture = draw_number("2718\n04596\n3")
    found = lines_of(picture)
    middles = [np.mean([box.y + box.height / 2 for box in boxes(line)]) for line in found]
    assert len(found) == 3
    assert middles == sorted(middles)


@pytest.mark.parametrize("degrees", [-10, -5, 5, 10])
def test_a_slanted_line_is_one_line(degrees: float) -> None:
    picture = draw_number("2718459").rotate(degrees, expand=True, fillcolor=255)
    assert len(lines_of(picture)) == 1


def test_candidates_are_made_of_neighbours_and_none_is_wider_than_a_digit_may_be() -> None:
    for line in lines_of(draw_number("27184\n590", gap=-8)):
        for candidate in line.candidates:
            assert 0 <= candidate.start < candidate.end <= len(line.inks)
            assert candidate.digit.box is not None
            assert candidate.digit.box.width <= 1.6 * 73


@pytest.mark.parametrize("sign", ["dash", "dot", "slash", "colon"])
def test_signs_between_digits_are_no_candidates(sign: str) -> None:
    picture = draw_number("25  38".replace(" ", "0"))
    brush = ImageDraw.Draw(picture)
    brush.rectangle([128, 0, 252, picture.height], fill=255)
    if sign == "dash":
        brush.line([(175, 50), (200, 50)], fill=0, width=7)
    elif sign == "dot":
        brush.ellipse([185, 76, 193, 84], fill=0)
    elif sign == "colon":
        brush.ellipse([185, 36, 193, 44], fill=0)
        brush.ellipse([185, 66, 193, 74], fill=0)
    else:
        brush.line([(170, 95), (205, 4)], fill=0, width=7)
    [line] = lines_of(picture)
    assert not [box for box in boxes(line) if box.x > 130 and box.x + box.width < 250]


def test_a_box_printed_around_a_digit_is_no_candidate() -> None:
    picture = draw_number("2718")
    brush = ImageDraw.Draw(picture)
    for at in range(4):
        brush.rectangle([11 + 60 * at, 6, 67 + 60 * at, 94], outline=0, width=2)
    [line] = lines_of(picture)
    assert max(box.height for box in boxes(line)) < 80
    for at in range(4):
        assert has(line, part_of(draw_number("2718"), 8 + 60 * at, 68 + 60 * at))


def test_a_circle_around_a_digit_is_no_candidate() -> None:
    picture = draw_number("2718", gap=40)
    before = [boxes(line) for line in lines_of(picture)]
    ImageDraw.Draw(picture).ellipse([110, 22, 180, 124], outline=0, width=4)
    assert [boxes(line) for line in lines_of(picture)] == before


def test_neither_a_smudge_nor_a_speck_is_a_candidate() -> None:
    picture = draw_number("2718")
    before = [boxes(line) for line in lines_of(picture)]
    brush = ImageDraw.Draw(picture)
    brush.ellipse([246, 40, 248, 42], fill=0)
    brush.rectangle([2, 20, 8, 70], fill=170)
    assert [boxes(line) for line in lines_of(picture)] == before


def test_polarity_changes_nothing() -> None:
    picture = draw_number("271\n84")
    dark, light = lines_of(picture), lines_of(ImageOps.invert(picture))
    assert [boxes(line) for line in dark] == [boxes(line) for line in light]
    for first, second in zip(dark, light, strict=True):
        for one, other in zip(first.candidates, second.candidates, strict=True):
            assert apart(one.digit.pixels, other.digit.pixels) < ALIKE


def test_boxes_are_in_pixels_of_the_upload() -> None:
    picture = draw_number("2718")
    large = picture.resize((picture.width * 12, picture.height * 12))
    [line] = lines_of(large)
    assert has(line, part_of(large, 8 * 12, 68 * 12), within=20)


def test_a_blank_picture_has_no_lines() -> None:
    assert lines_of(Image.new("L", (300, 100), 255)) == []
    assert lines_of(Image.new("L", (1, 1))) == []


@pytest.mark.parametrize("shape", [(40, 40), (300, 500), (900, 900)])
@pytest.mark.parametrize("grain", [1, 2, 7])
def test_noise_has_few_candidates(shape: tuple[int, int], grain: int) -> None:
    noise = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    coarse = cv2.resize(noise, None, fx=grain, fy=grain, interpolation=cv2.INTER_NEAREST)
    found = find_lines(Picture(np.asarray(coarse, np.uint8)[: shape[0], : shape[1]]))
    assert sum(len(line.candidates) for line in found) <= MOST_CANDIDATES


def test_a_page_full_of_digits_has_few_candidates() -> None:
    digit = draw_number("8", size=(20, 30), gap=4, pen=4)
    page = np.tile(np.asarray(digit), (20, 30))
    found = find_lines(Picture(page))
    assert 0 < sum(len(line.candidates) for line in found) <= MOST_CANDIDATES


@pytest.mark.parametrize("side", range(1, 9))
def test_pictures_of_a_few_pixels_are_read(side: int) -> None:
    rng = np.random.default_rng(side)
    for _ in range(30):
        shape = rng.integers(1, side + 1, 2)
        find_lines(Picture(rng.integers(0, 2, shape, dtype=np.uint8) * 255))


@pytest.mark.parametrize("high", range(1, 7))
def test_a_dash_between_tall_strokes_may_be_no_digit_by_itself(high: int) -> None:
    page = np.full((1000, 1000), 255, np.uint8)
    page[100:800, 100:180] = page[100:800, 700:760] = page[400 : 400 + high, 250:650] = 0
    [line] = find_lines(Picture(page))
    assert {100, 700} <= {box.x for box in boxes(line)}
    assert {box.height for box in boxes(line)} == {700}


def test_bars_of_any_size_anywhere_are_read() -> None:
    rng = np.random.default_rng(3)
    for _ in range(150):
        page = np.full(rng.integers(100, 900, 2), 255, np.uint8)
        for _ in range(int(rng.integers(1, 12))):
            top, left = rng.integers(0, page.shape)
            high, wide = (rng.uniform(0, 1, 2) ** 4 * page.shape).astype(int) + 1
            page[top : top + high, left : left + wide] = rng.integers(0, 120)
        found = find_lines(Picture(page))
        assert sum(len(line.candidates) for line in found) <= MOST_CANDIDATES
