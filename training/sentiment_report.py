"""The outcome of an evaluation on texts as a table with its worst mistakes, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from heapq import nlargest
from itertools import chain
from typing import Any

from training.datasets import MOODS
from training.sentiment_figures import COVERAGE, MoodFigures, Outcome, mood_figures
from training.table import as_table, one_line, percent

COLUMNS = [
    "texts", "n", "accuracy", "95% interval", "ECE", f"surest {COVERAGE:.0%}", "abstained",
    "believed", "refused",
]  # fmt: skip
LEGEND = (
    f"surest {COVERAGE:.0%}: accuracy of the most confident {COVERAGE:.0%}; believed: accuracy "
    "where the service did not abstain."
)


class SentimentReport:
    """Outcomes by kind, in the order in which they were asked."""

    def __init__(self) -> None:
        self._outcomes: dict[str, dict[str, list[Outcome]]] = {}

    def add(self, group: str, kind: str, outcome: Outcome) -> None:
        """The outcome of one more text; a group has one kind or several."""
        self._outcomes.setdefault(group, {}).setdefault(kind, []).append(outcome)

    def figures(self) -> Mapping[str, MoodFigures]:
        """By kind; behind several kinds of a group all of them together."""
        return {name: mood_figures(each) for name, each in self._rows()}

    def reasons(self) -> Mapping[str, int]:
        """How often the service abstained for each reason, the most frequent first."""
        reasons = (each.reason for _, each in self._all() if each.reason is not None)
        return dict(Counter(reasons).most_common())

    def as_text(self, worst: int) -> str:
        """The table, why the service abstained, and so many of the mistakes: the most confident
        wrong answers among those that it did not abstain from."""
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.reasons().items())
        parts = [
            as_table(COLUMNS, [_cells(*row) for row in self.figures().items()]),
            LEGEND,
            f"Abstained: {reasons or 'never'}.",
        ]
        if worst:
            mistakes = [each for each in self._all() if each[1].believed and not each[1].right]
            chosen = nlargest(worst, mistakes, key=lambda each: each[1].confidence)
            shown = [f"The worst of {len(mistakes):,} mistakes:", *map(_mistake, chosen)]
            parts.append("\n".join(shown) if mistakes else "No mistakes.")
        return "\n\n".join(parts)

    def as_json(self) -> dict[str, Any]:
        """The same figures by kind, shares between 0 and 1, and the counts of reasons."""
        return {
            "texts": {name: asdict(each) for name, each in self.figures().items()},
            "reasons": self.reasons(),
        }

    def _rows(self) -> Iterator[tuple[str, list[Outcome]]]:
        for group, kinds in self._outcomes.items():
            yield from kinds.items()
            if len(kinds) > 1:
                yield f"all {group}", [*chain(*kinds.values())]

    def _all(self) -> Iterator[tuple[str, Outcome]]:
        for kinds in self._outcomes.values():
            for kind, outcomes in kinds.items():
                yield from ((kind, outcome) for outcome in outcomes)


def _cells(name: str, row: MoodFigures) -> Sequence[str]:
    low, high = row.interval
    return [
        name,
        f"{row.samples:,}",
        percent(row.accuracy),
        f"{100 * low:.2f} to {percent(high)}",
        percent(row.calibration_error),
        percent(row.accuracy_at_coverage),
        percent(row.abstained),
        percent(row.believed_accuracy),
        f"{row.refused:,}",
    ]


def _mistake(wrong: tuple[str, Outcome]) -> str:
    kind, outcome = wrong
    true, told = MOODS[outcome.label], MOODS[1 - outcome.label]
    return f"{percent(outcome.confidence)} {told}, is {true} ({kind}): {one_line(outcome.text)}"
