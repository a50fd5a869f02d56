"""Words moved to where a network is least sure of what it said."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from training.adversary import perturbed
from training.compute import seed_everything
from training.lstm import SentimentLSTM

LENGTHS = torch.tensor([7, 7, 5, 2])


@pytest.fixture
def model() -> SentimentLSTM:
    seed_everything(3)
    return SentimentLSTM(20, embedding=6, hidden=5, dropout=0.0, embedding_dropout=0.0)


@pytest.fixture
def told(model: SentimentLSTM) -> tuple[Tensor, Tensor]:
    """Vectors and logits of four texts."""
    vectors = model.vectors(torch.randint(2, 20, (4, 7)))
    return vectors, model.tell(vectors, LENGTHS)


def test_every_answer_is_weakened_more_than_by_moving_words_at_random(
    model: SentimentLSTM, told: tuple[Tensor, Tensor]
) -> None:
    vectors, logits = told
    moved = perturbed(vectors, logits, 0.01)
    sides = logits.sign()
    weakened = sides * (logits - model.tell(moved, LENGTHS))
    assert (weakened > 0).all()
    distances = (moved - vectors).flatten(1).norm(dim=1)[:, None, None]
    for _ in range(20):
        chance = torch.randn_like(vectors)
        chance *= distances / chance.flatten(1).norm(dim=1)[:, None, None]
        by_chance = sides * (logits - model.tell(vectors + chance, LENGTHS))
        assert (weakened > by_chance).all()


@pytest.mark.parametrize("size", [0.1, 2.0])
def test_all_words_of_a_text_are_moved_so_many_lengths_of_a_word(
    told: tuple[Tensor, Tensor], size: float
) -> None:
    vectors, logits = told
    length = vectors.norm(dim=2).mean().item()
    moved = perturbed(vectors, logits, size) - vectors
    assert moved.flatten(1).norm(dim=1).tolist() == pytest.approx([size * length] * 4, rel=1e-4)


def test_padding_stays_where_it_is(told: tuple[Tensor, Tensor]) -> None:
    vectors, logits = told
    moved = perturbed(vectors, logits, 1.0) != vectors
    for text, length in zip(moved, LENGTHS, strict=True):
        assert text[:length].any(dim=1).all()
        assert not text[length:].any()


def test_the_vectors_still_learn_but_not_from_where_they_are_moved(
    told: tuple[Tensor, Tensor],
) -> None:
    vectors, logits = told
    (gradient,) = torch.autograd.grad(perturbed(vectors, logits, 1.0).sum(), vectors)
    assert torch.equal(gradient, torch.ones_like(vectors))
