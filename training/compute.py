"""What a run computes with: device, precision and random numbers."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

WARM_UP = 0.15  # of a cycle of the learning rate


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


def moving_average(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """An exponential moving average that starts short, so that it soon forgets the first steps."""

    def average(before: Tensor, now: Tensor, steps: Tensor | int) -> Tensor:
        weight = min(decay, float((1 + steps) / (10 + steps)))
        return before + (now - before) * (1 - weight) if now.is_floating_point() else now

    return average


def one_cycle(done: float) -> float:
    """The share of the highest learning rate when so much of a run is done: up in a line, then down
    along a cosine (Smith and Topin, arXiv:1708.07120)."""
    if done < WARM_UP:
        return done / WARM_UP
    return (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))) / 2
