"""The layer that a GPU is given reads as any other does."""

from __future__ import annotations

import pytest
import torch

from training.compute import seed_everything
from training.lstm import ALIGNED, AlignedLSTM


@pytest.mark.parametrize("width", [1, 100, ALIGNED - 1, ALIGNED + 1])
def test_features_that_are_nothing_change_nothing(width: int) -> None:
    seed_everything(4)
    layer = AlignedLSTM(width, 8, batch_first=True)
    states = torch.randn(3, 5, width)
    for plain, aligned in zip(layer(states), layer.aligned(states), strict=True):
        assert plain.shape == aligned.shape
        torch.testing.assert_close(plain, aligned)
