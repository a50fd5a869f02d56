"""Logits to calibrated probabilities, the same in training and serving."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def row_probabilities(logits: Sequence[float], temperature: float) -> list[float]:
    """Probabilities of each class, which sum to 1.

    Softmax of two or more logits; a single one is the log-odds of the second of two classes.
    """
    scaled = [logit / temperature for logit in (logits if len(logits) > 1 else (0.0, *logits))]
    largest = max(scaled)
    odds = [math.exp(each - largest) for each in scaled]
    total = sum(odds)
    return [each / total for each in odds]


def class_probabilities(
    logits: npt.NDArray[np.float32], temperature: float
) -> npt.NDArray[np.float64]:
    """Those of many rows: logits (n, k) to probabilities (n, max(2, k))."""
    return np.array([row_probabilities(row, temperature) for row in logits.tolist()])
