"""Logits to calibrated probabilities and scores, the same in training and serving."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

CERTAIN = 700.0  # the exponential of a logit much above would be no number any more


def row_probabilities(logits: Sequence[float], temperature: float) -> list[float]:
    """Probabilities of each class, which sum to 1.

    Softmax of two or more logits; a single one is the log-odds of the second of two classes.
    """
    scaled = [logit / temperature for logit in (logits if len(logits) > 1 else (0.0, *logits))]
    largest = max(scaled)
    odds = [math.exp(each - largest) for each in scaled]
    total = sum(odds)
    return [each / total for each in odds]


def digit_score(logits: Sequence[float]) -> float:
    """How probable it is that a picture shows a digit, whichever it is.

    The logits are trained beside an eleventh of always 0, which stands for no digit: this is the
    share of the others in a softmax of all.
    """
    if max(logits) > CERTAIN:
        return 1.0
    odds = sum(map(math.exp, logits))
    return odds / (1 + odds)


def class_probabilities(
    logits: npt.NDArray[np.float32], temperature: float
) -> npt.NDArray[np.float64]:
    """Those of many rows: logits (n, k) to probabilities (n, max(2, k))."""
    return np.array([row_probabilities(row, temperature) for row in logits.tolist()])
