"""The short sentences are what their README says, and are halved by even and odd rows."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from training.datasets import load_reviews
from training.sentences import CUT, FOLDER, read_sentences

WRITTEN = [
    "plain", "negation", "contrast", "comparison", "irony", "emoji", "capitals", "informal",
    "statement",
]  # fmt: skip
SUBJECTS = ["film", "book", "kitchen", "phone", "restaurant", "other"]
PARTS = ["validation", "test"]


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file, strict=True)]


@pytest.mark.parametrize("part", PARTS)
def test_kinds_come_in_the_order_of_the_file_behind_the_cut_sentences(part: str) -> None:
    sentences = read_sentences(part)
    assert [*sentences] == [CUT, *WRITTEN]
    assert len(sentences[CUT]) == 200
    for kind in WRITTEN:
        assert (len(sentences[kind]), sentences[kind].labels.sum()) == (30, 15)


def test_rows_of_even_number_validate_and_those_of_odd_number_test() -> None:
    """One row in validation, the next one in test, and every row in one of them."""
    parts = [read_sentences(part) for part in PARTS]
    for kind in (CUT, *WRITTEN):
        found = rows("cut.csv") if kind == CUT else rows("written.csv")
        expected = [
            (row["text"], int(row["label"] == "pos"))
            for row in found
            if kind in (CUT, row.get("kind"))
        ]
        halves = [[*zip(part[kind].texts, part[kind].labels, strict=True)] for part in parts]
        assert [each for pair in zip(*halves, strict=True) for each in pair] == expected


def test_no_other_part_is_made_up() -> None:
    with pytest.raises(KeyError, match="train"):
        read_sentences("train")


def test_labels_and_subjects_are_balanced_and_no_sentence_stands_there_twice() -> None:
    cut, written = rows("cut.csv"), rows("written.csv")
    assert sorted(row["label"] for row in cut) == ["neg"] * 200 + ["pos"] * 200
    combinations = sorted((row["kind"], row["subject"], row["label"]) for row in written)
    assert combinations == sorted(
        (kind, subject, label)
        for kind in WRITTEN
        for subject in SUBJECTS
        for label in ("neg", "pos")
        for _ in range(5)
    )
    texts = [row["text"] for row in cut + written]
    assert len(set(texts)) == 940


def test_cut_sentences_are_short() -> None:
    assert {len(row["text"].split()) for row in rows("cut.csv")} <= {*range(4, 31)}


def test_cut_sentences_are_from_reviews_of_the_films_that_validate(data_dir: Path) -> None:
    """One from a review, whose label it has in 95%."""
    reviews = load_reviews(data_dir).validation
    plain = [spaced(text.replace("<br />", " ")) for text in reviews.texts]
    sources, agreeing = [], 0
    for row in rows("cut.csv"):
        found = [i for i, text in enumerate(plain) if spaced(row["text"]) in text]
        assert found, row["text"]
        sources.append(tuple(found))
        agreeing += bool((reviews.labels[found] == (row["label"] == "pos")).any())
    assert len(set(sources)) == 400
    assert round(agreeing / 400, 2) == 0.95


def spaced(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_every_kind_is_described() -> None:
    told = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [kind for kind in WRITTEN if f"| `{kind}` |" not in told] == []
