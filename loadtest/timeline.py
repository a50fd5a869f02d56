"""What became of the requests of a run, second by second."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel

STEP = 1.01  # from one bucket of times to the next: a percentile is right within half a percent

Outcome = Literal["answered", "refused", "wrong", "failed"]


def bucket(milliseconds: float) -> int:
    """The number of the bucket of a time."""
    return round(math.log(max(milliseconds, 0.01)) / math.log(STEP))


def percentile(buckets: Counter[int], percent: float) -> float | None:
    """In milliseconds; of no time at all, None."""
    left = math.ceil(percent / 100 * buckets.total())
    for number, count in sorted(buckets.items()):
        left -= count
        if left <= 0:
            return float(STEP**number)
    return None


class Cell(BaseModel):
    """Requests of one kind that ended in some span of time. `times` are those of all answers with
    status 200, right or wrong, in buckets."""

    answered: int = 0  # rightly
    refused: int = 0
    wrong: int = 0
    failed: int = 0  # another status, or no answer
    times: Counter[int] = Counter()

    @property
    def total(self) -> int:
        return self.answered + self.refused + self.wrong + self.failed

    def add(self, outcome: Outcome, milliseconds: float) -> None:
        setattr(self, outcome, getattr(self, outcome) + 1)
        if outcome in ("answered", "wrong"):
            self.times[bucket(milliseconds)] += 1

    def merge(self, other: Cell) -> None:
        self.answered += other.answered
        self.refused += other.refused
        self.wrong += other.wrong
        self.failed += other.failed
        self.times.update(other.times)


class Level(BaseModel):
    """How hard the service was driven."""

    users: int
    rate: float = 0.0  # arrivals a second


class Timeline(BaseModel):
    """`began` is a Unix time, in seconds; every second is counted from it."""

    began: float = 0.0
    seconds: dict[int, dict[str, Cell]] = {}
    levels: dict[int, Level] = {}
    lag: Counter[int] = (
        Counter()
    )  # from when a request of the open loop was due until it was sent, in buckets
    failures: Counter[str] = Counter()  # "kind: what was wrong" -> how often
    accuracy: dict[str, tuple[int, int]] = {}  # of real data: right, asked
    broke: str | None = None  # where a ramp ended

    def add(self, second: int, kind: str, outcome: Outcome, milliseconds: float) -> None:
        cells = self.seconds.setdefault(second, {})
        if kind not in cells:
            cells[kind] = Cell()
        cells[kind].add(outcome, milliseconds)

    def kinds(self, seconds: Iterable[int] | None = None) -> dict[str, Cell]:
        """By kind, of these seconds or of all."""
        found: dict[str, Cell] = {}
        for second in self.seconds if seconds is None else seconds:
            for kind, cell in self.seconds.get(second, {}).items():
                found.setdefault(kind, Cell()).merge(cell)
        return dict(sorted(found.items()))

    def whole(self, seconds: Iterable[int] | None = None) -> Cell:
        """All kinds together."""
        return together(self.kinds(seconds))


def together(kinds: dict[str, Cell]) -> Cell:
    """One cell of all."""
    found = Cell()
    for cell in kinds.values():
        found.merge(cell)
    return found
