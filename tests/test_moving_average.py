"""The moving average of a network follows it, fast at first and slowly then."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.compute import MovingAverage


def network(weight: float) -> nn.Module:
    """One number, and batch normalisation for its buffers."""
    made = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    nn.init.constant_(made[0].weight, weight)  # type: ignore[arg-type]
    return made


def weight(average: MovingAverage[nn.Module]) -> float:
    return float(average.network.state_dict()["0.weight"])


def test_it_is_first_the_network_itself_and_then_forgets_that_soon() -> None:
    average = MovingAverage(network(7.0), decay=0.5)
    expected = 3.0
    average.update(network(3.0))
    assert weight(average) == 3.0
    for step in range(1, 20):
        average.update(network(float(step)))
        remains = min(0.5, (1 + step) / (10 + step))
        expected = remains * expected + (1 - remains) * step
        assert weight(average) == pytest.approx(expected, rel=1e-5)


def test_without_decay_it_is_a_copy_with_all_its_buffers() -> None:
    average = MovingAverage(network(1.0), decay=0.0)
    for step in range(3):
        latest = network(float(step)).train()
        latest(torch.randn(8, 1))
        average.update(latest)
        copied = average.network.state_dict()
        for name, value in latest.state_dict().items():
            assert torch.equal(copied[name], value), name


def test_one_that_was_kept_goes_on_as_it_would_have() -> None:
    first, again = (MovingAverage(network(0.0), decay=0.9) for _ in range(2))
    for step in range(5):
        first.update(network(float(step)))
    again.load_state_dict(first.state_dict())
    for average in (first, again):
        average.update(network(50.0))
    assert weight(first) == weight(again)


def test_the_network_that_learns_is_left_alone() -> None:
    learner = network(2.0)
    average = MovingAverage(learner, decay=0.9)
    average.update(network(5.0))
    average.update(learner)
    assert float(learner.state_dict()["0.weight"]) == 2.0
