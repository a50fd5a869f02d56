"""Runs so short that they take place on the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from service.batching import SLICE
from tests.clock import Clock
from tests.deadline import DEADLINE, within_deadline
from tests.doubling import batching, values


@within_deadline
async def test_without_threads_runs_take_place_on_the_event_loop() -> None:
    threads = set()

    def run(rows: Sequence[int]) -> list[int]:
        threads.add(threading.get_ident())
        return [2 * row for row in rows]

    async with batching(run, threads=0) as batcher:
        deadline = asyncio.get_running_loop().time() + DEADLINE
        answers = await asyncio.gather(*(batcher.submit(row, deadline) for row in range(20)))
    assert values(answers) == list(range(0, 40, 2))
    assert threads == {threading.get_ident()}


@within_deadline
async def test_others_have_their_turn_on_the_event_loop_after_a_slice_of_runs() -> None:
    events: list[str] = []
    clock = Clock()

    def run(rows: Sequence[int]) -> list[int]:
        clock.jump(0.6 * SLICE)
        events.append("run")
        return [2 * row for row in rows]

    async def another(work: asyncio.Future[Any]) -> None:
        while not work.done():
            events.append("turn")
            await asyncio.sleep(0)

    async with batching(run, threads=0, max_batch=2) as batcher:
        deadline = asyncio.get_running_loop().time() + DEADLINE
        work = asyncio.ensure_future(batcher.submit_many(range(20), deadline))
        await another(work)
    assert events.count("run") == 10
    assert "run run" in " ".join(events)
    assert "run run run" not in " ".join(events)


@within_deadline
async def test_what_arrives_between_two_slices_joins_the_next() -> None:
    batches: list[Sequence[int]] = []
    late: list[asyncio.Future[Any]] = []
    clock = Clock()

    def run(rows: Sequence[int]) -> list[int]:
        clock.jump(1.1 * SLICE)
        batches.append(rows)
        if not late:
            late.append(asyncio.ensure_future(batcher.submit(9, deadline)))
        return [2 * row for row in rows]

    async with batching(run, threads=0, max_batch=2) as batcher:
        deadline = asyncio.get_running_loop().time() + DEADLINE
        await asyncio.gather(*(batcher.submit(row, deadline) for row in (1, 2, 3)))
        await late[0]
    assert batches == [[1, 2], [3, 9]]
