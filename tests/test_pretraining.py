"""The network learns to tell words that are hidden from it, by the words around them."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from training import pretraining
from training.batches import Ids
from training.checkpoint import Checkpoint
from training.compute import seed_everything
from training.lstm import SentimentLSTM
from training.pretraining import MASKED, Pretraining, pretrain
from training.vocabulary import UNKNOWN_ID

FIRST, LAST, SIZE = 6, 16, 20
CHANCE = math.log(LAST - FIRST)  # the loss of who knows nothing
PLAN = Pretraining(epochs=4, reviews=160, tokens=32, learning_rate=2e-2, batch_size=8)


@pytest.fixture(autouse=True)
def _few_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretraining, "FIRST", FIRST)
    monkeypatch.setattr(pretraining, "LAST", LAST)


class Reading(SentimentLSTM):
    """A tiny network that remembers what it was given to read."""

    def __init__(self) -> None:
        super().__init__(SIZE, embedding=12, hidden=16, dropout=0.0, embedding_dropout=0.0)
        self.read: list[Tensor] = []

    def states(self, ids: Tensor, lengths: Tensor) -> Tensor:
        self.read.append(ids)
        return super().states(ids, lengths)


def pretrained(rows: list[Ids], folder: Path, plan: Pretraining = PLAN) -> Reading:
    seed_everything(1)
    model = Reading()
    pretrain(model, rows, plan, Checkpoint(folder / "last.pt", plan), torch.device("cpu"), seed=1)
    return model


def losses(output: str) -> list[float]:
    """Of every epoch, a hidden word."""
    return [float(loss) for loss in re.findall(r"loss (\d+\.\d+) a hidden word", output)]


def counting(start: int, length: int) -> Ids:
    """A text in a language in which every word has its place behind another."""
    return FIRST + np.arange(start, start + length) % (LAST - FIRST)


def test_hidden_words_are_told_from_those_around_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(2)
    rows = [counting(*numbers) for numbers in rng.integers(6, 20, (160, 2))]
    pretrained(rows, tmp_path)
    found = losses(capsys.readouterr().out)
    assert len(found) == PLAN.epochs
    assert found == sorted(found, reverse=True)
    assert found[-1] < CHANCE / 3


def test_words_that_come_by_chance_are_not_told_so_nothing_of_them_is_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(3)
    rows = [rng.integers(FIRST, LAST, length) for length in rng.integers(6, 20, 160)]
    pretrained(rows, tmp_path)
    assert min(losses(capsys.readouterr().out)) > 0.95 * CHANCE


def test_a_share_of_the_words_that_are_asked_for_is_hidden_and_no_others(tmp_path: Path) -> None:
    model = pretrained([np.arange(2, SIZE)] * PLAN.reviews, tmp_path)
    hidden = torch.cat(model.read) == UNKNOWN_ID
    assert hidden.shape == (PLAN.epochs * PLAN.reviews, SIZE - 2)
    shares = hidden.float().mean(dim=0).tolist()
    for word, share in enumerate(shares, start=2):
        assert share == (pytest.approx(MASKED, abs=0.1) if FIRST <= word < LAST else 0)
    assert not hidden.all(dim=0).any()


def test_texts_come_in_turns_and_long_ones_keep_head_and_tail(tmp_path: Path) -> None:
    plan = Pretraining(epochs=3, reviews=4, tokens=6, learning_rate=1e-3, batch_size=4)
    rows = [np.array([2, 3, *[i] * 20, 4, 5]) for i in range(FIRST, LAST)]
    model = pretrained(rows, tmp_path, plan)
    read = torch.cat(model.read)
    assert read.shape == (plan.epochs * plan.reviews, plan.tokens)
    assert read[:, [0, 1, 4, 5]].unique(dim=0).tolist() == [[2, 3, 4, 5]]
    middles = read[: 2 * plan.reviews, [2, 3]].amax(dim=1).tolist()  # of few both are hidden
    known = [word for word in middles if word != UNKNOWN_ID]
    assert len(known) > plan.reviews
    assert len(set(known)) == len(known)


def test_everything_is_learnt_but_the_output(tmp_path: Path) -> None:
    seed_everything(1)
    before = Reading().state_dict()
    after = pretrained([counting(i, 12) for i in range(40)], tmp_path).state_dict()
    same = {name for name, value in before.items() if torch.equal(value, after[name])}
    assert same == {"output.weight", "output.bias"}
