"""Single sentences cut from reviews, which have a mood of their own or none."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from training.datasets import Labels

ENDS = re.compile(r"(?:<br\s*/?>)+|(?<=[.!?])[\"')]*\s+(?=[\"'(]*[A-Z0-9])")
FEWEST_WORDS, MOST_WORDS = 3, 40
OF_A_REVIEW = 4  # sentences, at most


def cut_sentences(texts: Sequence[str], seed: int) -> tuple[list[str], Labels]:
    """A few sentences of each text, at random, and the index of its text for each (n,)."""
    rng = np.random.default_rng(seed)
    sentences: list[str] = []
    owners: list[int] = []
    for owner, text in enumerate(texts):
        found = [each.strip() for each in ENDS.split(text)]
        found = [each for each in found if FEWEST_WORDS <= len(each.split()) <= MOST_WORDS]
        chosen = rng.permutation(len(found))[:OF_A_REVIEW]
        sentences += [found[i] for i in chosen]
        owners += [owner] * len(chosen)
    return sentences, np.array(owners, np.int64)
