"""Sentences written for the model to learn from: many, of either mood, none that measures."""

from __future__ import annotations

import csv
from collections import Counter

from training.made_sentences import measuring_words, words_of
from training.written_sentences import SENTENCES, TYPED, written_sentences


def rows() -> list[dict[str, str]]:
    with SENTENCES.open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file, strict=True)]


def test_there_are_about_as_many_of_either_mood_in_every_kind() -> None:
    counts = Counter((row["kind"], row["label"]) for row in rows())
    assert len(counts) % 2 == 0
    for kind, label in counts:
        assert label in ("pos", "neg")
        assert counts[kind, "pos"] == counts[kind, "neg"], kind


def test_no_sentence_stands_twice() -> None:
    texts = [row["text"].casefold() for row in rows()]
    assert len(texts) == len({*texts})


def test_none_that_measures_is_learned_from() -> None:
    learned = {words_of(text) for text in written_sentences(1).texts}
    assert not learned & measuring_words()


def test_each_comes_as_it_stands_and_as_it_is_typed() -> None:
    learned, measuring = written_sentences(1), measuring_words()
    standing = {r["text"]: r["label"] for r in rows() if words_of(r["text"]) not in measuring}
    labels = dict(zip(learned.texts, learned.labels, strict=True))
    assert all(labels[text] == (label == "pos") for text, label in standing.items())
    assert 1.2 * len(standing) < len(learned) <= (1 + TYPED) * len(standing)


def test_the_seed_gives_them_all() -> None:
    first, again, other = (written_sentences(seed).texts for seed in (1, 1, 2))
    assert first == again != other
