"""The outcome of an evaluation on digits as tables, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

from training.digit_figures import (
    DigitFigures,
    NonDigitFigures,
    Outcome,
    digit_figures,
    non_digit_figures,
)
from training.picture_kinds import NO_DIGIT, Kind
from training.table import NOTHING, as_table, percent

Outcomes = dict[tuple[str, str], list[Outcome]]  # by group and kind

REASONS = ("blank", "not_a_digit", "several_digits", "uncertain")
DIGIT_COLUMNS = [
    "pictures of a digit", "n", "accuracy", "95% interval", "coverage", "risk", "confidence", "ECE",
    "refused",
]  # fmt: skip
NON_DIGIT_COLUMNS = [
    "pictures of no digit", "n", "abstained", *REASONS, "refused", "digit_score", "AUROC",
]  # fmt: skip


class DigitReport:
    """Outcomes by kind, in the order in which they were asked."""

    def __init__(self) -> None:
        self._digits: Outcomes = {}
        self._non_digits: Outcomes = {}

    def add(self, kind: Kind, outcome: Outcome) -> None:
        """The outcome of one more picture."""
        part = self._non_digits if kind.group == NO_DIGIT else self._digits
        part.setdefault((kind.group, kind.name), []).append(outcome)

    def digits(self) -> Mapping[str, DigitFigures]:
        """By kind; behind the kinds of a group all of them together, and at the end all digits."""
        return {name: digit_figures(each) for name, each in _summed(self._digits)}

    def non_digits(self) -> Mapping[str, NonDigitFigures]:
        """As `digits`."""
        digits = [*chain(*self._digits.values())]
        return {name: non_digit_figures(each, digits) for name, each in _summed(self._non_digits)}

    def as_text(self) -> str:
        """Tables and what is to be said about them."""
        parts = []
        if digits := self.digits():
            parts.append(as_table(DIGIT_COLUMNS, [_digit_cells(*row) for row in digits.items()]))
            last = [*digits.values()][-1]
            kept = last.accuracy_at_coverage.items()
            parts.append(
                "Accuracy of the most confident answers: "
                + ", ".join(f"{percent(right)} of {share:.0%}" for share, right in kept)
                + "."
            )
        if others := self.non_digits():
            parts.append(
                as_table(NON_DIGIT_COLUMNS, [_non_digit_cells(*row) for row in others.items()])
            )
            if digits:
                parts.append(_auroc([*others.values()][-1]))
        return "\n\n".join(parts)

    def as_json(self) -> dict[str, Any]:
        """The same figures by kind, shares between 0 and 1."""
        return {
            "digits": {name: asdict(each) for name, each in self.digits().items()},
            "non_digits": {name: asdict(each) for name, each in self.non_digits().items()},
        }


def _auroc(everything: NonDigitFigures) -> str:
    if everything.auroc is None:
        return "No AUROC: not every answer has a digit_score."
    return (
        "AUROC tells how often digit_score is higher for a digit of any kind than for such a "
        f"picture: {everything.auroc:.4f} over all."
    )


def _summed(outcomes: Outcomes) -> Iterator[tuple[str, list[Outcome]]]:
    """Each kind, each group of several kinds, and several groups as "all digits"."""
    groups = [*dict.fromkeys(group for group, _ in outcomes)]
    for group in groups:
        members = {name: each for (of, name), each in outcomes.items() if of == group}
        yield from members.items()
        if len(members) > 1:
            yield f"all {group}", [*chain(*members.values())]
    if len(groups) > 1:
        yield "all digits", [*chain(*outcomes.values())]


def _digit_cells(name: str, row: DigitFigures) -> Sequence[str]:
    low, high = row.interval
    return [
        name,
        f"{row.samples:,}",
        percent(row.accuracy),
        f"{100 * low:.2f} to {percent(high)}",
        percent(row.coverage),
        percent(row.risk),
        percent(row.confidence),
        percent(row.calibration_error),
        f"{row.refused:,}",
    ]


def _non_digit_cells(name: str, row: NonDigitFigures) -> Sequence[str]:
    return [
        name,
        f"{row.samples:,}",
        percent(row.abstained),
        *(percent(row.reasons.get(reason, 0.0), 1) for reason in REASONS),
        f"{row.refused:,}",
        NOTHING if row.digit_score is None else f"{row.digit_score:.3f}",
        NOTHING if row.auroc is None else f"{row.auroc:.4f}",
    ]
