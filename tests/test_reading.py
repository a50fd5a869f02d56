"""Which of all that may be a digit is read, from what a model said of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from service.contract.decoding import Box
from service.contract.image import DigitImage
from service.contract.lines import Candidate, Line
from service.contract.parts import Part
from service.digits import Digits
from service.reading import LEFT_OUT, likeliest, merge, reading_costs
from tests.committed import committed

PIXELS = np.zeros((1, 28, 28), np.uint8)
PART = Part(PIXELS[0], 0, 0)


def line(pieces: int, widest: int = 3, ink: float = 1.0) -> Line:
    """All runs of up to `widest` pieces, each ten pixels wide."""
    runs = [(i, j) for i in range(pieces) for j in range(i + 1, min(i + widest, pieces) + 1)]
    return Line(
        [PART] * pieces,
        [ink] * pieces,
        [Candidate(i, j, DigitImage(PIXELS, Box(10 * i, 0, 10 * (j - i), 20))) for i, j in runs],
    )


def ways(own: Line, start: int = 0) -> Iterator[tuple[int, ...]]:
    """Every choice of candidates that do not overlap."""
    if start == len(own.inks):
        yield ()
        return
    yield from ways(own, start + 1)
    for number, candidate in enumerate(own.candidates):
        if candidate.start == start:
            for rest in ways(own, candidate.end):
                yield (number, *rest)


def price(own: Line, costs: list[float], chosen: tuple[int, ...]) -> float:
    read = {
        at
        for number in chosen
        for at in range(own.candidates[number].start, own.candidates[number].end)
    }
    left = [min(ink, 1) for at, ink in enumerate(own.inks) if at not in read]
    return sum(costs[number] for number in chosen) + LEFT_OUT * sum(left)


def certain(label: int) -> list[float]:
    return [12.0 if digit == label else 0.0 for digit in range(10)]


@pytest.fixture
def task(models_dir: Path) -> Digits:
    """What surrounds the committed model."""
    found = committed(models_dir, "digits")
    return Digits(found.manifest, {})


@pytest.mark.parametrize("seed", range(20))
def test_no_other_way_to_read_a_line_is_likelier(seed: int) -> None:
    rng = np.random.default_rng(seed)
    own = line(pieces=int(rng.integers(1, 7)), ink=float(rng.uniform(0.1, 2)))
    costs = rng.gamma(1.0, 2.0, len(own.candidates)).tolist()
    best = min(price(own, costs, chosen) for chosen in ways(own))
    found = tuple(likeliest(own, costs))
    assert found in set(ways(own))
    assert price(own, costs, found) == pytest.approx(best)


def test_digits_are_read_from_left_to_right() -> None:
    own = line(pieces=5, widest=1)
    assert likeliest(own, [0.1] * 5) == [0, 1, 2, 3, 4]


def test_what_is_clearly_no_digit_is_left_out() -> None:
    own = line(pieces=3, widest=1)
    assert likeliest(own, [0.1, LEFT_OUT + 1, 0.1]) == [0, 2]


def test_little_ink_is_easily_left_out() -> None:
    own = line(pieces=1, ink=0.1)
    assert likeliest(own, [LEFT_OUT / 5]) == []


def test_a_line_without_candidates_is_empty() -> None:
    assert likeliest(Line([PART, PART], [0.2, 0.1], []), []) == []


def test_the_cost_of_a_digit_falls_as_it_is_more_certain() -> None:
    logits = [[0.0] * 9 + [top] for top in (0.0, 3.0, 9.0, 30.0)]
    costs = reading_costs(logits)
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == pytest.approx(0, abs=1e-6)


def test_what_the_model_takes_for_no_digit_costs_much() -> None:
    [none, several] = reading_costs([[-9.0] * 10, [9.0] * 10])
    assert none > 9
    assert several == pytest.approx(np.log(10), abs=1e-3)


def test_logits_of_any_size_have_a_cost() -> None:
    assert np.isfinite(reading_costs([[1e4] + [0.0] * 9, [-1e4] * 10])).all()


def test_lines_are_joined_by_a_newline_and_digits_come_in_their_order(task: Digits) -> None:
    lines = [line(pieces=2, widest=1), line(pieces=3, widest=1)]
    answer = merge(task, lines, [certain(label) for label in (4, 2, 7, 1, 8)])
    assert answer["text"] == "42\n718"
    assert [digit["label"] for digit in answer["digits"]] == [4, 2, 7, 1, 8]
    assert [digit["box"].x for digit in answer["digits"]] == [0, 10, 0, 10, 20]


def test_a_line_of_nothing_but_what_is_no_digit_leaves_no_trace(task: Digits) -> None:
    lines = [line(pieces=1), line(pieces=1), line(pieces=1)]
    answer = merge(task, lines, [certain(4), [-30.0] * 10, certain(2)])
    assert answer["text"] == "4\n2"
    assert len(answer["digits"]) == 2


def test_nothing_to_read_is_an_empty_text(task: Digits) -> None:
    answer = merge(task, [], [])
    assert (answer["text"], answer["digits"]) == ("", [])
    assert answer["model"].startswith("digits/")


def test_a_digit_of_a_number_is_answered_as_it_would_be_alone(task: Digits) -> None:
    own = line(pieces=1)
    logits = np.random.default_rng(3).normal(0, 3, 10).tolist()
    logits[6] = 9.0
    [digit] = merge(task, [own], [logits])["digits"]
    alone = task.postprocess(logits, own.candidates[0].digit)
    for field in ("label", "confidence", "probabilities", "abstained", "reason"):
        assert digit[field] == alone[field]
