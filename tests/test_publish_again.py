"""A published version is published again with int8 weights, its network being no more."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from runpy import run_path

import numpy as np
import pytest
import torch

from service.contract.image import read_digit
from service.contract.manifest import MANIFEST, Parity, mismatched
from service.contract.probabilities import class_probabilities
from service.contract.text import TextEncoder
from service.session import Session
from tests.committed import run_ids
from training import quantization
from training.abstention import choose_thresholds
from training.assessment import digits_release
from training.card import read_history
from training.cnn import DigitCNN
from training.datasets import Digits, Reviews, Splits, data_hashes
from training.export import MODEL, Origin, publish
from training.golden import GOLDEN_TEXTS, golden_images
from training.graphs import digits_graph, sentiment_graph
from training.lstm import SentimentLSTM
from training.progress import Epoch
from training.quantization import (
    DATA,
    digits_again,
    main,
    newest,
    read_manifest,
    sentiment_again,
)
from training.sentiment_assessment import sentiment_release
from training.vocabulary import build_tokenizer

MAX_TOKENS = 40


def origin(data_dir: Path, name: str) -> Origin:
    folder = data_dir / DATA[name]
    folder.mkdir(parents=True)
    (folder / "train").write_bytes(b"of which only the hash counts")
    return Origin(
        recipe={"name": "default", "epochs": 2, "vectors": "glove.txt"},
        seed=11,
        data=data_hashes(folder),
        history=[
            Epoch(1, 0.6, 0.7, 0.5, 0.8, seconds=9),
            Epoch(2, 0.4, 0.8, 0.45, 0.85, seconds=9),
        ],
        parity=Parity(samples=60, largest_difference=1e-7),
    )


@dataclass(frozen=True)
class Published:
    """Version 1 of a model, its network random and in fp32 alone, and what it was made with."""

    folder: Path
    data_dir: Path
    data: Splits[Digits] | Splits[Reviews]

    def again(self) -> Path:
        """Version 2, as the command publishes it."""
        release = (
            digits_again(self.folder, self.data)  # type: ignore[arg-type]
            if self.folder.parent.name == "digits"
            else sentiment_again(self.folder, self.data)  # type: ignore[arg-type]
        )
        return publish(release, self.folder.parents[1])


def pictures(seed: int) -> Digits:
    """60 pictures of noise."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (60, 28, 28), dtype=np.uint8)
    return Digits(images, rng.integers(0, 10, 60))


def reviews(seed: int) -> Reviews:
    """60 texts of up to 50 words."""
    rng = np.random.default_rng(seed)
    words = ["good", "bad", "film", "plot", "the", "a", "was", "not", "very"]
    texts = [" ".join(rng.choice(words, length)) for length in rng.integers(1, 50, 60)]
    return Reviews(texts, rng.integers(0, 2, 60))


