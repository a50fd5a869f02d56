"""The committed models are whole, are what the design says, and are as good as they claim."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.contract import image, text
from service.contract.image import read_digit
from service.contract.manifest import Tensor, mismatched
from service.contract.probabilities import class_probabilities
from tests.committed import Committed, committed, run_ids
from training.golden import GOLDEN_TEXTS, golden_images
from training.scores import wilson_interval

GOLDEN_TOLERANCE = 1e-3
MAX_BYTES = 40_000_000


@pytest.fixture(scope="module")
def digits(models_dir: Path) -> Committed:
    return committed(models_dir, "digits")


@pytest.fixture(scope="module")
def sentiment(models_dir: Path) -> Committed:
    return committed(models_dir, "sentiment")


@pytest.fixture(scope="module", params=["digits", "sentiment"])
def model(request: pytest.FixtureRequest, models_dir: Path) -> Committed:
    """Either."""
    return committed(models_dir, request.param)


def test_every_file_is_the_one_that_was_published(model: Committed) -> None:
    assert mismatched(model.folder, model.manifest.files) is None
    assert model.manifest.serves in model.manifest.files
    assert "model.onnx" in model.manifest.files


def test_manifest_belongs_to_its_folder(model: Committed) -> None:
    manifest = model.manifest
    assert (manifest.name, str(manifest.version)) == (model.folder.parent.name, model.folder.name)


def test_the_folder_holds_the_two_models_and_nothing_half_written(models_dir: Path) -> None:
    shelves = sorted(path.name for path in models_dir.iterdir() if path.is_dir())
    assert shelves == ["digits", "sentiment"]
    assert not list(models_dir.glob("*/.*"))


def test_digits_take_pictures_and_give_ten_logits(digits: Committed) -> None:
    manifest = digits.manifest
    assert manifest.inputs == {"image": Tensor(type="uint8", shape=("batch", 1, 28, 28))}
    assert manifest.outputs == {"logits": Tensor(type="float", shape=("batch", 10))}
    assert manifest.labels == tuple("0123456789")
    assert manifest.preprocessing == image.VERSION
    assert manifest.max_tokens is None


def test_sentiment_takes_ids_and_lengths_and_gives_one_logit(sentiment: Committed) -> None:
    manifest = sentiment.manifest
    assert manifest.inputs == {
        "ids": Tensor(type="int64", shape=("batch", "time")),
        "lengths": Tensor(type="int32", shape=("batch",)),
    }
    assert manifest.outputs == {"logits": Tensor(type="float", shape=("batch", 1))}
    assert manifest.labels == ("negative", "positive")
    assert manifest.preprocessing == text.VERSION
    assert "tokenizer.json" in manifest.files


def test_graphs_have_the_signature_of_their_manifest(model: Committed) -> None:
    promised = {**model.manifest.inputs, **model.manifest.outputs}
    signature = {name: (tensor.type, tensor.shape) for name, tensor in promised.items()}
    assert model.session().signature() == signature


def test_parameters_are_counted(digits: Committed, sentiment: Committed) -> None:
    """Two directions of two LSTM layers of 256 units, then 513 of the output."""
    embedding = sentiment.encoder().vocabulary_size * 100
    layers = [2 * 4 * 256 * (width + 256 + 2) for width in (100, 512)]
    assert digits.manifest.parameters == 93_322
    assert sentiment.manifest.parameters == embedding + sum(layers) + 513


def test_all_models_together_stay_small_enough_to_commit(models_dir: Path) -> None:
    sizes = [path.stat().st_size for path in models_dir.rglob("*") if path.is_file()]
    assert sum(sizes) < MAX_BYTES


def test_card_tells_the_measured_accuracy_and_shows_its_pictures(model: Committed) -> None:
    card = (model.folder / "CARD.md").read_text(encoding="utf-8")
    assert f"{model.manifest.test.accuracy:.2%}" in card
    shown = re.findall(r"!\[.+\]\((.+)\)", card)
    judged = {"reliability.png", "risk_coverage.png"} if model.manifest.abstention else set()
    assert set(shown) == {"confusion.png", "learning_curves.png"} | judged
    for name in shown:
        with Image.open(model.folder / name) as picture:
            assert min(picture.size) > 200


def test_torch_and_onnx_agreed_on_a_thousand_inputs_or_more(model: Committed) -> None:
    assert model.manifest.parity.samples >= 1_000
    assert model.manifest.parity.largest_difference < 1e-5


@pytest.mark.parametrize(
    ("name", "samples", "least"), [("digits", 10_000, 0.994), ("sentiment", 25_000, 0.88)]
)
def test_accuracy_on_the_whole_test_set_is_good(
    models_dir: Path, name: str, samples: int, least: float
) -> None:
    measured = committed(models_dir, name).manifest.test
    assert measured.samples == samples
    assert measured.accuracy >= least


def test_recorded_figures_fit_together(model: Committed) -> None:
    figures = [model.manifest.test, model.manifest.validation]
    if both := model.manifest.quantization:
        figures += [
            each for form in (both.fp32, both.int8) for each in (form.test, form.validation)
        ]
    for measured in figures:
        assert measured.accuracy == measured.correct / measured.samples
        assert measured.interval == wilson_interval(measured.correct, measured.samples)


def test_mood_is_served_in_int8_which_cost_no_accuracy(sentiment: Committed) -> None:
    manifest, both = sentiment.manifest, sentiment.manifest.quantization
    assert both is not None
    assert manifest.serves == "model.int8.onnx"
    assert (manifest.validation, manifest.test) == (both.int8.validation, both.int8.test)
    assert abs(both.int8.test.accuracy - both.fp32.test.accuracy) <= 0.001
    moved = abs(both.int8.test.correct - both.fp32.test.correct)
    assert moved <= both.changed_labels <= 0.005 * manifest.test.samples
    assert both.largest_difference < 0.05


def test_golden_digits_are_labelled_as_they_were_drawn(digits: Committed) -> None:
    assert [case.label for case in digits.manifest.golden] == list("0123456789")


def test_golden_digits_are_the_ones_that_the_project_draws(digits: Committed) -> None:
    """But for what another version of Pillow may draw otherwise."""
    for case, drawn in zip(digits.manifest.golden, golden_images(), strict=True):
        assert case.image is not None
        stored = read_digit(case.image).pixels.astype(float)
        assert np.abs(stored - read_digit(drawn).pixels).mean() < 2


def test_golden_texts_praise_and_blame_in_turns(sentiment: Committed) -> None:
    cases = sentiment.manifest.golden
    assert [case.text for case in cases] == GOLDEN_TEXTS
    turns = itertools.cycle(["positive", "negative"])
    assert [case.label for case in cases] == [label for label, _ in zip(turns, cases, strict=False)]


def test_golden_cases_are_answered_as_published(digits: Committed, sentiment: Committed) -> None:
    encoder, session = sentiment.encoder(), sentiment.session()
    read = [read_digit(case.image or b"").pixels for case in digits.manifest.golden]
    rows = [encoder.encode(case.text or "").ids for case in sentiment.manifest.golden]
    answers = [
        (digits.manifest, digits.session().run({"image": np.stack(read)})),
        (sentiment.manifest, run_ids(session, rows)),
    ]
    for manifest, logits in answers:
        found = class_probabilities(logits, manifest.calibration.temperature)
        published = np.array([case.probabilities for case in manifest.golden])
        np.testing.assert_allclose(found, published, atol=GOLDEN_TOLERANCE, rtol=0)
        labels = [manifest.labels[i] for i in published.argmax(axis=1)]
        assert labels == [case.label for case in manifest.golden]
