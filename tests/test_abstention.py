"""The service says so when a picture is not to be read, and why."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from service.contract.image import DigitImage, read_digit
from service.contract.manifest import Abstention
from service.contract.pieces import are_several
from service.contract.probabilities import digit_score
from service.digits import Digits, reason
from tests.committed import committed
from training.abstention import Judged, choose_thresholds, digit_scores, judge
from training.datasets import load_digits
from training.golden import as_bytes, draw_digit
from training.scores import Scored

Pixels = npt.NDArray[np.uint8]

THRESHOLDS = Abstention(coverage=0.99, min_confidence=0.6, min_digit_score=0.4)
SEVEN = read_digit(as_bytes(draw_digit(7)))
BLANK = DigitImage(np.zeros((1, 28, 28), np.uint8), None)


def side_by_side(*labels: int, gap: int = 12) -> DigitImage:
    """Digits drawn in one picture, as the service reads it."""
    drawn = [
        np.asarray(draw_digit(label, canvas=(90 + gap, 200), corner=(gap // 2, 30)))
        for label in labels
    ]
    return read_digit(as_bytes(Image.fromarray(np.pad(np.hstack(drawn), 40, constant_values=255))))


@pytest.mark.parametrize("shift", [-800.0, -20.0, 0.0, 20.0, 800.0])
def test_digit_score_is_the_share_of_digits_in_a_softmax_with_an_eleventh_logit_of_zero(
    shift: float,
) -> None:
    logits = [shift + each for each in (0.5, -2.0, 3.0, 0.0, 1.0, -4.0, 2.5, 0.1, 0.2, -1.0)]
    odds = np.logaddexp.reduce(logits)
    expected = 1 / (1 + math.exp(-odds)) if odds > -700 else 0
    assert digit_score(logits) == pytest.approx(expected, rel=1e-12)


def test_digit_score_rises_with_every_logit() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        logits = rng.normal(0, 3, 10)
        higher = logits.copy()
        higher[rng.integers(10)] += 0.5
        assert digit_score(list(higher)) > digit_score(list(logits))


def test_scores_of_many_rows_are_those_of_each() -> None:
    logits = np.random.default_rng(2).normal(0, 3, (20, 10)).astype(np.float32)
    assert digit_scores(logits).tolist() == [digit_score(row) for row in logits.tolist()]


@pytest.mark.parametrize(
    ("digit", "score", "confidence", "expected"),
    [
        (SEVEN, 0.9, 0.9, None),
        (SEVEN, 0.4, 0.6, None),  # on the thresholds
        (SEVEN, 0.9, 0.59, "uncertain"),
        (SEVEN, 0.39, 0.99, "not_a_digit"),
        (SEVEN, 0.39, 0.1, "not_a_digit"),
        (side_by_side(4, 7), 0.39, 0.1, "several_digits"),
        (side_by_side(4, 7), 0.9, 0.99, None),
        (BLANK, 0.0, 0.99, "blank"),
        (BLANK, 1.0, 0.99, "blank"),
    ],
)
def test_the_reason_is_the_first_that_holds(
    digit: DigitImage, score: float, confidence: float, expected: str | None
) -> None:
    assert reason(digit, score, confidence, THRESHOLDS) == expected


@pytest.fixture(scope="module")
def task(models_dir: Path) -> Digits:
    """The digit model with thresholds of our own."""
    model = committed(models_dir, "digits")
    return Digits(model.manifest.model_copy(update={"abstention": THRESHOLDS}), {})


@pytest.fixture(scope="module")
def older(models_dir: Path) -> Digits:
    """A version that was published without thresholds."""
    model = committed(models_dir, "digits")
    return Digits(model.manifest.model_copy(update={"abstention": None}), {})


CLEAR, TORN, NOTHING = [9.0] + [-9.0] * 9, [5.0] * 2 + [-9.0] * 8, [-5.0] + [-9.0] * 9


@pytest.mark.parametrize(
    ("logits", "expected"), [(CLEAR, None), (TORN, "uncertain"), (NOTHING, "not_a_digit")]
)
def test_an_answer_says_whether_to_believe_it(
    task: Digits, logits: list[float], expected: str | None
) -> None:
    answer = task.postprocess(logits, SEVEN)
    assert (answer["abstained"], answer["reason"]) == (expected is not None, expected)
    assert answer["digit_score"] == digit_score(logits)
    assert answer["label"] == 0
    assert sum(answer["probabilities"]) == pytest.approx(1)


def test_a_blank_picture_is_no_digit_whatever_the_model_says(task: Digits) -> None:
    answer = task.postprocess(CLEAR, BLANK)
    assert (answer["digit_score"], answer["abstained"], answer["reason"]) == (0, True, "blank")
    assert answer["label"] == 0
    assert len(answer["probabilities"]) == 10


def test_a_version_without_thresholds_abstains_from_blank_pictures_only(older: Digits) -> None:
    for logits in (CLEAR, TORN, NOTHING):
        assert older.postprocess(logits, SEVEN)["reason"] is None
        assert older.postprocess(logits, BLANK)["reason"] == "blank"


def composed(images: list[Pixels], gap: int) -> DigitImage:
    """Digits (28, 28) with so many columns between their ink, enlarged, as the service reads it."""
    parts = []
    for image in images:
        left, _, width, _ = cv2.boundingRect(image)
        parts.append(np.pad(image[:, left : left + width], ((0, 0), (0, gap))))
    row = np.pad(np.hstack(parts), 20)
    large = cv2.resize(row, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    return read_digit(as_bytes(Image.fromarray(255 - large)))


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("gap", [0, 2, 5, 9])
def test_most_digits_side_by_side_look_like_several(data_dir: Path, count: int, gap: int) -> None:
    strokes = load_digits(data_dir).validation.images
    rng = np.random.default_rng(3)
    read = [composed(list(strokes[rng.integers(len(strokes), size=count)]), gap) for _ in range(60)]
    assert np.mean([are_several(digit.pixels[0]) for digit in read]) > 0.85


def test_hardly_any_digit_alone_looks_like_several(data_dir: Path) -> None:
    alone = load_digits(data_dir).validation.sample(300).images
    assert np.mean([are_several(image) for image in alone]) < 0.02


def test_a_drawing_in_one_piece_or_around_another_is_not_several() -> None:
    house, face, cross = (np.zeros((28, 28), np.uint8) for _ in range(3))
    cv2.rectangle(house, (6, 14), (21, 23), 255, 2)
    cv2.polylines(house, [np.array([[5, 14], [14, 4], [22, 14]])], False, 255, 2)
    cv2.circle(face, (14, 14), 9, 255, 2)
    for eye in ((11, 12), (17, 12)):
        cv2.circle(face, eye, 1, 255, -1)
    cv2.line(cross, (5, 14), (23, 14), 255, 3)
    cv2.line(cross, (14, 5), (14, 23), 255, 3)
    for drawing in (house, face, cross, np.zeros((28, 28), np.uint8)):
        assert not are_several(drawing)


def drawn_scores(count: int, seed: int) -> Judged:
    rng = np.random.default_rng(seed)
    return Judged("made", rng.beta(5, 1, count), rng.beta(9, 1, count), rng.random(count) < 0.9)


@pytest.mark.parametrize("count", [2, 7, 199, 1_000, 6_000])
def test_thresholds_leave_99_percent_of_what_is_read_right_half_of_the_rest_to_the_score(
    count: int,
) -> None:
    part = drawn_scores(count, seed=count)
    thresholds = choose_thresholds([part])
    right = int(part.right.sum())
    assert (part.scores[part.right] < thresholds.min_digit_score).sum() == int(0.005 * right)
    assert part.believed(thresholds)[part.right].sum() == right - int(0.01 * right)
    assert thresholds.coverage == part.believed(thresholds).mean()


def test_digits_read_wrong_change_no_threshold() -> None:
    part = drawn_scores(1_000, seed=3)
    worse = Judged("worse", part.confidence.copy(), part.scores.copy(), part.right)
    worse.confidence[~part.right] = worse.scores[~part.right] = 0
    chosen, same = choose_thresholds([part]), choose_thresholds([worse])
    assert same.model_copy(update={"coverage": chosen.coverage}) == chosen
    assert same.coverage < chosen.coverage


def test_thresholds_are_as_high_as_they_can_be() -> None:
    part = drawn_scores(6_000, seed=4)
    chosen = choose_thresholds([part])
    for name, allowed in (("min_digit_score", 0.995), ("min_confidence", 0.99)):
        higher = {name: np.nextafter(getattr(chosen, name), 1)}
        assert part.believed(chosen.model_copy(update=higher))[part.right].mean() < allowed


def test_thresholds_count_the_digits_of_all_parts_together() -> None:
    parts = [drawn_scores(300, seed=5), drawn_scores(1_700, seed=6)]
    both = Judged(
        "both",
        np.concatenate([part.confidence for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.right for part in parts]),
    )
    assert choose_thresholds(parts) == choose_thresholds([both])


def test_digits_that_all_score_alike_lose_none_to_the_score() -> None:
    same = Judged("same", np.full(500, 0.8), np.full(500, 0.9), np.full(500, True))
    assert choose_thresholds([same]) == Abstention(
        coverage=1, min_confidence=0.8, min_digit_score=0.9
    )


def test_judged_answers_are_those_of_the_service(task: Digits, models_dir: Path) -> None:
    """For a part with a blank picture at its end."""
    logits = np.random.default_rng(7).normal(0, 3, (30, 10)).astype(np.float32)
    shown = np.arange(30) < 29
    temperature = committed(models_dir, "digits").manifest.calibration.temperature
    told = [
        task.postprocess(row, SEVEN if some else BLANK)
        for row, some in zip(logits.tolist(), shown, strict=True)
    ]
    labels = np.arange(30) % 10
    judged = judge("made", Scored(logits, labels), temperature, shown)
    assert judged.confidence.tolist() == [answer["confidence"] for answer in told]
    assert judged.scores.tolist() == [answer["digit_score"] for answer in told]
    assert judged.right.tolist() == [a["label"] == b for a, b in zip(told, labels, strict=True)]
    assert judged.believed(THRESHOLDS).tolist() == [not answer["abstained"] for answer in told]


def test_risk_counts_the_wrong_among_those_that_are_left() -> None:
    part = Judged(
        "made",
        confidence=np.array([0.9, 0.9, 0.5, 0.9]),
        scores=np.array([0.9, 0.8, 0.9, 0.1]),
        right=np.array([True, False, True, False]),
    )
    assert part.coverage_and_risk(THRESHOLDS) == (0.5, 0.5)
    coverage, risk = part.risk_by_coverage()
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert risk.tolist() == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])


def test_where_none_is_left_there_is_no_risk() -> None:
    part = Judged("made", np.array([0.1]), np.array([0.1]), np.array([False]))
    assert part.coverage_and_risk(THRESHOLDS) == (0, 0)
