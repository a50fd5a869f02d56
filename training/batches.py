"""Reviews as token ids, in batches of nearly equal length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from service.contract.text import TextEncoder, ends
from training.compute import moved
from training.datasets import Reviews
from training.progress import progress

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EncodedReviews:
    """Token ids of each review and labels (n,): 1 for positive, or how probable that is."""

    ids: list[Ids]
    labels: npt.NDArray[Any]

    def take(self, index: Ids) -> EncodedReviews:
        """The reviews at `index`, in that order."""
        return EncodedReviews([self.ids[i] for i in index], self.labels[index])

    def __reduce__(self) -> tuple[Any, ...]:
        """A checkpoint has them in a quarter of the bytes that they take here."""
        words = np.concatenate([*self.ids, np.zeros(0, np.int64)])
        small = words.astype(np.min_scalar_type(int(words.max(initial=0))))
        return _unpacked, (small, [len(row) for row in self.ids], self.labels)


def _unpacked(
    words: npt.NDArray[Any], lengths: list[int], labels: npt.NDArray[Any]
) -> EncodedReviews:
    bounds = np.cumsum([0, *lengths])
    rows = [words[a:b].astype(np.int64) for a, b in pairwise(bounds)]
    return EncodedReviews(rows, labels)


def encode(reviews: Reviews, encoder: TextEncoder) -> EncodedReviews:
    """Every review as the encoder's model reads it."""
    return EncodedReviews(encode_texts(reviews.texts, encoder), reviews.labels)


def encode_texts(texts: Sequence[str], encoder: TextEncoder) -> list[Ids]:
    """As `encode`, where there are no labels."""
    return [encoder.encode(text).ids for text in progress(texts, "tokenise")]


def joined(*parts: EncodedReviews) -> EncodedReviews:
    """One after the other."""
    return EncodedReviews(
        [row for part in parts for row in part.ids],
        np.concatenate([part.labels for part in parts]),
    )


def shortened(reviews: EncodedReviews, limit: int) -> EncodedReviews:
    """Head and tail of every review that is longer."""
    return EncodedReviews([np.concatenate(ends(row, limit)) for row in reviews.ids], reviews.labels)


def in_turn(size: int, count: int, number: int, seed: int) -> Ids:
    """Which `count` of `size` texts epoch `number` has, from 1: none comes again before all have
    come."""
    order = np.random.default_rng([seed, size]).permutation(size)
    return np.take(order, np.arange((number - 1) * count, number * count), mode="wrap")


def shuffled_batches(reviews: EncodedReviews, batch_size: int) -> Iterator[Ids]:
    """Every review once, in random order, those of one batch of nearly the same length."""
    lengths = np.array([len(ids) for ids in reviews.ids])
    order = np.argsort(lengths + np.random.uniform(0, 8, len(lengths)))
    starts = np.arange(0, len(order), batch_size)
    for start in np.random.permutation(starts):
        yield order[start : start + batch_size]


def collate(
    reviews: EncodedReviews, index: Ids, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """ids (b, t) padded with 0, lengths (b,), labels (b,) as floats."""
    ids, lengths = padded([reviews.ids[i] for i in index], device)
    return ids, lengths, moved(torch.from_numpy(reviews.labels[index]).float(), device)


def padded(rows: Sequence[Ids], device: torch.device) -> tuple[Tensor, Tensor]:
    """ids (b, t) padded with 0 and lengths (b,)."""
    ids = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(row) for row in rows], batch_first=True)
    return moved(ids, device), moved(torch.tensor([len(row) for row in rows]), device)
