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
from math import inf
from operator import attrgetter
from typing import Any, Generic, TypeVar

from service.admission import Admission, Run
from service.cost import RunCost, cheapest_batch
from service.errors import DeadlineExceeded, Draining, Internal, ServiceError
from service.telemetry import QueueMetrics
from service.waiting import Pending, Queue

Row = TypeVar("Row")
Result = TypeVar("Result")

by_size = attrgetter("size")

WINDOW = 32
"""Of what waits, so many of the most urgent rows are considered for a batch: enough to find some of
like size, few enough that nobody is overtaken by many."""


FEW = 4
"""Rows on the event loop in one turn, below which they do not tell how fast many would go."""

SLICE = 0.02
"""Seconds of runs on the event loop, after which it sees to all else."""


@dataclass(slots=True)
class Outcome(Generic[Result]):
    """What became of one row, and where its time went, in seconds."""

    result: Result
    queued: float
    ran: float
    batch: int  # rows of the run it was part of


Answered = Outcome[Result] | ServiceError


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
        margin: float = 1.15,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`run` takes up to `max_batch` rows and gives a result for each, in order. It is called in
        `threads` threads or, where these are 0, on the event loop: for runs so short that a thread
        would cost more than it saves.

        `size` is what a row costs, above 0 and in any unit. A run costs by its rows and the largest
        of them; rows times that stays within `max_padded`. A call that would wait for more
        than `queue_limit` seconds is refused, as is what would bring the sizes of all that is
        queued or running above `max_held`. A row is admitted if it makes its deadline even where
        all takes `margin` times what is predicted. `clock` tells the time as the event loop does.
        """
        self._run = run
        self._size = size
        self._lanes = threads or 1
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="run") if threads else None
        self._max_batch = max_batch
        self._max_padded = max_padded
        self._metrics = metrics
        self._metrics.lanes(self._lanes)
        self._cost = cost or RunCost(max_batch)
        self._work: Admission[Row, Answered[Result]] = Admission(
            lanes=self._lanes,
            queue_limit=queue_limit,
            max_held=max_held,
            margin=margin,
            metrics=metrics,
        )
        self._failed: deque[list[Pending[Row, Answered[Result]]]] = deque()  # to be run in parts
        self._new: list[Pending[Row, Answered[Result]]] = []  # without a timer for their deadline
        self._dispatching = False
        self._rested = 0.0  # when the last run ended
        self._clock = clock
        self._closing = False
        self._changed = asyncio.Event()

    async def submit(self, row: Row, deadline: float) -> Outcome[Result]:
        """What came out for `row`; raises its ServiceError.

        `deadline` is a time of the event loop: a row that cannot be done by then is refused with
        Overloaded, and one that still waits then is never run (DeadlineExceeded). Cancelling takes
        it out of the queue. Raises Draining while closing.
        """
        pending = self._enqueue(self._work.single, [row], deadline)
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
        pending = self._enqueue(self._work.bulk, rows, deadline)
        try:
            return [await each.answer for each in pending]
        except asyncio.CancelledError:
            self._withdraw(pending)
            raise

    def refuse_if_full(self, deadline: float) -> None:
        """Raise what `submit` would for a row of the usual size, before anyone works on it."""
        self._refuse_if_closing()
        self._work.announce(deadline, self._clock())

    def measure(self, rows: Sequence[Row]) -> None:
        """Run `rows` here and now, to learn what that costs."""
        sizes = [self._size(row) for row in rows]
        began = time.perf_counter()
        self._run(rows)
        seconds = time.perf_counter() - began
        self._cost.learn(len(rows), max(sizes), seconds)
        self._work.pace.learn(len(rows), sum(sizes), seconds)

    async def close(self) -> None:
        """Refuse new rows, and return when all admitted ones are done."""
        self._closing = True
        while self._work.running or self._failed or self._work.rows:
            self._changed.clear()
            await self._changed.wait()
        if self._pool:
            self._pool.shutdown()

    def _enqueue(
        self, queue: Queue[Row, Answered[Result]], rows: Sequence[Row], deadline: float
    ) -> list[Pending[Row, Answered[Result]]]:
        loop = asyncio.get_running_loop()
        now = self._clock()
        sizes = [self._size(row) for row in rows]
        self._refuse_if_closing()
        self._work.check(queue, len(rows), sum(sizes), deadline, now)
        self._work.saw(sizes[0])
        pending = [
            Pending(row, size, now, deadline, loop.create_future())
            for row, size in zip(rows, sizes, strict=True)
        ]
        queue.add(pending)
        self._new += pending
        if len(self._work.running) < self._lanes:
            self._dispatch_soon()
        else:
            self._set_timers()
        return pending

    def _refuse_if_closing(self) -> None:
        if self._closing:
            raise Draining.now()

    def _dispatch_soon(self) -> None:
        """Not at once, so that what arrives in the same turn of the event loop runs together."""
        if not self._dispatching:
            self._dispatching = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _dispatch(self) -> None:
        self._dispatching = False
        began = now = self._clock()
        ran: list[Pending[Row, Answered[Result]]] = []
        while len(self._work.running) < self._lanes and (batch := self._next_batch(now)):
            self._start(batch, now)
            if self._pool is None:
                ran += batch
                now = self._clock()
                if now - began > SLICE:
                    self._dispatch_soon()
                    break
        if len(ran) >= FEW:
            self._work.pace.learn(len(ran), sum(each.size for each in ran), self._turn(ran, now))
        if self._pool is None:
            self._rested = now
        self._set_timers()
        self._metrics.waiting(self._work.rows, self._work.predicted)
        self._changed.set()

    def _turn(self, ran: list[Pending[Row, Answered[Result]]], now: float) -> float:
        """Seconds of the event loop that went into these rows, their way to here included."""
        own = now - max(self._rested, min(each.arrived for each in ran))
        # Under load, reading requests and sending answers fill the time from one turn to the next;
        # they take no longer than the rest.
        return min(now - self._rested, 2 * own) if len(ran) > self._max_batch else own

    def _next_batch(self, now: float) -> list[Pending[Row, Answered[Result]]]:
        """What is to run now, taken out of its queue; empty where nothing waits."""
        while self._failed:
            if part := [each for each in self._failed.popleft() if not each.answer.done()]:
                return part
        reason = "idle"
        for each in self._work.bulk.most_urgent(WINDOW):
            if now > (each.arrived + each.deadline) / 2:
                self._work.bulk.drop(each)
                self._work.single.add([each])
                reason = "deadline"
        window: list[Pending[Row, Answered[Result]]] = []
        while self._work.rows and not window:
            window = self._work.single.most_urgent(WINDOW)
            window += self._work.bulk.most_urgent(WINDOW - len(window))
            while window and self._is_too_late(window[0], now):
                self._expire(window.pop(0))
        if not window:
            return []
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
        if self._work.rows:
            reason = "full" if reason == "idle" else reason
        self._metrics.dispatched(reason)
        return batch

    def _is_too_late(self, pending: Pending[Row, Answered[Result]], now: float) -> bool:
        """Whether a row would not be done by its deadline; one that never had to wait is tried."""
        alone = self._cost.seconds(1, pending.size) if pending.expiry else 0.0
        return now + alone > pending.deadline

    def _start(self, batch: list[Pending[Row, Answered[Result]]], now: float) -> None:
        largest = max(each.size for each in batch)
        run = Run(
            batch,
            sum(each.size for each in batch),
            largest * len(batch),
            now,
            now + self._cost.seconds(len(batch), largest),
        )
        self._work.running.append(run)
        rows = [each.row for each in batch]
        future: Future[tuple[Sequence[Result], float]]
        if self._pool:
            loop = asyncio.get_running_loop()
            try:
                future = self._pool.submit(self._timed, rows)
            except RuntimeError as error:  # no thread can be had
                future = Future()
                future.set_exception(error)
            future.add_done_callback(lambda future: _call_soon(loop, self._ended, run, future))
            return
        future = Future()
        try:
            future.set_result(self._timed(rows))
        except BaseException as error:
            future.set_exception(error)
        self._ended(run, future)

    def _timed(self, rows: Sequence[Row]) -> tuple[Sequence[Result], float]:
        began = time.perf_counter()
        results = self._run(rows)
        if len(results) != len(rows):
            raise ValueError(f"a run of {len(rows)} rows gave {len(results)} results")
        return results, time.perf_counter() - began

    def _ended(
        self, run: Run[Row, Answered[Result]], future: Future[tuple[Sequence[Result], float]]
    ) -> None:
        self._work.running.remove(run)
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
            self._metrics.ran(len(batch), run.size, run.padded, seconds)
            if self._pool:
                now = self._clock()
                # Under load a single thread also waits for the event loop between two runs.
                waiting = max(self._rested, min(each.arrived for each in batch))
                since = waiting if self._lanes == 1 else run.began
                self._work.pace.learn(len(batch), run.size, now - since)
                self._rested = now
        if self._pool or self._failed:
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
