"""A checkpoint holds the state of one configuration, whole, with the random generators."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from training.checkpoint import Checkpoint
from training.compute import seed_everything


@dataclass(frozen=True)
class Config:
    rate: float = 0.1


def test_a_checkpoint_brings_back_state_and_random_numbers(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "deep" / "last.pt", Config())
    assert checkpoint.load() is None
    seed_everything(3)
    checkpoint.save(weights=torch.arange(3), epoch=7)
    expected = torch.rand(4), np.random.rand(4)
    seed_everything(4)
    state = checkpoint.load()
    assert state is not None
    assert (state["weights"].tolist(), state["epoch"]) == ([0, 1, 2], 7)
    torch.testing.assert_close(torch.rand(4), expected[0], rtol=0, atol=0)
    np.testing.assert_array_equal(np.random.rand(4), expected[1])


def test_a_checkpoint_of_another_configuration_is_not_resumed(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    Checkpoint(path, Config()).save(epoch=1)
    assert Checkpoint(path, Config(rate=0.2)).load() is None
    assert Checkpoint(path, Config(), texts="others").load() is None
    assert Checkpoint(path, Config()).load() is not None
    Checkpoint(path, Config(), texts="these").save(epoch=2)
    assert Checkpoint(path, Config(), texts="others").load() is None
    assert Checkpoint(path, Config()).load() is None
    assert Checkpoint(path, Config(), texts="these").load() is not None


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "last.pt", Config())
    checkpoint.save(epoch=1)
    with pytest.raises(AttributeError):
        checkpoint.save(epoch=2, unwritable=lambda: None)
    state = checkpoint.load()
    assert state is not None
    assert state["epoch"] == 1
    checkpoint.save(epoch=3)
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]
