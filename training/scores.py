"""How good answers are: accuracy with its interval, temperature, calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from service.contract.manifest import Accuracy
from service.contract.probabilities import class_probabilities
from training.datasets import Labels

Logits = npt.NDArray[np.float32]  # (n, 10) or (n, 1)
Shares = npt.NDArray[np.float64]  # (n,), each between 0 and 1
Flags = npt.NDArray[np.bool_]  # (n,)


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


def fit_temperature(*parts: Scored) -> float:
    """The temperature of least negative log-likelihood over all parts (golden-section search on its
    logarithm)."""
    labels = np.concatenate([scored.labels for scored in parts])
    logits = np.concatenate([scored.logits for scored in parts]).astype(np.float64)
    if logits.shape[1] == 1:  # the log-odds of the second of two classes
        logits = np.column_stack([np.zeros(len(logits)), logits])
    logits -= logits.max(axis=1, keepdims=True)
    true = logits[np.arange(len(logits)), labels]

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


def calibration_error(scored: Scored, temperature: float) -> float:
    """`confidence_gap` of the most probable labels."""
    probabilities = class_probabilities(scored.logits, temperature)
    return confidence_gap(probabilities.max(axis=1), probabilities.argmax(axis=1) == scored.labels)


def confidence_gap(confidence: Shares, right: Flags, bins: int = 15) -> float:
    """Expected calibration error: mean distance of confidence and accuracy, by bins of confidence
    of equal width (Naeini et al., AAAI 2015)."""
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(bin_of, weights=confidence - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(right))


def accuracy_at_coverage(confidence: Shares, right: Flags, coverage: float) -> float:
    """How often the most confident share `coverage` of the answers is right."""
    most_confident = np.argsort(-confidence, kind="stable")[: math.ceil(coverage * len(right))]
    return float(right[most_confident].mean())


def auroc(positive: Shares, negative: Shares) -> float:
    """Area under the ROC curve: how often a positive's score is above a negative's, ties by half
    (Hanley and McNeil, Radiology 143, 1982)."""
    ascending = np.sort(negative)
    below = np.searchsorted(ascending, positive, "left")
    up_to = np.searchsorted(ascending, positive, "right")
    return float((below + up_to).mean() / 2 / len(ascending))


def wilson_interval(correct: int, samples: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval of a share, 95% by default (JASA 22, 1927)."""
    share = correct / samples
    centre = share + z * z / (2 * samples)
    spread = z * math.sqrt(share * (1 - share) / samples + z * z / (4 * samples**2))
    scale = 1 + z * z / samples
    return (max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale))
