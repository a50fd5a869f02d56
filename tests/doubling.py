"""A stand-in for a model, which doubles numbers and lets a test say when each run ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from service.batching import Batcher, Outcome
from service.errors import ServiceError
from tests.deadline import DEADLINE

BAD = 666  # the number that fails the run that it is part of
ALL = 1000  # more runs than any test has

Answers = list[Outcome[int] | ServiceError]


class Doubling:
    """What a batcher is to run. To be made within the event loop of the test."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self._loop = asyncio.get_running_loop()
        self._begun: asyncio.Queue[list[int]] = asyncio.Queue()
        self._permits = threading.Semaphore(0)

    def __call__(self, rows: Sequence[int]) -> list[int]:
        self.batches.append(list(rows))
        self._loop.call_soon_threadsafe(self._begun.put_nowait, list(rows))
        assert self._permits.acquire(timeout=2 * DEADLINE)
        if BAD in rows:
            raise ArithmeticError(f"cannot double {BAD}")
        return [2 * row for row in rows]

    async def begins(self) -> list[int]:
        """The rows of the next run that has not been asked for, as soon as it has begun."""
        return await self._begun.get()

    def end(self, runs: int = 1) -> None:
        """Let so many runs end, now or when they have begun."""
        self._permits.release(runs)


@asynccontextmanager
async def batching(
    run: Doubling,
    *,
    size: Callable[[int], int] = lambda _: 1,
    max_batch: int = 8,
    queue_limit: int = 1000,
    threads: int = 1,
) -> AsyncIterator[Batcher[int, int]]:
    """A batcher around `run`, closed in the end."""
    batcher = Batcher(run, size=size, max_batch=max_batch, queue_limit=queue_limit, threads=threads)
    try:
        yield batcher
    finally:
        run.end(ALL)
        await batcher.close()


async def ask(
    batcher: Batcher[int, int], *rows: int, patience: float = DEADLINE
) -> asyncio.Task[Answers]:
    """A client that waits for `rows`, which are queued or refused when this returns."""
    deadline = asyncio.get_running_loop().time() + patience
    client = asyncio.create_task(batcher.submit(rows, deadline))
    await asyncio.sleep(0)  # a task takes its first step before those that are already waiting
    return client


def values(answers: Answers) -> list[int | type[ServiceError]]:
    """The results, and the kinds of the errors."""
    return [
        type(answer) if isinstance(answer, ServiceError) else answer.result for answer in answers
    ]
