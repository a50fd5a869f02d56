"""Texts that are ready to learn from are kept, so that a run that goes on need not wait."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training import sentiment_preparing
from training.batches import EncodedReviews
from training.datasets import Reviews, Splits
from training.export import TOKENIZER
from training.lessons import Mix
from training.options import Options
from training.sentiment_preparing import Prepared, Texts, kept_prepared
from training.sentiment_recipes import RECIPES
from training.vocabulary import build_tokenizer

OPTIONS = Options("default", Path(), Path(), "cpu", 1, None, dry_run=False)


def reviews(name: str, count: int) -> Reviews:
    """So many, those of odd number positive."""
    moods = np.arange(count) % 2
    texts = [f"{name} {i} was {('bad', 'good')[mood]} indeed. Yes!" for i, mood in enumerate(moods)]
    return Reviews(texts, moods)


NO_MIX = Mix(labelled=0, unlabelled=0, cut=0, made=0, true_label=0.7)
TEXTS = Texts(
    data=Splits(reviews("Train", 40), reviews("Validation", 20), reviews("Test", 20)),
    unlabelled=reviews("Unlabelled", 20).texts,
    made=reviews("Made", 10),
    written=reviews("Written", 10),
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def prepared(texts: Texts = TEXTS, recipe: str = "default") -> Prepared:
    return kept_prepared(texts, RECIPES[recipe], OPTIONS)


def read(texts: EncodedReviews) -> list[tuple[list[int], float]]:
    rows = (row.tolist() for row in texts.ids)
    return list(zip(rows, map(float, texts.labels), strict=True))


def test_what_was_kept_is_what_was_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepared()
    monkeypatch.setattr(sentiment_preparing, "prepare", None)
    again = prepared()
    assert again.tokenizer.to_str() == first.tokenizer.to_str()
    assert (again.max_tokens, again.corpus) == (first.max_tokens, first.corpus)
    assert again.baseline == first.baseline
    for part in ("train", "validation"):
        assert read(getattr(again, part)) == read(getattr(first, part))
    for number in (1, 2):
        lessons = (each.lesson_of(RECIPES["default"])(number, None) for each in (first, again))
        assert read(next(lessons)) == read(next(lessons))


def test_other_texts_are_prepared_anew() -> None:
    first = prepared()
    others = prepared(replace(TEXTS, written=reviews("Otherwise", 10)))
    assert others.corpus != first.corpus
    assert "otherwise" in others.tokenizer.get_vocab()


def test_another_label_is_prepared_anew() -> None:
    prepared()
    mended = Reviews(TEXTS.written.texts, 1 - TEXTS.written.labels)
    mix = replace(NO_MIX, written=10)
    before, after = (
        sorted(read(each.lesson_of(replace(RECIPES["default"], mix=mix))(1, None)))
        for each in (prepared(), prepared(replace(TEXTS, written=mended)))
    )
    assert [row for row, _ in before] == [row for row, _ in after]
    assert [label for _, label in after] == pytest.approx([1 - label for _, label in before])


def test_another_version_of_the_same_number_to_start_from_is_prepared_anew() -> None:
    words = []
    for place, texts in (("here", TEXTS), ("there", replace(TEXTS, made=reviews("Elsewhere", 10)))):
        folder = Path(place) / "5"
        folder.mkdir(parents=True)
        tokenizer = build_tokenizer(texts.to_learn_from(RECIPES["default"]), 1000)
        tokenizer.save(str(folder / TOKENIZER))
        options = replace(OPTIONS, start_from=folder)
        words.append(kept_prepared(TEXTS, RECIPES["refined"], options).tokenizer.get_vocab())
    assert "elsewhere" in words[1].keys() - words[0].keys()


def test_another_vocabulary_is_prepared_anew() -> None:
    prepared()
    small = kept_prepared(TEXTS, replace(RECIPES["default"], vocabulary=5), OPTIONS)
    assert small.tokenizer.get_vocab_size() == 7


def test_without_a_mix_there_are_no_lessons_but_the_labelled_reviews() -> None:
    reference = prepared(recipe="reference")
    assert reference.lessons is None
    assert reference.baseline is None
    lesson = reference.lesson_of(RECIPES["reference"])(1, None)
    assert read(lesson) == read(reference.train)
    assert "unlabelled" not in reference.tokenizer.get_vocab()
