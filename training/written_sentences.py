"""Short labelled sentences that were written one by one for the mood model to learn from.

`written_sentences.csv` (RFC 4180, UTF-8; kind,label,text) has 12,542 of six kinds, about the same
six subjects as `training/sentences`: 3,424 tell by facts alone (`statement`), 3,038 compare
(`comparison`), 2,570 hang on a negation (`negation`), 2,434 are ironic (`irony`, with sincere
twins); the others weigh good against bad (`contrast`) or are typed in haste (`informal`). Whoever
wrote them had not seen a sentence that measures, nor this model's answers; those that came out
close to one (six words in ten shared) were taken out.
"""

from __future__ import annotations

import csv
from pathlib import Path
from random import Random

import numpy as np

from training.datasets import Reviews
from training.informal import informally
from training.made_sentences import load_phrases, measuring_words, words_of

SENTENCES = Path(__file__).with_name("written_sentences.csv")
TYPED = 2  # times that each sentence comes as somebody types it, beside its careful form


def written_sentences(seed: int) -> Reviews:
    """All of them, careful and less so, in an order by chance.

    None has the words of a sentence that measures.
    """
    rng = Random(seed)  # noqa: S311 - chance, not secrecy
    measuring, spellings = measuring_words(), load_phrases().spellings
    found: dict[str, bool] = {}
    with SENTENCES.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, strict=True):
            if words_of(row["text"]) in measuring:
                continue
            typed = (informally(row["text"], spellings, rng) for _ in range(TYPED))
            for text in (row["text"], *typed):
                found.setdefault(text, row["label"] == "pos")
    texts = list(found)
    rng.shuffle(texts)
    return Reviews(texts, np.array([found[text] for text in texts], np.int64))
