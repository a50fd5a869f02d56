"""Rows that run together, and the answer that each of their clients gets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from itertools import chain

import pytest

from service.batching import Batcher
from service.cost import RunCost
from service.telemetry import QueueMetrics
from tests.clock import Clock
from tests.deadline import DEADLINE, within_deadline
from tests.doubling import ALL, Doubling, Known, always, ask, ask_many, batching, itself, values

FIXED_AND_PADDED = Known(lambda rows, largest: 5 + rows * largest)
"""What a run of a network costs: something by itself, and the rest by its padded size."""


@within_deadline
async def test_lone_row_runs_at_once() -> None:
    run = Doubling()
    async with batching(run) as batcher:
        client = asyncio.create_task(batcher.submit(1, asyncio.get_running_loop().time() + 9))
        assert await run.begins() == [1]
        run.end()
        outcome = await client
        assert (outcome.result, outcome.batch) == (2, 1)


@within_deadline
async def test_no_timer_stands_between_a_row_and_its_run() -> None:
    Clock()  # from here no timer fires
    run = Doubling()
    run.end(ALL)
    for threads in (0, 1, 2):
        async with batching(run, threads=threads) as batcher:
            for row in (1, 2, 3):
                assert await (await ask(batcher, row)) == 2 * row
    assert run.batches == [[1], [2], [3]] * 3


@pytest.mark.parametrize("threads", [0, 1])
@within_deadline
async def test_rows_that_arrive_in_the_same_turn_of_the_loop_run_together(threads: int) -> None:
    run = Doubling()
    run.end(ALL)
    async with batching(run, threads=threads) as batcher:
        deadline = asyncio.get_running_loop().time() + DEADLINE
        await asyncio.gather(*(batcher.submit(row, deadline) for row in (1, 2, 3)))
    assert run.batches == [[1, 2, 3]]


@within_deadline
async def test_rows_that_arrive_while_all_threads_are_busy_run_together() -> None:
    run = Doubling()
    async with batching(run, max_batch=3) as batcher:
        clients = [await ask(batcher, row) for row in range(1, 9)]
        run.end(ALL)
        assert [await client for client in clients] == [2 * row for row in range(1, 9)]
    assert run.batches == [[1], [2, 3, 4], [5, 6, 7], [8]]


@within_deadline
async def test_rows_of_one_call_run_with_those_of_others() -> None:
    run = Doubling()
    async with batching(run, max_batch=4) as batcher:
        calls = [(1,), (2, 3, 4), (5, 6, 7)]
        clients = [await ask_many(batcher, *rows) for rows in calls]
        run.end(ALL)
        assert [values(await client) for client in clients] == [[2], [4, 6, 8], [10, 12, 14]]
    assert run.batches == [[1], [2, 3, 4, 5], [6, 7]]


@within_deadline
async def test_two_threads_run_two_batches_at_a_time() -> None:
    run = Doubling()
    async with batching(run, threads=2) as batcher:
        clients = [await ask(batcher, row) for row in (1, 2, 3, 4)]
        assert sorted([await run.begins(), await run.begins()]) == [[1], [2]]
        run.end()
        assert await run.begins() == [3, 4]
        run.end(2)
        assert [await client for client in clients] == [2, 4, 6, 8]


@pytest.mark.parametrize("seed", range(10))
@within_deadline
async def test_every_row_runs_once_and_its_client_gets_its_result(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    max_batch = chance.randint(1, 9)
    max_padded = chance.choice([100, 400])
    batches: list[Sequence[int]] = []

    def run(rows: Sequence[int]) -> list[int]:
        batches.append(rows)
        return [2 * row for row in rows]

    batcher = Batcher(
        run,
        size=itself,
        threads=chance.randint(0, 4),
        max_batch=max_batch,
        max_padded=max_padded,
        queue_limit=DEADLINE,
        metrics=QueueMetrics("test", "infer"),
        cost=chance.choice([RunCost(max_batch), always(1e-6), FIXED_AND_PADDED]),
    )
    calls = [chance.choices(range(1, 100), k=chance.randint(1, 9)) for _ in range(100)]
    deadline = asyncio.get_running_loop().time() + 100 * DEADLINE
    many, single = await asyncio.gather(
        asyncio.gather(*(batcher.submit_many(call, deadline) for call in calls[1::2])),
        asyncio.gather(*(batcher.submit(row, deadline) for row in chain(*calls[::2]))),
    )
    await batcher.close()

    assert [values(each) for each in many] == [[2 * row for row in call] for call in calls[1::2]]
    assert values(single) == [2 * row for row in chain(*calls[::2])]
    assert sorted(chain(*batches)) == sorted(chain(*calls))
    assert max(map(len, batches)) <= max_batch
    assert all(len(rows) * max(rows) <= max_padded for rows in batches)


@within_deadline
async def test_rows_of_very_different_size_do_not_run_together() -> None:
    run = Doubling()
    async with batching(run, size=itself, cost=FIXED_AND_PADDED) as batcher:
        for row in (1, 20, 5, 20, 5, 20, 5, 20):
            client = await ask(batcher, row, patience=1000)
        run.end(ALL)
        await client
    assert run.batches == [[1], [20] * 4, [5] * 3]


@within_deadline
async def test_row_that_was_passed_over_goes_next_however_many_follow() -> None:
    Clock()
    run = Doubling()
    async with batching(run, size=itself, max_batch=2, cost=FIXED_AND_PADDED) as batcher:
        for row in (1, 10, 100, 10, 10, 10):
            await ask(batcher, row, patience=1000)
        assert await run.begins() == [1]
        run.end()
        assert await run.begins() == [10, 10]
        newest = await ask(batcher, 10, patience=1000)
        run.end(ALL)
        await newest
    assert run.batches[2:] == [[100], [10, 10], [10]]


@within_deadline
async def test_long_rows_do_not_starve_under_a_stream_of_short_ones() -> None:
    clock = Clock()
    run = Doubling(clock, takes=lambda rows: 5 + len(rows) * max(rows))
    async with batching(run, size=itself, max_batch=4, cost=FIXED_AND_PADDED) as batcher:
        await ask(batcher, 1, patience=1000)
        await ask(batcher, 100, patience=1000)
        for _ in range(9):
            for _ in range(6):  # more than a run can take
                await ask(batcher, 1, patience=1000)
            await run.begins()
            run.end()
    assert run.batches.index([100]) == 1
