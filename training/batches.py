"""Reviews as token ids, in batches of nearly equal length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from service.contract.text import TextEncoder
from training.datasets import Reviews
from training.progress import progress


@dataclass(frozen=True)
class EncodedReviews:
    """Token ids of each review and labels (n,)."""

    ids: list[npt.NDArray[np.int64]]
    labels: npt.NDArray[np.int64]


def encode(reviews: Reviews, encoder: TextEncoder) -> EncodedReviews:
    """Every review as the encoder's model reads it."""
    ids = [encoder.encode(text).ids for text in progress(reviews.texts, "tokenise")]
    return EncodedReviews(ids, reviews.labels)


def shuffled_batches(reviews: EncodedReviews, batch_size: int) -> Iterator[npt.NDArray[np.int64]]:
    """Every review once, in random order, those of one batch of nearly the same length."""
    lengths = np.array([len(ids) for ids in reviews.ids])
    order = np.argsort(lengths + np.random.uniform(0, 8, len(lengths)))
    starts = np.arange(0, len(order), batch_size)
    for start in np.random.permutation(starts):
        yield order[start : start + batch_size]


def collate(
    reviews: EncodedReviews, index: npt.NDArray[np.int64], device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """ids (b, t) padded with 0, lengths (b,), labels (b,) as floats."""
    rows = [torch.from_numpy(reviews.ids[i]) for i in index]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    lengths = torch.tensor([len(row) for row in rows])
    labels = torch.from_numpy(reviews.labels[index]).float()
    return ids.to(device), lengths.to(device), labels.to(device)
