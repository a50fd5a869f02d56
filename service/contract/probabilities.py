"""Logits to calibrated probabilities, the same in training and serving."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def class_probabilities(
    logits: npt.NDArray[np.float32], temperature: float
) -> npt.NDArray[np.float64]:
    """Probabilities (..., classes) that sum to 1.

    logits (..., k): softmax for k > 1; a single logit is the log-odds of the second of two classes.
    """
    scaled = logits.astype(np.float64) / temperature
    if scaled.shape[-1] == 1:
        scaled = np.concatenate([np.zeros_like(scaled), scaled], axis=-1)
    odds = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    probabilities: npt.NDArray[np.float64] = odds / odds.sum(axis=-1, keepdims=True)
    return probabilities
