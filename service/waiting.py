"""Rows that wait for a run, the most urgent first."""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Generic, TypeVar

from service.cost import Line

Row = TypeVar("Row")
Result = TypeVar("Result")


@dataclass(slots=True, eq=False)
class Pending(Generic[Row, Result]):
    """One row from its arrival to its answer; times are those of the event loop."""

    row: Row
    size: float
    arrived: float
    deadline: float
    answer: asyncio.Future[Result]
    queue: Queue[Row, Result] | None = None  # where it waits
    expiry: asyncio.TimerHandle | None = None


by_deadline = attrgetter("deadline")


class Queue(Generic[Row, Result]):
    """Ordered by deadline. What is settled stays in the list until it is come across, but counts no
    more."""

    def __init__(self) -> None:
        self._items: list[Pending[Row, Result]] = []
        self.rows = 0
        self.size = 0.0  # of all rows together

    def add(self, pending: Iterable[Pending[Row, Result]]) -> None:
        """Take in what is in no queue."""
        for each in pending:
            each.queue = self
            self.rows += 1
            self.size += each.size
            insort(self._items, each, key=by_deadline)

    def drop(self, pending: Pending[Row, Result]) -> None:
        """Count a row of this queue no more: it is settled, or runs."""
        pending.queue = None
        self.rows -= 1
        self.size -= pending.size
        if not self.rows:
            self._items.clear()
            self.size = 0.0  # without what rounding left

    def most_urgent(self, count: int) -> list[Pending[Row, Result]]:
        """Up to `count` rows, by deadline."""
        found = list(islice((each for each in self._items if each.queue is self), count))
        if found:
            del self._items[: self._items.index(found[0])]
        return found

    def ahead(self, deadline: float) -> tuple[int, float]:
        """Rows that are at least as urgent as `deadline`, and their size."""
        rows, size = self.rows, self.size
        for each in reversed(self._items):
            if each.deadline <= deadline:
                break
            if each.queue is self:
                rows, size = rows - 1, size - each.size
        return rows, size

    def can_give_way(self, deadline: float, start: float, pace: Line, lanes: int) -> bool:
        """Whether all that are less urgent than `deadline` still make theirs, where the first of
        all begin at `start` and `lanes` run at a time."""
        end = start + pace.seconds(self.rows, self.size) / lanes
        for each in reversed(self._items):
            if each.deadline <= deadline:
                break
            if each.queue is self:
                if end > each.deadline:
                    return False
                end -= pace.seconds(1, each.size) / lanes
        return True
