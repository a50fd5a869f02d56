"""What the answers to texts come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.asking import NoService, Reply
from training.datasets import MOODS
from training.scores import accuracy_at_coverage, confidence_gap, wilson_interval

COVERAGE = 0.8
LEAST = 100  # texts, with fewer of which a calibration error or a part of them says little


@dataclass(frozen=True)
class Outcome:
    """One text: `label` and what was `told` are places in MOODS, `told` None where the service
    refused it, `reason` None where it did not abstain."""

    text: str
    label: int
    told: int | None
    confidence: float = 0.0
    reason: str | None = None

    @property
    def right(self) -> bool:
        return self.told == self.label

    @property
    def believed(self) -> bool:
        """Whether the answer was given as one to rely on."""
        return self.told is not None and self.reason is None


def outcome_of(text: str, label: int, reply: Reply) -> Outcome:
    """Raises NoService where a reply with status 200 is no answer of POST /sentiment."""
    if reply.status != 200:
        return Outcome(text, label, None)
    answer = reply.content
    try:
        return Outcome(
            text,
            label,
            MOODS.index(answer["label"]),
            float(answer["confidence"]),
            str(answer["reason"]) if answer["abstained"] else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NoService(f"an answer to POST /sentiment is not as promised: {error!r}") from error


@dataclass(frozen=True)
class MoodFigures:
    """Texts, at least one. A refused one counts as wrong and as not abstained from.

    Accuracy is that of every label, also where the service abstained; `believed_accuracy` is that
    of the others. The expected calibration error is over all that were not refused; of fewer texts
    than LEAST it is None, and so is the accuracy of the most confident share COVERAGE.
    """

    samples: int
    refused: int
    accuracy: float
    interval: tuple[float, float]
    calibration_error: float | None
    accuracy_at_coverage: float | None
    abstained: float
    believed_accuracy: float | None


def mood_figures(outcomes: Sequence[Outcome]) -> MoodFigures:
    """Of all kinds of texts alike."""
    count = len(outcomes)
    right = np.array([outcome.right for outcome in outcomes])
    believed = np.array([outcome.believed for outcome in outcomes])
    answered = np.array([outcome.told is not None for outcome in outcomes])
    confidence = np.array([outcome.confidence for outcome in outcomes])
    many = answered.sum() >= LEAST
    return MoodFigures(
        samples=count,
        refused=count - int(answered.sum()),
        accuracy=float(right.mean()),
        interval=wilson_interval(int(right.sum()), count),
        calibration_error=confidence_gap(confidence[answered], right[answered]) if many else None,
        accuracy_at_coverage=accuracy_at_coverage(confidence, right, COVERAGE) if many else None,
        abstained=float((answered & ~believed).mean()),
        believed_accuracy=float(right[believed].mean()) if believed.any() else None,
    )
