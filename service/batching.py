"""Many requests, few runs. Knows no model, no runtime and no HTTP.

A free thread runs at once what is queued, so that no timer delays a lone request; batches form only
while all threads are busy. Which rows run together is decided by what runs were found to cost.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from math import ceil, inf
from operator import attrgetter
from typing import Any, Generic, TypeVar

from service.cost import Line, RunCost, cheapest_batch
from service.errors import DeadlineExceeded, Draining, Internal, Overloaded, ServiceError
from service.telemetry import QueueMetrics
from service.waiting import Pending, Queue

Row = TypeVar("Row")
Result = TypeVar("Result")

by_size = attrgetter("size")

WINDOW = 64
"""Of what waits, so many of the most urgent rows are considered for a batch."""


REFUSALS = {
    "queue_full": "As much work as may wait is waiting.",
    "memory": "As much as may be held is being worked on.",
    "deadline": "An answer within the deadline is not possible now.",
}


@dataclass(slots=True)
class Outcome(Generic[Result]):
    """What became of one row, and where its time went, in seconds."""

    result: Result
    queued: float
    ran: float
    batch: int  # rows of the run it was part of


Answered = Outcome[Result] | ServiceError


@dataclass(slots=True, eq=False)
class _Run(Generic[Row, Result]):
    batch: list[Pending[Row, Answered[Result]]]
    size: float  # of all its rows
    padded: float  # as many times its largest
    began: float
    end: float  # as predicted


class Batcher(Generic[Row, Result]):
    """Runs the most urgent row first, together with those that make its run cheaper.

    Rows of bulk calls come behind all others, until half of their time has passed.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Row]], Sequence[Result]],
        *,
        size: Callable[[Row], float],
        threads: int,
        max_batch: int,
        queue_limit: float,
        metrics: QueueMetrics,
        max_padded: float = inf,
        max_held: float = inf,
        cost: RunCost | None = None,
    ) -> None:
        """`run` takes up to `max_batch` rows and gives a result for each, in order. It is called in
        `threads` threads or, where these are 0, on the event loop: for runs so short that a thread
        would cost more than it saves.

        `size` is what a row costs, above 0 and in any unit. A run costs by its rows and the largest
        of them; rows times that stays within `max_padded`. A single row that would wait for more
        than `queue_limit` seconds is refused, as is what would bring the sizes of all that is
        queued or running above `max_held`.
        """
        self._run = run
        self._size = size
        self._lanes = threads or 1
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="run") if threads else None
        self._max_batch = max_batch
        self._max_padded = max_padded
        self._max_held = max_held
        self._queue_limit = queue_limit
        self._metrics = metrics
        self._cost = cost or RunCost(max_batch)
        self._pace = Line()  # seconds by rows and their sizes: how fast the queue gets shorter
        self._typical = 1.0  # size of a row
        self._single: Queue[Row, Answered[Result]] = Queue()
        self._bulk: Queue[Row, Answered[Result]] = Queue()
        self._failed: deque[list[Pending[Row, Answered[Result]]]] = deque()  # to be run in parts
        self._running: list[_Run[Row, Result]] = []
        self._new: list[Pending[Row, Answered[Result]]] = []  # without a timer for their deadline
        self._dispatching = False
        self._busy_since = 0.0  # where a run on the event loop ended with others waiting, else 0
        self._closing = False
        self._changed = asyncio.Event()

    async def submit(self, row: Row, deadline: float) -> Outcome[Result]:
        """What came out for `row`; raises its ServiceError.

        `deadline` is a time of the event loop: a row that cannot be done by then is refused with
        Overloaded, and one that still waits then is never run (DeadlineExceeded). Cancelling takes
        it out of the queue. Raises Draining while closing.
        """
        pending = self._enqueue(self._single, [row], deadline)
        try:
            answer = await pending[0].answer
        except asyncio.CancelledError:
            self._withdraw(pending)
            raise
        if isinstance(answer, ServiceError):
            raise answer
        return answer

    async def submit_many(self, rows: Sequence[Row], deadline: float) -> list[Answered[Result]]:
        """As `submit`, for a bulk call: each row's outcome or its error, in order; all rows are
        admitted, or none."""
        pending = self._enqueue(self._bulk, rows, deadline)
        try:
            return [await each.answer for each in pending]
        except asyncio.CancelledError:
            self._withdraw(pending)
            raise

    def refuse_if_full(self, deadline: float) -> None:
        """Raise what `submit` would for a row of the usual size, before anyone works on it."""
        self._admit(self._single, 1, self._typical, deadline, asyncio.get_running_loop().time())

    def measure(self, rows: Sequence[Row]) -> None:
        """Run `rows` here and now, to learn what that costs."""
        sizes = [self._size(row) for row in rows]
        began = time.perf_counter()
        self._run(rows)
        seconds = time.perf_counter() - began
        self._cost.learn(len(rows), max(sizes), seconds)
        self._pace.learn(len(rows), sum(sizes), seconds)

    async def close(self) -> None:
        """Refuse new rows, and return when all admitted ones are done."""
        self._closing = True
        while self._running or self._failed or self._single.rows or self._bulk.rows:
            self._changed.clear()
            await self._changed.wait()
        if self._pool:
            self._pool.shutdown()

    def _enqueue(
        self, queue: Queue[Row, Answered[Result]], rows: Sequence[Row], deadline: float
    ) -> list[Pending[Row, Answered[Result]]]:
        loop = asyncio.get_running_loop()
        now = loop.time()
        sizes = [self._size(row) for row in rows]
        self._admit(queue, len(rows), sum(sizes), deadline, now)
        self._typical += 0.02 * (sizes[0] - self._typical)
        pending = [
            Pending(row, size, now, deadline, loop.create_future())
            for row, size in zip(rows, sizes, strict=True)
        ]
        queue.add(pending)
        self._new += pending
        if len(self._running) < self._lanes:
            self._dispatch_soon()
        else:
            self._set_timers()
        return pending

    def _admit(
        self,
        queue: Queue[Row, Answered[Result]],
        rows: int,
        size: float,
        deadline: float,
        now: float,
    ) -> None:
        """Raise Overloaded where there is no room, or no time."""
        if self._closing:
            raise Draining("The service is shutting down; ask another one.", retry_after_ms=1000)
        if not (self._running or self._single.rows or self._bulk.rows):
            return  # with nothing ahead it is no overload, whatever the estimate: it is tried
        running = sum(max(0.0, run.end - now) for run in self._running) / self._lanes
        before, size_before = queue.ahead(deadline)
        everything, whole_size = queue.rows, queue.size
        if queue is self._bulk:
            before, size_before = before + self._single.rows, size_before + self._single.size
            everything, whole_size = everything + self._single.rows, whole_size + self._single.size
        wait = running + self._pace.seconds(before, size_before) / self._lanes
        own = self._pace.seconds(rows, size) / self._lanes
        held = self._single.size + self._bulk.size + sum(run.size for run in self._running)
        if wait > self._queue_limit and queue is self._single:
            reason = "queue_full"
        elif held + size > self._max_held:
            reason = "memory"
        elif wait + own > deadline - now or not queue.can_give_way(
            deadline, now + running + own, self._pace, self._lanes
        ):
            reason = "deadline"
        else:
            return
        self._metrics.refused(reason)
        drained = running + self._pace.seconds(everything, whole_size) / self._lanes
        raise Overloaded(REFUSALS[reason], retry_after_ms=max(1, ceil(drained * 1000)))

    def _dispatch_soon(self) -> None:
        """Not at once, so that what arrives in the same turn of the event loop runs together."""
        if not self._dispatching:
            self._dispatching = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _dispatch(self) -> None:
        self._dispatching = False
        now = asyncio.get_running_loop().time()
        while len(self._running) < self._lanes and (batch := self._next_batch(now)):
            self._start(batch, now)
            if self._pool is None:
                break  # others have their turn on the event loop between two runs
        self._set_timers()
        rows, size = self._single.rows + self._bulk.rows, self._single.size + self._bulk.size
        self._metrics.waiting(rows, self._pace.seconds(rows, size))
        self._changed.set()

    def _next_batch(self, now: float) -> list[Pending[Row, Answered[Result]]]:
        """What is to run now, taken out of its queue; empty where nothing waits."""
        while self._failed:
            if part := [each for each in self._failed.popleft() if not each.answer.done()]:
                return part
        reason = "idle"
        for each in self._bulk.most_urgent(WINDOW):
            if now > (each.arrived + each.deadline) / 2:
                self._bulk.drop(each)
                self._single.add([each])
                reason = "deadline"
        window = self._single.most_urgent(WINDOW)
        window += self._bulk.most_urgent(WINDOW - len(window))
        while window and self._is_too_late(window[0], now):
            self._expire(window.pop(0))
        if not window:  # there may be more behind it
            return self._next_batch(now) if self._single.rows or self._bulk.rows else []
        leader = window[0]
        window.sort(key=by_size)
        start, end = cheapest_batch(
            [each.size for each in window],
            window.index(leader),
            self._cost,
            max_batch=self._max_batch,
            max_padded=self._max_padded,
            patience=leader.deadline - now,
        )
        batch = window[start:end]
        for each in batch:
            if each.queue:
                each.queue.drop(each)
        if self._single.rows or self._bulk.rows:
            reason = "full" if reason == "idle" else reason
        self._metrics.dispatched(reason)
        return batch

    def _is_too_late(self, pending: Pending[Row, Answered[Result]], now: float) -> bool:
        """Whether a row would not be done by its deadline; one that never had to wait is tried."""
        alone = self._cost.seconds(1, pending.size) if pending.expiry else 0.0
        return now + alone > pending.deadline

    def _start(self, batch: list[Pending[Row, Answered[Result]]], now: float) -> None:
        largest = max(each.size for each in batch)
        run = _Run(
            batch,
            sum(each.size for each in batch),
            largest * len(batch),
            now,
            now + self._cost.seconds(len(batch), largest),
        )
        self._running.append(run)
        rows = [each.row for each in batch]
        if self._pool:
            loop = asyncio.get_running_loop()
            self._pool.submit(self._timed, rows).add_done_callback(
                lambda future: _call_soon(loop, self._ended, run, future)
            )
            return
        future: Future[tuple[Sequence[Result], float]] = Future()
        try:
            future.set_result(self._timed(rows))
        except Exception as error:
            future.set_exception(error)
        self._ended(run, future)

    def _timed(self, rows: Sequence[Row]) -> tuple[Sequence[Result], float]:
        began = time.perf_counter()
        results = self._run(rows)
        if len(results) != len(rows):
            raise ValueError(f"a run of {len(rows)} rows gave {len(results)} results")
        return results, time.perf_counter() - began

    def _ended(
        self, run: _Run[Row, Result], future: Future[tuple[Sequence[Result], float]]
    ) -> None:
        self._running.remove(run)
        batch = run.batch
        if error := future.exception():
            self._split(batch, error)
        else:
            results, seconds = future.result()
            for each, result in zip(batch, results, strict=True):
                queued = run.began - each.arrived
                self._metrics.waited(queued)
                _settle(each, Outcome(result, queued, seconds, len(batch)))
            self._cost.learn(len(batch), run.padded / len(batch), seconds)
            now = asyncio.get_running_loop().time()
            self._pace.learn(len(batch), run.size, now - (self._busy_since or run.began))
            self._metrics.ran(len(batch), run.size, run.padded, seconds)
            more = self._single.rows or self._bulk.rows
            self._busy_since = now if more and not self._pool else 0.0
        self._dispatch_soon()

    def _split(self, batch: list[Pending[Row, Answered[Result]]], error: BaseException) -> None:
        """Have the halves of a failed batch run, until only the bad row has failed."""
        if len(batch) > 1:
            middle = len(batch) // 2
            self._failed += batch[:middle], batch[middle:]
            return
        failure = Internal("The model failed on this input.")
        failure.__cause__ = error
        _settle(batch[0], failure)

    def _set_timers(self) -> None:
        loop = asyncio.get_running_loop()
        for each in self._new:
            if not each.answer.done():
                each.expiry = loop.call_at(each.deadline, self._expire, each)
        self._new.clear()

    def _expire(self, pending: Pending[Row, Answered[Result]]) -> None:
        if pending.queue:
            pending.queue.drop(pending)
            self._changed.set()
        self._metrics.expired()
        _settle(pending, DeadlineExceeded("The answer was not ready within the deadline."))

    def _withdraw(self, pending: Iterable[Pending[Row, Answered[Result]]]) -> None:
        """Forget rows whose client has gone."""
        for each in pending:
            each.answer.cancel()
            if each.expiry:
                each.expiry.cancel()
            if each.queue:
                each.queue.drop(each)
                self._metrics.cancelled()
        self._changed.set()


def _settle(pending: Pending[Row, Answered[Result]], answer: Answered[Result]) -> None:
    if pending.expiry:
        pending.expiry.cancel()
    if not pending.answer.done():  # the client may have gone away
        pending.answer.set_result(answer)


def _call_soon(loop: asyncio.AbstractEventLoop, *call: Any) -> None:
    with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
        loop.call_soon_threadsafe(*call)
