"""Publishing is all or nothing, and the figures in a manifest are what they are called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from pydantic import ValidationError

from service.contract.manifest import MANIFEST, Manifest, Parity, mismatched
from service.contract.probabilities import class_probabilities
from training.cnn import DigitCNN
from training.export import (
    Release,
    Scored,
    calibration_error,
    check_parity,
    fit_temperature,
    publish,
    wilson_interval,
)
from training.graphs import digits_graph
from training.progress import Epoch


@pytest.fixture(scope="module")
def graph() -> onnx.ModelProto:
    torch.manual_seed(1)
    return digits_graph(*DigitCNN().folded())


@pytest.fixture
def release(graph: onnx.ModelProto) -> Release:
    labels = np.arange(20) % 10
    scored = Scored(np.eye(10, dtype=np.float32)[labels] * 4, labels)
    return Release(
        name="digits",
        labels=[str(digit) for digit in range(10)],
        graph=graph,
        preprocessing=1,
        recipe={"name": "default", "epochs": 1},
        seed=1,
        data={},
        history=[Epoch(1, 2.0, 0.3, 1.9, 0.4, 1.0)],
        validation=scored,
        test=scored,
        parity=Parity(samples=20, largest_difference=0.0),
        golden=[],
        temperature=1.0,
    )


def test_versions_count_up_from_the_highest_number_there_is(
    release: Release, tmp_path: Path
) -> None:
    first = publish(release, tmp_path)
    assert first == tmp_path / "digits" / "1"
    (tmp_path / "digits" / "10").mkdir()
    (tmp_path / "digits" / "9").mkdir()
    (tmp_path / "digits" / "notes").mkdir()
    assert publish(release, tmp_path).name == "11"


def test_a_published_folder_is_whole_and_its_manifest_says_so(
    release: Release, tmp_path: Path
) -> None:
    folder = publish(release, tmp_path)
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    assert mismatched(folder, manifest.files) is None
    assert (manifest.name, manifest.version, manifest.parameters) == ("digits", 1, 93_322)
    assert manifest.test.correct == manifest.test.samples == 20
    written = {path.name for path in folder.iterdir()}
    assert written == {"model.onnx", MANIFEST, "CARD.md", "learning_curves.png", "confusion.png"}
    assert [path.name for path in (tmp_path / "digits").iterdir()] == ["1"]


@pytest.mark.parametrize(
    ("spoilt", "error"),
    [
        ({"labels": ["0", "1"]}, ValueError),  # the confusion matrix, after the graph
        ({"temperature": -1.0}, ValidationError),  # the manifest, after the pictures
        ({"recipe": {}}, KeyError),  # the card, after everything else
    ],
    ids=["pictures", "manifest", "card"],
)
def test_an_error_in_the_middle_leaves_no_version_and_no_manifest(
    release: Release, tmp_path: Path, spoilt: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        publish(replace(release, **spoilt), tmp_path)  # type: ignore[arg-type]
    assert list(tmp_path.rglob("model.onnx"))  # it did get as far as that
    assert not list(tmp_path.rglob(MANIFEST))
    assert not [path for path in (tmp_path / "digits").iterdir() if path.name.isdecimal()]

    assert publish(release, tmp_path).name == "1"
    assert [path.name for path in (tmp_path / "digits").iterdir()] == ["1"]


def test_parity_is_the_largest_difference_of_a_probability() -> None:
    reference = np.zeros((3, 1), np.float32)
    moved = np.array([[0], [4e-6], [-2e-5]], np.float32)
    parity = check_parity(reference, [reference, moved, reference])
    assert parity.samples == 3
    assert parity.largest_difference == pytest.approx(2e-5 / 4, rel=1e-3)  # slope of the sigmoid


@pytest.mark.parametrize("wrong", [1e-3, np.nan, np.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_graph_that_differs_is_refused_wherever_it_does(wrong: float, place: int) -> None:
    reference = np.zeros((3, 10), np.float32)
    runs = [reference.copy() for _ in range(3)]
    runs[place][2, 4] = wrong
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match="differ"):
        check_parity(reference, runs)


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
