"""Where a run left off, in a folder that the project ignores."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


FORMAT = 2  # of what is kept: raised when code can no longer go on from an older file


class Checkpoint:
    """The state after the last whole epoch of one configuration.

    A file made with another configuration is not resumed but overwritten.
    """

    def __init__(self, path: Path, config: DataclassInstance, **more: object) -> None:
        """`more` is what shapes the run beside its configuration, such as a hash of data."""
        self.path = path
        shape = {"format": FORMAT} | asdict(config) | more
        self._config = {key: str(value) for key, value in shape.items()}

    def load(self) -> dict[str, Any] | None:
        """The saved state, with the random generators set back to it; None to start afresh."""
        if not self.path.exists():
            return None
        state = torch.load(self.path, map_location="cpu", weights_only=False)  # nosec B614
        if state["config"] != self._config:
            return None
        torch.set_rng_state(state["torch_rng"])
        np.random.set_state(state["numpy_rng"])
        if torch.cuda.is_available() and state["cuda_rng"]:
            torch.cuda.set_rng_state_all(state["cuda_rng"])
        return dict(state)

    def save(self, **state: object) -> None:
        """Write `state` whole or not at all, with the random generators."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        state |= {
            "config": self._config,
            "torch_rng": torch.get_rng_state(),
            "numpy_rng": np.random.get_state(),
            "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }
        partial = self.path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.path)
