"""How good answers are: accuracy with its interval, temperature, calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from service.contract.manifest import Accuracy
from service.contract.probabilities import class_probabilities

Logits = npt.NDArray[np.float32]  # (n, 10) or (n, 1)
Labels = npt.NDArray[np.int64]  # (n,)


@dataclass(frozen=True)
class Scored:
    """Logits of one part of the data, as the exported graph gives them, and the truth."""

    logits: Logits
    labels: Labels

    def accuracy(self) -> Accuracy:
        """How often the most probable label is the true one."""
        correct = int((self.predicted() == self.labels).sum())
        return Accuracy(
            correct=correct,
            samples=len(self.labels),
            accuracy=correct / len(self.labels),
            interval=wilson_interval(correct, len(self.labels)),
        )

    def predicted(self) -> Labels:
        """The most probable label of each."""
        labels: Labels = class_probabilities(self.logits, 1.0).argmax(axis=1)
        return labels


def fit_temperature(scored: Scored) -> float:
    """The temperature of least negative log-likelihood (golden-section search on its logarithm)."""
    logits = scored.logits.astype(np.float64)
    if logits.shape[1] == 1:  # the log-odds of the second of two classes
        logits = np.column_stack([np.zeros(len(logits)), logits])
    logits -= logits.max(axis=1, keepdims=True)
    true = logits[np.arange(len(logits)), scored.labels]

    def loss(log_temperature: float) -> float:
        temperature = math.exp(log_temperature)
        normalisers = np.log(np.exp(logits / temperature).sum(axis=1))
        return float((normalisers - true / temperature).mean())

    low, high = math.log(0.1), math.log(10.0)
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(60):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return math.exp((low + high) / 2)


def calibration_error(scored: Scored, temperature: float, bins: int = 15) -> float:
    """Expected calibration error: mean distance of confidence and accuracy, by bins of confidence
    of equal width (Naeini et al., AAAI 2015)."""
    probabilities = class_probabilities(scored.logits, temperature)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == scored.labels
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(bin_of, weights=confidence - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(right))


def wilson_interval(correct: int, samples: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval of a share, 95% by default (JASA 22, 1927)."""
    share = correct / samples
    centre = share + z * z / (2 * samples)
    spread = z * math.sqrt(share * (1 - share) / samples + z * z / (4 * samples**2))
    scale = 1 + z * z / samples
    return (max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale))
