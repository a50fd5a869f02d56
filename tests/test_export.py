"""Publishing is all or nothing, and serves int8 only where it costs no accuracy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from pydantic import ValidationError

from service.contract.manifest import MANIFEST, Abstention, Manifest, Parity, mismatched
from training.abstention import Judged
from training.card import read_history
from training.cnn import DigitCNN
from training.export import INT8, MODEL, Form, Origin, Release, check_parity, publish
from training.graphs import digits_graph
from training.progress import Epoch
from training.scores import Scored

ORIGIN = Origin(
    recipe={"name": "default", "epochs": 1},
    seed=1,
    data={},
    history=[Epoch(1, 2.0, 0.3, 1.9, 0.4, 1.0)],
    parity=Parity(samples=20, largest_difference=0.0),
)


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
        fp32=Form(MODEL, graph, scored, scored),
        preprocessing=1,
        origin=ORIGIN,
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


def test_a_model_that_abstains_is_published_with_its_thresholds_and_what_they_cost(
    release: Release, tmp_path: Path
) -> None:
    part = Judged(
        "validation",
        confidence=np.array([0.99, 0.9, 0.7, 0.8]),
        scores=np.array([0.99, 0.9, 0.8, 0.1]),
        right=np.array([True, False, True, False]),
    )
    thresholds = Abstention(coverage=0.5, min_confidence=0.75, min_digit_score=0.25)
    abstaining = replace(
        release, abstention=thresholds, judged=[part], non_digit_scores=np.array([0.2, 0.85])
    )
    folder = publish(abstaining, tmp_path)
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    assert manifest.abstention == thresholds
    assert {"reliability.png", "risk_coverage.png"} <= manifest.files.keys()
    assert mismatched(folder, manifest.files) is None
    card = (folder / "CARD.md").read_text(encoding="utf-8")
    assert "| validation | 4 | 50.00% |" in card
    assert "| 50.00% | 50.00% |" in card  # coverage and risk: the first two, of which one is wrong
    assert "digit score is below 0.2500" in card
    assert "50.0% are\nbelow the threshold" in card
    assert "is 0.6250" in card  # the digits above the others in five pairs of eight
    assert len(read_history(card)) == 1  # no other table is taken for that of the epochs


@pytest.mark.parametrize(
    ("spoilt", "error"),
    [
        ({"labels": ["0", "1"]}, ValueError),  # the confusion matrix, after the graph
        ({"temperature": -1.0}, ValidationError),  # the manifest, after the pictures
        ({"origin": replace(ORIGIN, recipe={})}, KeyError),  # the card, after everything else
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


def answering(wrong: int, samples: int = 2_000) -> Scored:
    """Answers of which that many are wrong."""
    labels = np.arange(samples) % 10
    answers = np.where(np.arange(samples) < wrong, (labels + 1) % 10, labels)
    return Scored(np.eye(10, dtype=np.float32)[answers] * 4, labels)


def with_int8(release: Release, wrong: int) -> Release:
    """Errors on validation and test: fp32 10 and 30, int8 `wrong` and 40."""
    graph = release.fp32.graph
    return replace(
        release,
        fp32=Form(MODEL, graph, answering(10), answering(30)),
        int8=Form(INT8, graph, answering(wrong), answering(40)),
    )


@pytest.mark.parametrize(
    ("wrong", "serves"), [(10, INT8), (12, INT8), (14, INT8), (7, INT8), (15, MODEL), (900, MODEL)]
)
def test_int8_serves_unless_validation_shows_that_it_loses_more_than_a_tenth_of_a_point(
    release: Release, tmp_path: Path, wrong: int, serves: str
) -> None:
    folder = publish(with_int8(release, wrong), tmp_path)
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    assert manifest.serves == serves
    assert {MODEL, INT8} <= manifest.files.keys()
    assert mismatched(folder, manifest.files) is None


@pytest.mark.parametrize("wrong", [11, 900], ids=["int8_serves", "fp32_serves"])
def test_figures_of_a_manifest_are_those_of_the_form_that_serves(
    release: Release, tmp_path: Path, wrong: int
) -> None:
    folder = publish(with_int8(release, wrong), tmp_path)
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    both = manifest.quantization
    assert both is not None
    served = both.int8 if manifest.serves == INT8 else both.fp32
    assert (manifest.validation, manifest.test) == (served.validation, served.test)
    assert [form.test.correct for form in (both.fp32, both.int8)] == [1_970, 1_960]
    assert [form.validation.correct for form in (both.fp32, both.int8)] == [1_990, 2_000 - wrong]
    assert both.changed_labels == 10
    odds = np.exp(4.0)
    assert both.largest_difference == pytest.approx((odds - 1) / (odds + 9))
    card = (folder / "CARD.md").read_text(encoding="utf-8")
    assert f"`{manifest.serves}` serves" in card
    assert "98.50%, 99.50%" in card  # fp32, test and validation


def test_a_model_of_one_form_says_nothing_of_int8(release: Release, tmp_path: Path) -> None:
    folder = publish(release, tmp_path)
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    assert (manifest.serves, manifest.quantization) == (MODEL, None)
    assert "int8" not in (folder / "CARD.md").read_text(encoding="utf-8")


def test_a_card_gives_back_the_history_that_it_tells(release: Release, tmp_path: Path) -> None:
    history = [
        Epoch(1, 2.0, 0.3, 1.9, 0.4, seconds=0),
        Epoch(12, 0.1234, 0.9561, 0.2, 1.0, seconds=0),
    ]
    folder = publish(replace(release, origin=replace(ORIGIN, history=history)), tmp_path)
    assert read_history((folder / "CARD.md").read_text(encoding="utf-8")) == history
