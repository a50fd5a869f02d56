"""Whether there is time and room for a call, told before anyone works on it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from math import ceil
from typing import Generic, TypeVar

from service.cost import Line
from service.errors import Overloaded
from service.telemetry import QueueMetrics
from service.waiting import Pending, Queue

Row = TypeVar("Row")
Result = TypeVar("Result")

REFUSALS = {
    "queue_full": "As much work as may wait is waiting.",
    "memory": "As much as may be held is being worked on.",
    "deadline": "An answer within the deadline is not possible now.",
}


@dataclass(slots=True, eq=False)
class Run(Generic[Row, Result]):
    """Rows on their way through the model; times are those of the event loop."""

    batch: list[Pending[Row, Result]]
    size: float  # of all its rows
    padded: float  # as many times its largest
    began: float
    end: float  # as predicted


class Admission(Generic[Row, Result]):
    """Knows all that waits and runs, and how fast that becomes less."""

    def __init__(
        self,
        *,
        lanes: int,
        queue_limit: float,
        max_held: float,
        margin: float,
        metrics: QueueMetrics,
    ) -> None:
        """As in `Batcher`; `lanes` runs take place at a time."""
        self.single: Queue[Row, Result] = Queue()
        self.bulk: Queue[Row, Result] = Queue()  # behind `single`
        self.running: list[Run[Row, Result]] = []
        self.pace = Line()  # seconds by rows and their sizes
        self._lanes = lanes
        self._queue_limit = queue_limit
        self._max_held = max_held
        self._margin = margin
        self._metrics = metrics
        self._typical = 1.0  # size of a row
        self._announced = 0  # rows that will be submitted in this turn of the event loop

    @property
    def rows(self) -> int:
        """How many wait."""
        return self.single.rows + self.bulk.rows

    @property
    def predicted(self) -> float:
        """Seconds of work that wait."""
        return self.pace.seconds(self.rows, self.single.size + self.bulk.size) / self._lanes

    def announce(self, deadline: float, now: float) -> None:
        """`check` for one row of the usual size that is still to be read.

        Those announced in the same turn of the event loop count as if they were queued.
        """
        self.check(self.single, 1, self._typical, deadline, now, self._announced)
        self._announced += 1
        if self._announced == 1:
            asyncio.get_running_loop().call_soon(self._forget_announced)

    def saw(self, size: float) -> None:
        """A row of this size was admitted."""
        self._typical += 0.02 * (size - self._typical)

    def check(
        self,
        queue: Queue[Row, Result],
        rows: int,
        size: float,
        deadline: float,
        now: float,
        announced: int = 0,
    ) -> None:
        """Raise Overloaded, with the time that all before it and around it takes, where `rows` of
        `size` in all cannot be done by `deadline` or do not fit."""
        if not (self.running or self.rows or announced):
            return  # with nothing ahead it is no overload, whatever the estimate: it is tried
        running = sum(max(0.0, run.end - now) for run in self.running) / self._lanes
        before, size_before = queue.ahead(deadline)
        everything, whole_size = queue.rows, queue.size
        more, size_more = announced, announced * self._typical
        if queue is self.bulk:
            more, size_more = more + self.single.rows, size_more + self.single.size
        wait = running + self.pace.seconds(before + more, size_before + size_more) / self._lanes
        own = self.pace.seconds(rows, size) / self._lanes
        held = self.single.size + self.bulk.size + sum(run.size for run in self.running)
        if wait > self._queue_limit:
            reason = "queue_full"
        elif held + size > self._max_held:
            reason = "memory"
        elif (wait + own) * self._margin > deadline - now or not queue.can_give_way(
            deadline, now + running + own, self.pace, self._lanes
        ):
            reason = "deadline"
        else:
            return
        self._metrics.refused(reason)
        whole = self.pace.seconds(everything + more, whole_size + size_more)
        drained = running + whole / self._lanes
        raise Overloaded(REFUSALS[reason], retry_after_ms=max(1, ceil(drained * 1000)))

    def _forget_announced(self) -> None:
        self._announced = 0
