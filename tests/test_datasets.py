"""The parts of the real reviews have nothing in common."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest

from training.datasets import (
    Reviews,
    Splits,
    load_reviews,
    load_unlabelled,
    read_reviews,
    read_rows,
)


@dataclass(frozen=True)
class Loaded:
    """What training reads of IMDB."""

    splits: Splits[Reviews]
    unlabelled: list[str]


@pytest.fixture(scope="module")
def loaded(data_dir: Path) -> Loaded:
    splits = load_reviews(data_dir)
    return Loaded(splits, load_unlabelled(data_dir, splits))


def test_no_text_stands_in_two_parts(loaded: Loaded) -> None:
    splits = loaded.splits
    parts = [splits.train.texts, splits.validation.texts, splits.test.texts, loaded.unlabelled]
    for one, other in combinations(map(set, parts), 2):
        assert one.isdisjoint(other)


def test_parts_lose_no_more_than_what_stands_in_another(loaded: Loaded, data_dir: Path) -> None:
    """123 texts to train on stand in test, and some of the films that validate in others."""
    splits = loaded.splits
    rows = read_reviews(data_dir / "imdb" / "train.csv.xz")
    elsewhere = set(splits.test.texts)
    kept = {*splits.train.texts, *splits.validation.texts}
    assert {text for text in rows.texts if text not in elsewhere} == kept
    assert sum(text in elsewhere for text in rows.texts) == 123
    assert len(splits.test) == 25_000
    label_of = dict(zip(rows.texts, rows.labels.tolist(), strict=True))
    for part in (splits.train, splits.validation):
        assert [label_of[text] for text in part.texts] == part.labels.tolist()
    everything = {row["text"] for row in read_rows(data_dir / "imdb" / "unsup.csv.xz")}
    assert everything - set(loaded.unlabelled) == everything & (kept | elsewhere)


def test_films_that_validate_are_not_trained_on(loaded: Loaded, data_dir: Path) -> None:
    """57 texts stand under several films; these say nothing of which film is where."""
    texts = read_reviews(data_dir / "imdb" / "train.csv.xz").texts
    rows = read_rows(data_dir / "imdb" / "train_meta.csv.xz")
    films: dict[str, set[str]] = {}
    for text, row in zip(texts, rows, strict=True):
        films.setdefault(text, set()).add(row["movie"])
    trained, validating = (
        set().union(*(films[text] for text in part.texts if len(films[text]) == 1))
        for part in (loaded.splits.train, loaded.splits.validation)
    )
    assert trained.isdisjoint(validating)
    assert 0.09 < len(validating) / len(trained | validating) < 0.11
    assert 0.45 < loaded.splits.validation.labels.mean() < 0.55


def test_a_sample_is_the_same_every_time(loaded: Loaded) -> None:
    first, again = (loaded.splits.validation.sample(50) for _ in range(2))
    assert first.texts == again.texts
    assert len(set(first.texts)) == 50
