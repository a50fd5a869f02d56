"""What a run computes with: device, precision and random numbers."""

from __future__ import annotations

import random

import numpy as np
import torch


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
