"""The linear baseline knows words, pairs and triples of words, and what it was not fitted to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from training.batches import Ids
from training.datasets import Labels
from training.nbsvm import FOLDS, NgramModel, out_of_fold

VOCABULARY_SIZE = 60
UNSEEN = 59  # an id that no text has


def filled(cores: Sequence[Sequence[int]], count: int, seed: int) -> list[Ids]:
    """So many texts with those words in turn, between words that tell nothing."""
    rng = np.random.default_rng(seed)
    return [
        np.concatenate(
            [
                rng.integers(20, 50, rng.integers(0, 4)),
                np.array(cores[i % len(cores)]),
                rng.integers(20, 50, rng.integers(0, 4)),
            ]
        )
        for i in range(count)
    ]


def fitted(cores: Sequence[Sequence[int]], count: int = 200) -> tuple[NgramModel, Labels]:
    """A model of texts that are positive with the first half of the cores, and those labels."""
    labels = (np.arange(count) % len(cores) < len(cores) // 2).astype(np.int64)
    return NgramModel(filled(cores, count, seed=1), labels, VOCABULARY_SIZE), labels


def odds_of(model: NgramModel, *words: int) -> float:
    return float(model.log_odds([np.array(words)])[0])


@pytest.mark.parametrize(
    "cores",
    [
        [[2], [3]],
        [[2, 3], [3, 2]],  # the same words
        [[2, 3, 4], [5, 3, 6], [2, 3, 6], [5, 3, 4]],  # the same words and pairs
    ],
)
def test_a_word_a_pair_or_a_triple_decides_where_nothing_shorter_can(
    cores: list[list[int]],
) -> None:
    model, labels = fitted(cores)
    assert ((model.log_odds(filled(cores, 200, seed=2)) > 0) == (labels > 0)).all()


def test_what_four_words_apart_says_is_not_seen() -> None:
    cores = [[2, 9, 9, 3], [4, 9, 9, 5], [2, 9, 9, 5], [4, 9, 9, 3]]
    model, labels = fitted(cores)
    right = (model.log_odds(filled(cores, 200, seed=2)) > 0) == (labels > 0)
    assert right.mean() < 0.7


def test_ngrams_lie_within_one_text() -> None:
    """Where one text ends with a word and the next begins with another, they are no pair."""
    rows = [np.array(words) for words in ([2, 8], [9, 3], [2, 8], [9, 3], [7, 2], [3, 7]) * 5]
    model = NgramModel(rows, np.arange(len(rows)) % 2, VOCABULARY_SIZE)
    bias = odds_of(model, UNSEEN)
    alone = odds_of(model, 8) + odds_of(model, 9)
    assert odds_of(model, 8, 9) == pytest.approx(alone - bias)
    assert odds_of(model, 2, 8) != pytest.approx(odds_of(model, 2) + odds_of(model, 8) - bias)


def test_an_ngram_that_was_never_seen_changes_nothing() -> None:
    model, _ = fitted([[2, 3], [3, 2]])
    for words in ([2, 3], [3, 2, 25], [30]):
        assert odds_of(model, *words, UNSEEN) == odds_of(model, *words)
        assert odds_of(model, UNSEEN, *words) == odds_of(model, *words)
    assert odds_of(model, UNSEEN) == odds_of(model, UNSEEN, UNSEEN, UNSEEN)


def test_an_ngram_of_a_single_text_does_not_count() -> None:
    rows = [*filled([[2], [3]], 40, seed=1), np.array([2, 55]), np.array([3, 56]), np.array([56])]
    labels = np.array([1, 0] * 20 + [1, 0, 0])
    model = NgramModel(rows, labels, VOCABULARY_SIZE)
    assert odds_of(model, 55) == odds_of(model, UNSEEN)
    assert odds_of(model, 56) != odds_of(model, UNSEEN)


def test_how_often_a_text_has_an_ngram_does_not_matter() -> None:
    model, _ = fitted([[2], [3]])
    bias = odds_of(model, UNSEEN)
    assert odds_of(model, 2) != bias
    assert odds_of(model, 2, UNSEEN, 2, UNSEEN, 2) == odds_of(model, 2)


def test_the_order_of_the_texts_changes_nothing() -> None:
    cores = [[2, 3], [3, 2]]
    rows, labels = filled(cores, 200, seed=1), np.arange(200) % 2
    order = np.random.default_rng(3).permutation(200)
    model = NgramModel(rows, labels, VOCABULARY_SIZE)
    turned = NgramModel([rows[i] for i in order], labels[order], VOCABULARY_SIZE)
    odds = model.log_odds(rows)
    assert turned.log_odds(rows) == pytest.approx(odds, abs=0.01 * odds.std())
    assert (model.log_odds([rows[i] for i in order]) == odds[order]).all()
    assert [odds_of(model, *row) for row in rows[:20]] == odds[:20].tolist()


def test_what_is_said_of_a_text_out_of_its_fold_does_not_depend_on_its_label() -> None:
    rows, labels = filled([[2, 3], [3, 2]], 100, seed=1), np.arange(100) % 2
    odds = out_of_fold(rows, labels, VOCABULARY_SIZE, seed=1)
    assert ((odds > 0) == (labels > 0)).mean() > 0.95
    for i in range(5):
        flipped = labels.copy()
        flipped[i] = 1 - flipped[i]
        again = out_of_fold(rows, flipped, VOCABULARY_SIZE, seed=1)
        assert again[i] == odds[i]
        assert (again != odds).any()


def test_a_text_of_words_of_its_own_is_told_nothing_of_out_of_its_fold() -> None:
    """Not even by another of them: it gets the bias of one of the models."""
    own = [np.full(5, 100 + i) for i in range(20)]
    rows = [*filled([[2], [3]], 100, seed=1), *own]
    labels = np.array([1, 0] * 50 + [1] * 20)
    odds = out_of_fold(rows, labels, 200, seed=1)
    assert len(set(odds[100:])) <= FOLDS
    assert len(set(odds[:100])) > 10 * FOLDS


def test_a_seed_repeats_the_folds() -> None:
    rows, labels = filled([[2, 3], [3, 2]], 60, seed=1), np.arange(60) % 2
    first, again, other = (out_of_fold(rows, labels, 60, seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
