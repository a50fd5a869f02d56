"""A stand-in for a model, which doubles numbers and lets a test say when each run ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from math import inf

from prometheus_client import REGISTRY

from service.batching import Answered, Batcher
from service.cost import RunCost
from service.errors import ServiceError
from service.telemetry import QueueMetrics
from tests.clock import Clock
from tests.deadline import DEADLINE

BAD = 666  # the number that fails the run that it is part of
ALL = 1000  # more runs than any test has


class Doubling:
    """What a batcher is to run. To be made within the event loop of the test."""

    def __init__(
        self, clock: Clock | None = None, takes: Callable[[Sequence[int]], float] = sum
    ) -> None:
        """With a clock, a run takes the seconds that `takes` makes of its rows."""
        self.batches: list[list[int]] = []
        self._clock = clock
        self._takes = takes
        self._loop = asyncio.get_running_loop()
        self._begun: asyncio.Queue[list[int]] = asyncio.Queue()
        self._permits = threading.Semaphore(0)

    def __call__(self, rows: Sequence[int]) -> list[int]:
        self.batches.append(list(rows))
        self._loop.call_soon_threadsafe(self._begun.put_nowait, list(rows))
        assert self._permits.acquire(timeout=2 * DEADLINE)
        if self._clock:
            self._clock.jump(self._takes(rows))
        if BAD in rows:
            raise ArithmeticError(f"cannot double {BAD}")
        return [2 * row for row in rows]

    async def begins(self) -> list[int]:
        """The rows of the next run that has not been asked for, as soon as it has begun."""
        return await self._begun.get()

    def end(self, runs: int = 1) -> None:
        """Let so many runs end, now or when they have begun."""
        self._permits.release(runs)


class Known(RunCost):
    """What runs cost, where that need not be learned."""

    def __init__(self, seconds: Callable[[int, float], float]) -> None:
        """`seconds` of a run by its rows and the size of its largest."""
        super().__init__(max_batch=1024)
        self._seconds = seconds

    def seconds(self, rows: int, largest: float) -> float:
        return self._seconds(rows, largest)

    def learn(self, rows: int, largest: float, seconds: float) -> None: ...


def always(seconds: float) -> Known:
    """The cost of runs that take the same time whatever is in them, so that larger ones pay."""
    return Known(lambda rows, largest: seconds)  # noqa: ARG005


def itself(row: int) -> int:
    """The size of a row, where a test is about sizes."""
    return row


@asynccontextmanager
async def batching(
    run: Callable[[Sequence[int]], Sequence[int]],
    *,
    size: Callable[[int], float] = lambda _: 1,
    threads: int = 1,
    max_batch: int = 8,
    queue_limit: float = inf,
    max_padded: float = inf,
    max_held: float = inf,
    cost: RunCost | None = None,
) -> AsyncIterator[Batcher[int, int]]:
    """A batcher around `run`, closed in the end."""
    batcher = Batcher(
        run,
        size=size,
        threads=threads,
        max_batch=max_batch,
        queue_limit=queue_limit,
        metrics=QueueMetrics("test", "infer"),
        max_padded=max_padded,
        max_held=max_held,
        cost=cost or always(1e-6),
        margin=1.0,
        clock=lambda: asyncio.get_running_loop().time(),
    )
    try:
        yield batcher
    finally:
        if isinstance(run, Doubling):
            run.end(ALL)
        await batcher.close()


@asynccontextmanager
async def a_second_each(
    clock: Clock, *, threads: int = 1, queue_limit: float = inf, max_held: float = inf
) -> AsyncIterator[tuple[Doubling, Batcher[int, int]]]:
    """A batcher that knows that each row takes a second, with whomever it runs, so that each runs
    alone. All its threads have begun with a row 0 when the test gets it."""
    run = Doubling(clock, takes=len)
    async with batching(
        run,
        threads=threads,
        queue_limit=queue_limit,
        max_held=max_held,
        cost=Known(lambda rows, largest: rows),  # noqa: ARG005
    ) as batcher:
        run.end()
        await (await ask(batcher, 0))
        await run.begins()
        for _ in range(threads):
            await ask(batcher, 0, patience=1000)
            await run.begins()
        run.batches.clear()
        yield run, batcher


async def ask(
    batcher: Batcher[int, int], row: int, patience: float = DEADLINE
) -> asyncio.Task[int]:
    """A client that waits for one row, which is queued or refused when this returns."""

    async def result(deadline: float) -> int:
        return (await batcher.submit(row, deadline)).result

    client = asyncio.create_task(result(asyncio.get_running_loop().time() + patience))
    client.add_done_callback(lambda each: each.cancelled() or each.exception())  # nobody need look
    await asyncio.sleep(0)  # a task takes its first step before those that are already waiting
    return client


async def ask_many(
    batcher: Batcher[int, int], *rows: int, patience: float = DEADLINE
) -> asyncio.Task[list[Answered[int]]]:
    """A client that waits for the rows of a bulk call, as `ask`."""
    deadline = asyncio.get_running_loop().time() + patience
    client = asyncio.create_task(batcher.submit_many(rows, deadline))
    await asyncio.sleep(0)
    return client


def values(answers: Sequence[Answered[int]]) -> list[int | type[ServiceError]]:
    """The results, and the kinds of the errors."""
    return [
        type(answer) if isinstance(answer, ServiceError) else answer.result for answer in answers
    ]


def counted(name: str, **labels: str) -> float:
    """What the metrics of test batchers say by now; `name` without moodigit_."""
    labels = {"model": "test", "stage": "infer", **labels}
    return REGISTRY.get_sample_value(f"moodigit_{name}", labels) or 0.0
