"""Many requests, few runs. Knows no model, no runtime and no HTTP.

An idle thread runs at once what is queued, so that no timer delays a lone request; batches form
only while all threads are busy.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from service.errors import DeadlineExceeded, Draining, Internal, Overloaded, ServiceError

Row = TypeVar("Row")
Result = TypeVar("Result")

SIZE_RATIO = 1.25
"""Rows run together only if the largest is at most this much larger than the smallest, since a run
takes as long for each row as for its largest."""

FORGETTING = 0.1
"""Weight of the latest run in the estimate of what a unit of size costs."""


@dataclass(slots=True)
class Outcome(Generic[Result]):
    """What became of one row, and where its time went, in seconds."""

    result: Result
    queued: float
    ran: float
    batch: int  # rows of the run it was part of


@dataclass(slots=True, eq=False)
class _Pending(Generic[Row, Result]):
    row: Row
    size: int
    arrived: float
    deadline: float
    answer: asyncio.Future[Outcome[Result]]


class Batcher(Generic[Row, Result]):
    """Runs rows of similar size together, `threads` batches at a time, first come first served."""

    def __init__(
        self,
        run: Callable[[Sequence[Row]], Sequence[Result]],
        *,
        size: Callable[[Row], int],
        max_batch: int,
        queue_limit: int,
        threads: int,
    ) -> None:
        """`run` takes up to `max_batch` rows and gives a result for each, in order; it is called
        in threads. `size` is what a row costs, above 0 and in any unit."""
        self._run = run
        self._size = size
        self._max_batch = max_batch
        self._queue_limit = queue_limit
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="run")
        self._queue: deque[_Pending[Row, Result]] = deque()
        self._running: dict[asyncio.Task[None], int] = {}  # with the size of its rows
        self._seconds_per_size = 0.0
        self._closing = False

    async def submit(
        self, rows: Sequence[Row], deadline: float
    ) -> list[Outcome[Result] | ServiceError]:
        """Each row's outcome or its error, in order; all rows are admitted, or none.

        `deadline` is a time of the event loop; a row still queued then is never run. Cancelling
        takes along what is queued. Raises Overloaded where the rows do not fit into the queue or
        cannot be done in time, and Draining while closing.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        pending = [
            _Pending(row, self._size(row), now, deadline, loop.create_future()) for row in rows
        ]
        self._admit(pending, deadline - now)
        self._queue.extend(pending)
        self._dispatch()
        answers = [each.answer for each in pending]
        try:
            await asyncio.wait(answers, timeout=deadline - now)
        finally:
            for answer in answers:
                answer.cancel()  # those that have an outcome keep it
        return [_settled(answer) for answer in answers]

    async def close(self) -> None:
        """Refuse new rows, and return when all admitted ones are done."""
        self._closing = True
        while self._running:
            await asyncio.wait(self._running)
        self._pool.shutdown()

    def _admit(self, pending: Sequence[_Pending[Row, Result]], patience: float) -> None:
        if self._closing:
            raise Draining("The service is shutting down; ask another one.", retry_after_ms=1000)
        self._queue = deque(each for each in self._queue if not each.answer.done())
        ahead = sum(self._running.values()) + sum(each.size for each in self._queue)
        wait = self._seconds_per_size * ahead / self._threads
        own = self._seconds_per_size * sum(each.size for each in pending) / self._threads
        # With nothing ahead it is no overload, whatever the estimate: the row is tried.
        if len(self._queue) + len(pending) > self._queue_limit or (ahead and wait + own > patience):
            raise Overloaded(
                f"{len(self._queue)} rows are waiting; this call needs {len(pending)} of "
                f"{self._queue_limit} places, and an answer within its deadline.",
                retry_after_ms=max(1, math.ceil(wait * 1000)),
            )

    def _dispatch(self) -> None:
        while len(self._running) < self._threads and (batch := self._next_batch()):
            task = asyncio.get_running_loop().create_task(self._execute(batch))
            self._running[task] = sum(each.size for each in batch)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._dispatch()

    def _next_batch(self) -> list[_Pending[Row, Result]]:
        """The row that has waited longest with those behind it that are of its size."""
        now = asyncio.get_running_loop().time()
        batch: list[_Pending[Row, Result]] = []
        passed: list[_Pending[Row, Result]] = []
        smallest = largest = 0
        while self._queue and len(batch) < self._max_batch:
            each = self._queue.popleft()
            if each.answer.done() or each.deadline <= now:
                continue  # cancelled, or out of time: `submit` says so
            low, high = min(smallest or each.size, each.size), max(largest, each.size)
            if high <= low * SIZE_RATIO:
                batch.append(each)
                smallest, largest = low, high
            else:
                passed.append(each)
        self._queue.extendleft(reversed(passed))
        return batch

    async def _execute(self, batch: list[_Pending[Row, Result]]) -> None:
        """Run a batch; where that fails, run its halves, until only the bad row has failed."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            results = await loop.run_in_executor(
                self._pool, self._run, [each.row for each in batch]
            )
            answered = list(zip(batch, results, strict=True))
        except Exception as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                await self._execute(batch[:middle])
                await self._execute(batch[middle:])
            elif not batch[0].answer.done():
                failure = Internal("The model failed on this input.")
                failure.__cause__ = error
                batch[0].answer.set_exception(failure)
            return
        ran = loop.time() - started
        self._learn(ran / (len(batch) * max(each.size for each in batch)))
        for each, result in answered:
            if not each.answer.done():  # the client may have gone away
                each.answer.set_result(Outcome(result, started - each.arrived, ran, len(batch)))

    def _learn(self, seconds: float) -> None:
        weight = FORGETTING if self._seconds_per_size else 1.0
        self._seconds_per_size += weight * (seconds - self._seconds_per_size)


def _settled(answer: asyncio.Future[Outcome[Result]]) -> Outcome[Result] | ServiceError:
    if answer.cancelled():
        return DeadlineExceeded("The answer was not ready within the deadline.")
    error = answer.exception()
    if isinstance(error, ServiceError):
        return error
    return answer.result()
