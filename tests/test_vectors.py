"""Word vectors to start from: from a file in GloVe's format, or learnt from the texts."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from tests.running import ROOT
from training.compute import seed_everything
from training.lstm import SentimentLSTM
from training.options import Options
from training.sentiment import embedded
from training.sentiment_recipes import RECIPES
from training.vectors import Vectors, read_glove, train_word2vec
from training.vocabulary import build_tokenizer

TEXTS = ["good fine film", "bad dull film", "good film", "bad film!", "café don't"] * 20


@pytest.fixture
def tokenizer() -> Tokenizer:
    return build_tokenizer(TEXTS, 100)


@pytest.fixture
def glove(tmp_path: Path) -> Path:
    path = tmp_path / "glove.txt"
    path.write_text(
        "good 1 2 3 4\nunerhört 9 9 9 9\nbad -1 -2 -3 -4\ncafe 0.5 -1e-1 0 2\n! 0 0 0 1\n",
        encoding="utf-8",
    )
    return path


def row(vectors: Vectors, tokenizer: Tokenizer, word: str) -> Vectors:
    found: Vectors = vectors[tokenizer.token_to_id(word)]
    return found


def test_words_of_the_file_get_its_vectors_up_to_one_common_factor(
    glove: Path, tokenizer: Tokenizer
) -> None:
    vectors = read_glove(glove, tokenizer, 4, seed=1)
    assert vectors.shape == (tokenizer.get_vocab_size(), 4)
    assert vectors.dtype == np.float32
    assert vectors.std() == pytest.approx(0.3, rel=1e-5)
    factor = row(vectors, tokenizer, "good")[0]
    for word, numbers in {
        "good": [1, 2, 3, 4],
        "bad": [-1, -2, -3, -4],
        "cafe": [0.5, -0.1, 0, 2],
        "!": [0, 0, 0, 1],
    }.items():
        np.testing.assert_allclose(
            row(vectors, tokenizer, word), np.array(numbers) * factor, rtol=1e-5, atol=1e-7
        )


def test_words_that_the_file_lacks_get_small_vectors_that_the_seed_repeats(
    glove: Path, tokenizer: Tokenizer
) -> None:
    first, again, other = (read_glove(glove, tokenizer, 4, seed) for seed in (1, 1, 2))
    lacking = row(first, tokenizer, "don't")
    assert 0 < np.abs(lacking).max() < np.abs(row(first, tokenizer, "good")).max() / 4
    np.testing.assert_array_equal(first, again)
    assert (row(other, tokenizer, "don't") != lacking).all()


@pytest.mark.parametrize(("line", "count"), [("film 1 2 3", 3), ("film 1 2 3 4 5", 5), ("film", 0)])
def test_another_number_of_dimensions_is_refused_with_its_line(
    glove: Path, tokenizer: Tokenizer, line: str, count: int
) -> None:
    with glove.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    with pytest.raises(ValueError, match=rf"line 6: {count} numbers where 4 are needed"):
        read_glove(glove, tokenizer, 4, seed=1)


def test_a_run_starts_from_the_file_that_was_named(glove: Path, tokenizer: Tokenizer) -> None:
    options = Options("default", Path(), Path(), "cpu", 1, None, dry_run=True, vectors=glove)
    model = embedded(tokenizer, TEXTS, replace(RECIPES["default"], embedding=4), options)
    np.testing.assert_array_equal(
        model.embedding.weight.detach(), read_glove(glove, tokenizer, 4, seed=1)
    )


def test_a_file_of_other_vectors_ends_the_run_with_its_line(
    glove: Path, tokenizer: Tokenizer
) -> None:
    options = Options("default", Path(), Path(), "cpu", 1, None, dry_run=True, vectors=glove)
    with pytest.raises(SystemExit, match="line 1: 4 numbers where 100 are needed"):
        embedded(tokenizer, TEXTS, RECIPES["default"], options)


def test_the_reference_recipe_starts_from_random_vectors(tokenizer: Tokenizer) -> None:
    options = Options("reference", Path(), Path(), "cpu", 1, None, dry_run=True)
    seed_everything(2)
    model = embedded(tokenizer, TEXTS, RECIPES["reference"], options)
    seed_everything(2)
    fresh = SentimentLSTM(tokenizer.get_vocab_size())
    assert torch.equal(model.embedding.weight, fresh.embedding.weight)


def test_vectors_that_were_learnt_are_kept_for_a_resume(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = replace(RECIPES["default"], embedding=8)
    options = Options("default", Path(), Path(), "cpu", 1, None, dry_run=True)
    first = embedded(tokenizer, TEXTS, recipe, options)
    with monkeypatch.context() as kept:
        kept.setattr("training.vectors.train_word2vec", None)
        again = embedded(tokenizer, TEXTS, recipe, options)
    assert torch.equal(first.embedding.weight, again.embedding.weight)
    others = embedded(tokenizer, TEXTS[:1], recipe, options)
    assert not torch.equal(first.embedding.weight, others.embedding.weight)
    learnt = train_word2vec(TEXTS, tokenizer, 8, recipe.word2vec_epochs, seed=1)
    np.testing.assert_array_equal(first.embedding.weight.detach(), learnt)
    assert [path.name for path in options.work_dir("sentiment").iterdir()] == ["word2vec.pt"]


def test_learnt_vectors_know_every_word_of_the_texts(tokenizer: Tokenizer) -> None:
    vectors = train_word2vec(TEXTS, tokenizer, 8, epochs=2, seed=1)
    assert vectors.shape == (tokenizer.get_vocab_size(), 8)
    assert vectors.std() == pytest.approx(0.3, rel=1e-5)
    for word in ("good", "film", "don't", "!"):
        assert np.abs(row(vectors, tokenizer, word)).max() > 0


def test_a_seed_gives_the_same_learnt_vectors_in_every_process() -> None:
    """Python hashes words differently in each."""
    program = (
        "import hashlib; from tests.test_vectors import TEXTS;"
        "from training.vectors import train_word2vec;"
        "from training.vocabulary import build_tokenizer;"
        "vectors = train_word2vec(TEXTS, build_tokenizer(TEXTS, 100), 8, 2, 1);"
        "print(hashlib.sha256(vectors.tobytes()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
