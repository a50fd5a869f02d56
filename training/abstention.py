"""When an answer is not to be believed: thresholds, and what they cost and save."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.contract.manifest import Abstention
from service.contract.probabilities import class_probabilities, digit_score
from training.scores import Flags, Logits, Scored, Shares, confidence_gap

LOW_SCORES = 0.005
"""The share of digits read right that may be lost to the threshold of the digit score."""
ABSTAINED = 0.01
"""The share of digits read right that may be lost to both thresholds."""
RISK = 0.05
"""The share of wrong answers among the texts that are believed."""


@dataclass(frozen=True)
class Judged:
    """What clients are told of each input of one part of the data, and whether it is right."""

    part: str
    confidence: Shares
    scores: Shares  # of a digit; 1 where there is no such score
    right: Flags
    unknown: Shares | float = 0.0  # share of the words of a text

    def calibration_error(self) -> float:
        """Expected, of 15 bins."""
        return confidence_gap(self.confidence, self.right)

    def believed(self, thresholds: Abstention) -> Flags:
        """Which answers are given as ones to rely on."""
        sure = self.confidence >= thresholds.min_confidence
        known = np.asarray(self.unknown) <= thresholds.max_unknown_fraction
        return sure & known & (self.scores >= thresholds.min_digit_score)

    def coverage_and_risk(self, thresholds: Abstention) -> tuple[float, float]:
        """The share of answers that are believed, and that of wrong ones among them."""
        believed = self.believed(thresholds)
        wrong = int((believed & ~self.right).sum())
        return float(believed.mean()), wrong / max(1, int(believed.sum()))

    def risk_by_coverage(self) -> tuple[Shares, Shares]:
        """Coverages (n,), rising, and the risk of believing so many of the surest answers: those of
        the highest digit score times confidence (El-Yaniv and Wiener, JMLR 11, 2010)."""
        surest = np.argsort(-self.scores * self.confidence, kind="stable")
        believed = np.arange(1, len(surest) + 1)
        return believed / len(surest), np.cumsum(~self.right[surest]) / believed


def judge(part: str, scored: Scored, temperature: float, shown: Flags) -> Judged:
    """`shown` is false for a blank picture, whose score is 0 whatever the logits."""
    probabilities = class_probabilities(scored.logits, temperature)
    return Judged(
        part,
        confidence=probabilities.max(axis=1),
        scores=digit_scores(scored.logits) * shown,
        right=probabilities.argmax(axis=1) == scored.labels,
    )


def judge_text(part: str, scored: Scored, temperature: float, unknown: Shares) -> Judged:
    """`unknown` is the share of unknown words of each text."""
    probabilities = class_probabilities(scored.logits, temperature)
    return Judged(
        part,
        confidence=probabilities.max(axis=1),
        scores=np.ones(len(unknown)),
        right=probabilities.argmax(axis=1) == scored.labels,
        unknown=unknown,
    )


def digit_scores(logits: Logits) -> Shares:
    """Of each row of logits (n, 10)."""
    return np.array([digit_score(row) for row in logits.tolist()])


def choose_thresholds(validation: Sequence[Judged]) -> Abstention:
    """The highest thresholds that leave 99% of the digits of `validation` that are read right.

    Those read wrong have no say: mostly their ink was not found, so they look like no digit. The
    threshold of the digit score comes first, as high as it can be with no more than 0.5% below it.
    What may still be lost, up to 1% of all, the threshold of confidence takes.
    """
    right = np.concatenate([part.right for part in validation])
    scores = np.concatenate([part.scores for part in validation])
    confidence = np.concatenate([part.confidence for part in validation])
    count = int(right.sum())
    min_score = np.sort(scores[right])[math.floor(LOW_SCORES * count)]
    digits = confidence[right & (scores >= min_score)]
    min_confidence = np.sort(digits)[math.floor(ABSTAINED * count) - (count - len(digits))]
    return Abstention(
        coverage=float(((scores >= min_score) & (confidence >= min_confidence)).mean()),
        min_confidence=float(min_confidence),
        min_digit_score=float(min_score),
    )


def choose_confidence(validation: Sequence[Judged], max_unknown_fraction: float) -> Abstention:
    """The lowest threshold of confidence that leaves answers of which at least 95% are right, if
    inputs come as often from one part of `validation` as from another (selective classification
    with a given risk: Geifman and El-Yaniv, arXiv:1705.08500)."""
    weights = np.concatenate([np.full(len(part.right), 1 / len(part.right)) for part in validation])
    confidence = np.concatenate([part.confidence for part in validation])
    surest = np.argsort(-confidence, kind="stable")
    confidence, weights = confidence[surest], weights[surest]
    wrong = ~np.concatenate([part.right for part in validation])[surest]
    risk = np.cumsum(weights * wrong) / np.cumsum(weights)
    last_alike = np.append(np.diff(confidence) < 0, True)  # all of like confidence are believed
    allowed = np.flatnonzero(last_alike & (risk <= RISK))
    thresholds = Abstention(
        coverage=1,
        min_confidence=float(confidence[allowed[-1]] if len(allowed) else 1),
        max_unknown_fraction=max_unknown_fraction,
    )
    coverage = np.mean([part.coverage_and_risk(thresholds)[0] for part in validation])
    return thresholds.model_copy(update={"coverage": float(coverage)})
