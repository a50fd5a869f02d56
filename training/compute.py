"""What a run computes with: device, precision and random numbers."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from copy import deepcopy
from itertools import chain
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

WARM_UP = 0.15  # of a cycle of the learning rate

Network = TypeVar("Network", bound=nn.Module)


def seed_everything(seed: int) -> None:
    """Make python, NumPy and torch repeat themselves."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def pick_device(name: str) -> torch.device:
    """`auto` is the GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def fast_bfloat16(device: torch.device) -> bool:
    """Whether half the bits make training faster there; weights stay fp32 either way."""
    return device.type == "cuda" or bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """The same on a device, without waiting for what a GPU is still at."""
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


class MovingAverage(Generic[Network]):
    """A copy of a network whose weights follow those of the original slowly, though fast at first,
    so that it soon forgets the first steps."""

    def __init__(self, network: Network, decay: float) -> None:
        """`decay` is what remains of the average at each step; 0 makes it a mere copy."""
        self.network = deepcopy(network)
        self._decay = decay
        self._steps = 0

    @torch.no_grad()
    def update(self, network: Network) -> None:
        """Take the network's next weights."""
        share = 1 - min(self._decay, (1 + self._steps) / (10 + self._steps)) if self._steps else 1
        self._steps += 1
        pairs = zip(self._tensors(self.network), self._tensors(network), strict=True)
        for before, now in pairs:
            if now.is_floating_point():
                before.lerp_(now, share)
            else:
                before.copy_(now)

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"network": self.network.state_dict(), "steps": self._steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """As it was."""
        self.network.load_state_dict(state["network"])
        self._steps = state["steps"]

    @staticmethod
    def _tensors(network: nn.Module) -> Iterator[Tensor]:
        return chain(network.parameters(), network.buffers())


def one_cycle(done: float) -> float:
    """The share of the highest learning rate when so much of a run is done: up in a line, then down
    along a cosine (Smith and Topin, arXiv:1708.07120)."""
    if done < WARM_UP:
        return done / WARM_UP
    return (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))) / 2
