"""A published sentiment model is published again with int8 weights, its network being no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from service.contract.manifest import MANIFEST, Manifest, Parity, mismatched
from service.contract.probabilities import class_probabilities
from service.contract.text import VERSION, TextEncoder
from service.session import Session
from tests.committed import run_ids
from tests.running import DEADLINE, ROOT
from training.assessment import score
from training.batches import encode
from training.card import read_history
from training.datasets import Reviews, Splits, data_hashes
from training.export import MODEL, Form, Release, open_graph, publish
from training.golden import GOLDEN_TEXTS
from training.graphs import sentiment_graph
from training.lstm import SentimentLSTM
from training.progress import Epoch
from training.quantization import main, newest, publish_again
from training.vocabulary import build_tokenizer

MAX_TOKENS = 40
HISTORY = [Epoch(1, 0.6, 0.7, 0.5, 0.8, seconds=9), Epoch(2, 0.4, 0.8, 0.45, 0.85, seconds=9)]


def reviews(seed: int) -> Reviews:
    """60 texts of up to 50 words."""
    rng = np.random.default_rng(seed)
    words = ["good", "bad", "film", "plot", "the", "a", "was", "not", "very"]
    texts = [" ".join(rng.choice(words, length)) for length in rng.integers(1, 50, 60)]
    return Reviews(texts, rng.integers(0, 2, 60))


@pytest.fixture
def data() -> Splits[Reviews]:
    return Splits(*(reviews(seed) for seed in (1, 2, 3)))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data set of which only the hash counts."""
    folder = tmp_path / "data"
    (folder / "imdb").mkdir(parents=True)
    (folder / "imdb" / "train.csv.xz").write_bytes(b"reviews")
    return folder


@pytest.fixture
def published(tmp_path: Path, data: Splits[Reviews], data_dir: Path) -> Path:
    """Version 1, with a random network and fp32 alone."""
    tokenizer = build_tokenizer(data.train.texts, 30)
    torch.manual_seed(1)
    graph = sentiment_graph(SentimentLSTM(tokenizer.get_vocab_size(), 10, hidden=16).eval())
    encoder = TextEncoder(tokenizer, MAX_TOKENS)
    validation, test = (
        score(open_graph(graph), encode(part, encoder)) for part in (data.validation, data.test)
    )
    release = Release(
        name="sentiment",
        labels=["negative", "positive"],
        fp32=Form(MODEL, graph, validation, test),
        preprocessing=VERSION,
        recipe={"name": "default", "epochs": 2, "vectors": "glove.txt"},
        seed=11,
        data=data_hashes(data_dir / "imdb"),
        history=HISTORY,
        parity=Parity(samples=60, largest_difference=1e-7),
        golden=[],
        temperature=1.5,
        max_tokens=MAX_TOKENS,
        tokenizer=tokenizer.to_str(),
    )
    return publish(release, tmp_path / "models")


def manifest_of(folder: Path) -> Manifest:
    return Manifest.model_validate_json((folder / MANIFEST).read_bytes())


def test_the_next_version_has_the_same_weights_and_tells_the_same_story(
    published: Path, data: Splits[Reviews]
) -> None:
    again = publish_again(published, data, published.parents[1])
    assert again == published.with_name("2")
    before, after = manifest_of(published), manifest_of(again)
    assert mismatched(again, after.files) is None
    for name in (MODEL, "tokenizer.json"):
        assert (again / name).read_bytes() == (published / name).read_bytes()
    for field in ("labels", "inputs", "outputs", "preprocessing", "max_tokens", "parameters"):
        assert getattr(after, field) == getattr(before, field)
    for field in ("recipe", "seed", "data", "parity"):
        assert getattr(after, field) == getattr(before, field)
    told = [read_history((folder / "CARD.md").read_text()) for folder in (published, again)]
    assert told[0] == told[1] != []
    pictures = [(folder / "learning_curves.png").read_bytes() for folder in (published, again)]
    assert pictures[0] == pictures[1]


def test_both_forms_are_measured_on_the_same_reviews(
    published: Path, data: Splits[Reviews]
) -> None:
    manifest = manifest_of(publish_again(published, data, published.parents[1]))
    before, both = manifest_of(published), manifest.quantization
    assert both is not None
    assert (both.fp32.validation, both.fp32.test) == (before.validation, before.test)
    assert both.int8.test.samples == 60
    assert both.largest_difference < 0.02


def test_golden_cases_are_the_answers_of_the_form_that_serves(
    published: Path, data: Splits[Reviews]
) -> None:
    folder = publish_again(published, data, published.parents[1])
    manifest = manifest_of(folder)
    encoder = TextEncoder.load(folder / "tokenizer.json", MAX_TOKENS)
    session = Session(folder / manifest.serves, threads=1)
    for case in manifest.golden:
        logits = run_ids(session, [encoder.encode(case.text or "").ids])
        found = class_probabilities(logits, manifest.calibration.temperature)[0]
        assert tuple(found) == pytest.approx(case.probabilities, abs=1e-6)
    assert [case.text for case in manifest.golden] == GOLDEN_TEXTS


def test_a_damaged_version_is_not_published_again(published: Path, data: Splits[Reviews]) -> None:
    (published / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match=r"tokenizer\.json has 2 bytes"):
        publish_again(published, data, published.parents[1])
    assert [path.name for path in published.parent.iterdir()] == ["1"]


def test_the_newest_version_is_the_highest_number(tmp_path: Path) -> None:
    for name in ("2", "10", "9", ".11.partial", "notes"):
        (tmp_path / name).mkdir()
    assert newest(tmp_path).name == "10"


def test_a_shelf_without_a_version_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        newest(tmp_path)


def test_other_reviews_than_those_of_the_training_are_refused(
    published: Path, data_dir: Path
) -> None:
    (data_dir / "imdb" / "train.csv.xz").write_bytes(b"other reviews")
    with pytest.raises(SystemExit, match=r"are not those that .* was trained on"):
        main(data_dir, published.parents[1])


def test_a_folder_without_data_ends_the_command_with_a_clear_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "training.quantization", "--data-dir", "nowhere"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 2
    assert "no data in nowhere: run python -m training.data" in done.stderr
    assert "Traceback" not in done.stderr
