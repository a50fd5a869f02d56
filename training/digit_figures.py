"""What the answers to pictures of digits, and of none, come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from training.asking import NoService, Reply
from training.scores import accuracy_at_coverage, auroc, confidence_gap, wilson_interval

COVERAGES = (0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Outcome:
    """One picture: `label` None where it shows no digit, `read` None where the service refused it,
    `reason` None where it did not abstain."""

    label: int | None
    read: int | None
    confidence: float = 0.0
    digit_score: float | None = None
    reason: str | None = None

    @property
    def right(self) -> bool:
        return self.read is not None and self.read == self.label

    @property
    def believed(self) -> bool:
        """Whether the answer was given as one to rely on."""
        return self.read is not None and self.reason is None


def outcome_of(label: int | None, reply: Reply) -> Outcome:
    """Raises NoService where a reply with status 200 is no answer of POST /digits."""
    if reply.status != 200:
        return Outcome(label, None)
    answer = reply.content
    try:
        return Outcome(
            label,
            int(answer["label"]),
            float(answer["confidence"]),
            answer["digit_score"],
            str(answer["reason"]) if answer["abstained"] else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NoService(f"an answer to POST /digits is not as promised: {error!r}") from error


@dataclass(frozen=True)
class DigitFigures:
    """Pictures that show a digit, at least one. A refused one counts as wrong and not covered.

    Accuracy is that of every label, also where the service abstained; coverage the share that it
    did not abstain from, and risk the share of wrong labels among those. Confidence, its mean, and
    the expected calibration error are over all that were not refused.
    """

    samples: int
    refused: int
    accuracy: float
    interval: tuple[float, float]
    coverage: float
    risk: float | None
    confidence: float | None
    calibration_error: float | None
    accuracy_at_coverage: Mapping[float, float]  # of the most confident


def digit_figures(outcomes: Sequence[Outcome]) -> DigitFigures:
    """All outcomes have a label."""
    count = len(outcomes)
    right = np.array([outcome.right for outcome in outcomes])
    believed = np.array([outcome.believed for outcome in outcomes])
    answered = np.array([outcome.read is not None for outcome in outcomes])
    confidence = np.array([outcome.confidence for outcome in outcomes])
    some = bool(answered.any())
    return DigitFigures(
        samples=count,
        refused=count - int(answered.sum()),
        accuracy=float(right.mean()),
        interval=wilson_interval(int(right.sum()), count),
        coverage=float(believed.mean()),
        risk=float(1 - right[believed].mean()) if believed.any() else None,
        confidence=float(confidence[answered].mean()) if some else None,
        calibration_error=confidence_gap(confidence[answered], right[answered]) if some else None,
        accuracy_at_coverage={
            coverage: accuracy_at_coverage(confidence, right, coverage) for coverage in COVERAGES
        },
    )


@dataclass(frozen=True)
class NonDigitFigures:
    """Pictures that show no digit, at least one.

    `abstained` and the shares by reason are of all of them; `auroc` tells how well digit_score
    ranks digits above them, None where an answer lacks it.
    """

    samples: int
    refused: int
    abstained: float
    reasons: Mapping[str, float]
    digit_score: float | None
    auroc: float | None


def non_digit_figures(outcomes: Sequence[Outcome], digits: Sequence[Outcome]) -> NonDigitFigures:
    """`digits` are the outcomes of all pictures that show one."""
    count = len(outcomes)
    reasons = Counter(outcome.reason for outcome in outcomes if outcome.reason is not None)
    scores, digit_scores = digit_scores_of(outcomes), digit_scores_of(digits)
    return NonDigitFigures(
        samples=count,
        refused=sum(outcome.read is None for outcome in outcomes),
        abstained=reasons.total() / count,
        reasons={reason: number / count for reason, number in reasons.items()},
        digit_score=fmean(scores) if scores else None,
        auroc=auroc(np.array(digit_scores), np.array(scores)) if scores and digit_scores else None,
    )


def digit_scores_of(outcomes: Sequence[Outcome]) -> list[float] | None:
    """Those of all that were not refused; None where one of them lacks it, or there are none."""
    scores = [outcome.digit_score for outcome in outcomes if outcome.read is not None]
    found = [score for score in scores if score is not None]
    return found if found and len(found) == len(scores) else None
