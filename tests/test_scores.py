"""The figures in a manifest are what they are called."""

from __future__ import annotations

import numpy as np
import pytest

from service.contract.probabilities import class_probabilities
from training.scores import (
    Scored,
    accuracy_at_coverage,
    auroc,
    calibration_error,
    confidence_gap,
    fit_temperature,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("correct", "samples", "low", "high"),
    [
        (5, 10, 0.2366, 0.7634),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),  # Newcombe, Statistics in Medicine 17 (1998), table I
        (15, 148, 0.0624, 0.1605),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_gives_published_values(
    correct: int, samples: int, low: float, high: float
) -> None:
    assert wilson_interval(correct, samples) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize("classes", [1, 10])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_temperature_is_found_again(classes: int, temperature: float) -> None:
    """Labels drawn from the probabilities of logits that are then made too large or too small."""
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (20_000, classes)).astype(np.float32)
    cumulated = class_probabilities(logits, 1.0).cumsum(axis=1)
    labels = (rng.uniform(size=(20_000, 1)) > cumulated[:, :-1]).sum(axis=1)
    distorted = Scored((logits * temperature).astype(np.float32), labels)
    assert fit_temperature(distorted) == pytest.approx(temperature, rel=0.05)


def test_temperature_never_changes_which_label_is_the_most_probable() -> None:
    logits = np.random.default_rng(2).normal(0, 3, (500, 10)).astype(np.float32)
    labels = class_probabilities(logits, 1.0).argmax(axis=1)
    for temperature in (0.1, 10.0):
        np.testing.assert_array_equal(
            class_probabilities(logits, temperature).argmax(axis=1), labels
        )


def test_a_temperature_for_two_parts_is_that_of_both_taken_together() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 3, (900, 10)).astype(np.float32)
    labels = np.where(rng.random(900) < 0.7, logits.argmax(axis=1), rng.integers(0, 10, 900))
    parts = [Scored(logits[part], labels[part]) for part in (slice(0, 600), slice(600, 900))]
    assert fit_temperature(*parts) == fit_temperature(Scored(logits, labels))
    assert fit_temperature(parts[0]) != fit_temperature(*parts)


def scored(*groups: tuple[float, int, int]) -> Scored:
    """For each (confidence in positive, samples, positive among them) that many log-odds."""
    logits = [np.log(p / (1 - p)) for p, count, _ in groups for _ in range(count)]
    labels = [int(i < positive) for _, count, positive in groups for i in range(count)]
    return Scored(np.array(logits, np.float32)[:, None], np.array(labels))


def test_calibration_error_of_perfectly_calibrated_answers_is_zero() -> None:
    perfect = scored((0.75, 4, 3), (0.9, 10, 9), (0.2, 5, 1), (0.5, 2, 1))
    assert calibration_error(perfect, 1.0) == pytest.approx(0, abs=1e-6)


def test_calibration_error_is_the_mean_distance_of_confidence_and_accuracy() -> None:
    """0.75 sure and right 1 time in 4, 0.9 sure and always right: (4 * 0.5 + 6 * 0.1) / 10."""
    assert calibration_error(scored((0.75, 4, 1), (0.9, 6, 6)), 1.0) == pytest.approx(0.26)


def test_calibration_error_counts_answers_that_are_entirely_sure() -> None:
    sure = Scored(np.array([[500.0], [500.0]], np.float32), np.array([1, 0]))
    assert calibration_error(sure, 1.0) == pytest.approx(0.5)


def test_confidence_gap_is_taken_by_bins_in_which_too_much_and_too_little_cancel() -> None:
    """Of 15 bins: (0.61, 0.65) together, right once of two, and 0.99 alone, right."""
    confidence = np.array([0.61, 0.65, 0.99])
    gap = confidence_gap(confidence, np.array([True, False, True]))
    assert gap == pytest.approx((abs(1.26 - 1) + 0.01) / 3)


def test_accuracy_at_coverage_is_that_of_the_most_confident() -> None:
    confidence = np.array([0.2, 0.9, 0.5, 0.8, 0.4])
    right = np.array([False, True, False, True, True])
    found = [accuracy_at_coverage(confidence, right, share) for share in (0.4, 0.5, 0.8, 1.0)]
    assert found == pytest.approx([1.0, 2 / 3, 3 / 4, 3 / 5])


def test_auroc_is_the_share_of_pairs_in_order_and_counts_ties_by_half() -> None:
    positive, negative = np.array([0.9, 0.6, 0.3, 0.6]), np.array([0.1, 0.6, 0.7])
    pairs = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
    assert auroc(positive, negative) == pytest.approx(sum(pairs) / len(pairs))
    assert auroc(positive, positive) == pytest.approx(0.5)
    assert auroc(positive + 1, negative) == 1.0
