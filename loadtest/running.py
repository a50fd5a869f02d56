"""A run while it takes place: its clock, what is counted, and when it is over."""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from loadtest.shapes import due_times, level
from loadtest.slo import Slo, judge
from loadtest.timeline import Level, Outcome, Timeline, bucket, percentile

PATIENCE = 30.0  # seconds for an answer
KEY = "LOADTEST_KEY"  # variable with the API key to show, where the service asks for one
SAID_EVERY = 5  # seconds between lines of progress
WINDOW = 5  # seconds by which a ramp is judged
ENOUGH = 100  # answers of a kind that its times are judged by
BAD_ENDS = 2  # windows in a row that end a ramp


def authorization() -> dict[str, str]:
    """The header that shows the key, where there is one."""
    key = os.environ.get(KEY)
    return {"Authorization": f"Bearer {key}"} if key else {}


class Options(Protocol):
    """What the command line says; an empty shape is locust's own."""

    shape: str
    num_users: int
    arrivals: float
    seconds: float
    scenario: str
    timeline: str


class Run:
    """Counts into `timeline`; every second is counted from `begin`."""

    def __init__(
        self, options: Options, slo: Slo, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.options = options
        self.timeline = Timeline()
        self._slo = slo
        self._clock = clock
        self._start = clock()
        self._ended = False
        self._bad = 0  # windows in a row
        self._said = 0  # the second up to which it was said how things stand

    def begin(self) -> None:
        self._start = self._clock()
        self.timeline = Timeline(began=time.time())

    def end(self) -> None:
        """Now, whatever the shape says."""
        self._ended = True

    def second(self) -> float:
        return self._clock() - self._start

    def count(self, kind: str, outcome: Outcome, milliseconds: float) -> None:
        """Now it ended."""
        self.timeline.add(int(self.second()), kind, outcome, milliseconds)

    def fail(self, kind: str, said: str) -> None:
        self.timeline.failures[f"{kind}: {said}"] += 1

    def lag(self, milliseconds: float) -> None:
        """A request was sent so long after it was due."""
        self.timeline.lag[bucket(milliseconds)] += 1

    def users(self) -> int:
        """How many there should be now."""
        return math.ceil(self.options.num_users * (self._level(self.second()) or 0.0))

    def due_times(self, chance: random.Random) -> Iterator[float]:
        """When requests are due, on that clock."""
        if self.options.arrivals:
            for second in due_times(self._rate, chance):
                yield self._start + second

    def over(self) -> bool:
        """To be asked once a second, since it also says how things stand, and ends a ramp that
        broke the SLO."""
        second = int(self.second())
        if self._ended or self._level(self.second()) is None:
            return True
        rate = self._rate(second) or 0.0
        self.timeline.levels[second] = Level(users=self.users(), rate=rate)
        if self.options.shape == "ramp" and self._broken(second):
            return True
        if second >= self._said + SAID_EVERY:
            print(self._line(range(self._said, second)), flush=True)
            self._said = second
        return False

    def _level(self, second: float) -> float | None:
        if not self.options.shape:  # locust says when it is over
            return 1.0
        return level(self.options.shape, second, self.options.seconds)

    def _rate(self, second: float) -> float | None:
        share = self._level(second)
        return None if share is None else share * self.options.arrivals

    def _broken(self, second: int) -> bool:
        """Whether the last windows have broken the SLO, which is then noted."""
        kinds = self.timeline.kinds(range(second - WINDOW, second))
        broken = [
            verdict
            for verdict in (judge(self._slo, kinds) if kinds else [])
            if not verdict.kept
            and not (verdict.what.endswith("_ms") and kinds[verdict.kind].times.total() < ENOUGH)
        ]
        self._bad = self._bad + 1 if broken else 0
        if self._bad < BAD_ENDS:
            return False
        now = self.timeline.levels[second]
        driven = [f"{now.users} users"] if self.options.num_users else []
        driven += [f"{now.rate:.0f} arrivals a second"] if self.options.arrivals else []
        first = broken[0]
        self.timeline.broke = (
            f"after {second} s, at {' and '.join(driven)}: {first.kind}, {first.title} was "
            f"{first.found} ({first.limit} asked)"
        )
        return True

    def _line(self, span: range) -> str:
        second = span.stop
        cell = self.timeline.whole(span)
        p50, p95 = (percentile(cell.times, percent) or 0.0 for percent in (50, 95))
        return (
            f"[{second // 60}:{second % 60:02} of {self.options.seconds:.0f} s] "
            f"{self.timeline.levels[second].users} users, {cell.total / len(span):.0f} "
            f"requests/s, p50 {p50:.0f} ms, p95 {p95:.0f} ms, {cell.refused} refused, "
            f"{cell.wrong} wrong, {cell.failed} failed"
        )
