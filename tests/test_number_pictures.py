"""Pictures of numbers made out of single digits, and how well they are read."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from training.asking import Reply
from training.candidates import NO_DIGIT, line_candidates
from training.datasets import Digits
from training.golden import draw_digit
from training.lines import FEWEST, KINDS, MOST, number_pictures
from training.number_report import NumberReport, edits


@pytest.fixture(scope="module")
def digits() -> Digits:
    """All ten as MNIST has them, drawn for this project."""
    drawn = [
        draw_digit(label, canvas=(28, 28), corner=(8, 4), size=(12, 20), pen=2.5, ink=255, paper=0)
        for label in range(10)
    ]
    return Digits(np.stack([np.asarray(each) for each in drawn]), np.arange(10))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_pictures_of_two_to_twelve_digits(digits: Digits, kind: str) -> None:
    for picture, text in number_pictures(kind, digits, 3, seed=1):
        opened = Image.open(io.BytesIO(picture))
        low, high = opened.convert("L").getextrema()
        assert opened.format in ("PNG", "JPEG")
        assert high - low > 40  # type: ignore[operator]
        assert FEWEST <= sum(map(str.isdigit, text)) <= MOST
        assert ("\n" in text) == (kind == "two rows")


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_the_same_for_a_seed_and_any_count(digits: Digits, kind: str) -> None:
    few, more = (list(number_pictures(kind, digits, count, seed=4)) for count in (2, 3))
    assert more[:2] == few
    assert list(number_pictures(kind, digits, 1, seed=5)) != few[:1]


def test_all_kinds_show_the_same_numbers(digits: Digits) -> None:
    texts = {
        "".join(text.replace("\n", "") for _, text in number_pictures(kind, digits, 2, seed=2))
        for kind in KINDS
    }
    assert len(texts) == 1


def test_touching_digits_have_less_room_than_a_row(digits: Digits) -> None:
    def width(kind: str) -> int:
        pictures = number_pictures(kind, digits, 5, seed=3)
        return sum(Image.open(io.BytesIO(picture)).width for picture, _ in pictures)

    assert width("crossing") < width("close") < width("row")


def test_candidates_show_whole_digits_and_what_is_none(digits: Digits) -> None:
    found = line_candidates(digits, lines=12, rng=np.random.default_rng(1))
    assert found.images.shape == (len(found), 28, 28)
    assert set(found.labels[found.labels != NO_DIGIT]) >= set(range(9))
    assert 0.2 < (found.labels == NO_DIGIT).mean() < 0.8


def test_a_candidate_of_a_digit_is_like_that_digit(digits: Digits) -> None:
    found = line_candidates(digits, lines=20, rng=np.random.default_rng(2))
    nearest = []
    for image, label in zip(found.images, found.labels, strict=True):
        if label != NO_DIGIT:
            apart = np.abs(digits.images.astype(float) - image).mean(axis=(1, 2))
            nearest.append(int(apart.argmin()) == label)
    assert np.mean(nearest) > 0.7


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("", "", 0),
        ("12", "12", 0),
        ("12", "13", 1),
        ("12", "2", 1),
        ("12", "122", 1),
        ("12", "", 2),
    ],
)
def test_edits_are_the_fewest_changes(first: str, second: str, expected: int) -> None:
    assert edits(first, second) == edits(second, first) == expected


def test_a_report_counts_digits_and_whole_pictures() -> None:
    report = NumberReport()
    for text, read in (("1234", "1234"), ("12\n34", "12\n3"), ("56", "65")):
        report.add("rows", text, Reply(200, {"text": read}))
    report.add("rows", "78", Reply(422, {"code": "cannot_decode"}))
    [_, _, row, everything] = report.as_text().splitlines()
    assert "4" in row
    assert "12" in row
    assert "58.33%" in row  # one missed, two exchanged, two refused
    assert "25.0%" in row
    assert row.split("|")[2:] == everything.split("|")[2:]