@pytest.fixture(scope="module", params=["digits", "sentiment"])
def first(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Published:
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("published")
    data_dir = folder / "data"
    made = origin(data_dir, request.param)
    data: Splits[Digits] | Splits[Reviews]
    if request.param == "digits":
        data = Splits(*(pictures(seed) for seed in (1, 2, 3)))
        graph = digits_graph(*DigitCNN().folded())
        release = digits_release(graph, graph, data, made)
    else:
        data = Splits(*(reviews(seed) for seed in (1, 2, 3)))
        tokenizer = build_tokenizer(data.train.texts, 30)
        graph = sentiment_graph(SentimentLSTM(tokenizer.get_vocab_size(), 10, hidden=16).eval())
        release = sentiment_release(graph, graph, tokenizer, MAX_TOKENS, data, made)
    return Published(publish(replace(release, int8=None), folder / "models"), data_dir, data)


def copy(whole: Published, folder: Path) -> Published:
    shutil.copytree(whole.data_dir.parent, folder)
    version = whole.folder.relative_to(whole.data_dir.parent)
    return Published(folder / version, folder / "data", whole.data)


@pytest.fixture
def published(first: Published, tmp_path: Path) -> Published:
    """To change and to damage."""
    return copy(first, tmp_path / "copy")


@pytest.fixture(scope="module")
def again(first: Published, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 2, with version 1 beside it."""
    return copy(first, tmp_path_factory.mktemp("again") / "copy").again()


def test_the_next_version_has_the_same_weights_and_tells_the_same_story(
    again: Path,
) -> None:
    former = again.with_name("1")
    assert again.name == "2"
    before, after = read_manifest(former), read_manifest(again)
    assert mismatched(again, after.files) is None
    assert after.files.keys() == before.files.keys() | {"model.int8.onnx"}
    for name in before.files.keys() & {MODEL, "tokenizer.json", "learning_curves.png"}:
        assert (again / name).read_bytes() == (former / name).read_bytes()
    for field in ("labels", "inputs", "outputs", "preprocessing", "max_tokens", "parameters"):
        assert getattr(after, field) == getattr(before, field)
    for field in ("recipe", "seed", "data", "parity"):
        assert getattr(after, field) == getattr(before, field)
    told = [read_history((folder / "CARD.md").read_text()) for folder in (former, again)]
    assert told[0] == told[1] != []


def test_both_forms_are_measured_on_the_same_data(again: Path) -> None:
    before, manifest = read_manifest(again.with_name("1")), read_manifest(again)
    both = manifest.quantization
    assert both is not None
    assert (both.fp32.validation, both.fp32.test) == (before.validation, before.test)
    assert both.int8.test.samples == 60
    assert both.largest_difference < 0.02


def test_golden_cases_are_the_answers_of_the_form_that_serves(again: Path) -> None:
    manifest = read_manifest(again)
    session = Session((again / manifest.serves).read_bytes(), threads=1)
    for case in manifest.golden:
        if case.image is not None:
            logits = session.run({"image": read_digit(case.image).pixels[None]})
        else:
            encoder = TextEncoder.load(again / "tokenizer.json", MAX_TOKENS)
            logits = run_ids(session, [encoder.encode(case.text or "").ids])
        found = class_probabilities(logits, manifest.calibration.temperature)[0]
        assert tuple(found) == pytest.approx(case.probabilities, abs=1e-6)
    golden = [case.image or case.text for case in manifest.golden]
    assert golden in (golden_images(), GOLDEN_TEXTS)


@pytest.mark.parametrize("first", ["digits"], indirect=True)
def test_thresholds_leave_as_much_of_the_realistic_digits_and_validation_together(
    published: Published,
) -> None:
    realistic, others = pictures(4), pictures(5).images
    realistic.images[:3] = 0  # blank
    release = digits_again(published.folder, published.data, realistic, others)  # type: ignore[arg-type]
    validation, also, test = release.judged
    assert [len(part.right) for part in release.judged] == [60, 60, 60]
    assert test.part == "test"
    assert (also.scores[:3] == 0).all()
    assert also.scores[3:].all()
    assert release.abstention == choose_thresholds([validation, also])
    assert release.abstention != choose_thresholds([validation])
    assert release.non_digit_scores is not None
    assert len(release.non_digit_scores) == 60
    card = (publish(release, published.folder.parents[1]) / "CARD.md").read_text(encoding="utf-8")
    assert "Of 60 pictures that show no digit" in card


def test_a_damaged_version_is_not_published_again(published: Published) -> None:
    (published.folder / MODEL).write_text("{}")
    with pytest.raises(ValueError, match=r"model\.onnx has 2 bytes"):
        published.again()
    assert [path.name for path in published.folder.parent.iterdir()] == ["1"]


def test_a_version_of_other_preprocessing_is_not_published_again(published: Published) -> None:
    manifest = read_manifest(published.folder).model_copy(update={"preprocessing": 99})
    (published.folder / MANIFEST).write_text(manifest.model_dump_json())
    with pytest.raises(ValueError, match="other preprocessing"):
        published.again()


def test_other_data_than_that_of_the_training_is_refused(published: Published) -> None:
    name = published.folder.parent.name
    (published.data_dir / DATA[name] / "train").write_bytes(b"other data")
    with pytest.raises(SystemExit, match=r"is not what .* was trained on"):
        main(name, published.data_dir, published.folder.parents[1])


def test_the_newest_version_is_the_highest_number(tmp_path: Path) -> None:
    for name in ("2", "10", "9", ".11.partial", "notes"):
        (tmp_path / name).mkdir()
    assert newest(tmp_path).name == "10"


def test_a_shelf_without_a_version_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        newest(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["digits", "--data-dir", "nowhere"], "no data in nowhere: run python -m training.data"),
        ([], "the following arguments are required: name"),
        (["cats"], "invalid choice: 'cats'"),
    ],
)
def test_a_wrong_command_ends_with_a_clear_line(
    arguments: list[str],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["training.quantization", *arguments])
    with pytest.raises(SystemExit) as ended:
        run_path(quantization.__file__, run_name="__main__")
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err
